//! A thousand changes of the file under load.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;

use serde_json::json;
use twilio_proxy_wasm_harness::client::h2::Connection;
use twilio_proxy_wasm_harness::client::{Request, Target};
use twilio_proxy_wasm_harness::envoy::Options;

use super::{Tokens, becomes, layout, new_enough, signed, status, with_readers};
use crate::site::{HOST, Layout, Site};

const SWAPS: usize = 1_000;
const CLIENTS: usize = 2;
const TOKENS: [&str; 2] = ["test-token-a", "test-token-b"];

fn webhook(token: &str) -> Request {
    signed(&format!("http://{HOST}/hook/direct"), token)
}

/// Sends webhooks of either token and forged ones until it is told to stop, and counts them. None may be judged wrongly.
fn load(target: &Target, stop: &AtomicBool, sent: &AtomicU64) {
    let mut connection = Connection::open(target).expect("a listener");
    let batch = [(TOKENS[0], 200), (TOKENS[1], 200), ("test-token-c", 403), ("", 403)];
    let batch = batch.map(|(token, status)| (webhook(token), status));
    while !stop.load(Ordering::Relaxed) {
        for (request, expected) in &batch {
            let answer = connection.request(request).expect("an answer");
            let before = sent.fetch_add(1, Ordering::Relaxed);
            assert_eq!(answer.status, *expected, "after {before} requests");
        }
    }
}

#[test]
fn no_webhook_is_judged_wrongly_while_the_file_changes_a_thousand_times() {
    for (binary, reader) in with_readers(&new_enough()) {
        let tokens = Tokens::new(TOKENS.join("\n"));
        let mut layout = layout(Layout::default(), tokens.filter(reader));
        layout.manager = json!({ "access_log": [] });
        let site = Site::start_with(binary, &layout, &Options::default().concurrency(2));
        let (stop, sent, target) = (AtomicBool::new(false), AtomicU64::new(0), site.target());
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| load(&target, &stop, &sent))).collect();
            let ended = || clients.iter().any(ScopedJoinHandle::is_finished);
            // So many swaps, and on a busy machine more: under a load, all the same.
            let is_enough = |swap| swap >= SWAPS && (sent.load(Ordering::Relaxed) > 1_000 || ended());
            for swap in (0..).take_while(|swap| !is_enough(*swap)) {
                // Both are there each time, in another order, with more between them or less.
                let (first, second) = (TOKENS[swap % 2], TOKENS[(swap + 1) % 2]);
                let between = "\ntest-token-d".repeat(swap % 3);
                tokens.write(format!("{first}{between}\n{second}\n"));
                // A change that Envoy has not read yet would be skipped.
                if swap % 10 == 0 {
                    assert_eq!(status(&target, &webhook(TOKENS[0])), 200);
                }
            }
            stop.store(true, Ordering::Relaxed);
            clients.into_iter().for_each(|client| client.join().expect("no wrong verdict"));
        });
        tokens.write("test-token-e\n");
        becomes(&target, &webhook("test-token-e"), 200);
        becomes(&target, &webhook(TOKENS[0]), 403);
    }
}
