//! Forged requests as fast as the machine can send them, and what they may write to the log. What looking for their causes
//! costs is measured by `make bench`.

use std::time::{Duration, Instant};

use serde_json::json;
use twilio_proxy_wasm_harness::client::h2::Connection;
use twilio_proxy_wasm_harness::client::{Request, Target};
use twilio_proxy_wasm_harness::envoy::versions;

use crate::site::{HOST, Layout, Site};
use crate::webhook::{FORM, FORM_BODY, signature, signed_form, still_serves};

/// As `src/host/plugin.rs` has it: so many lines at once, and one a second.
const LOG_BURST: u64 = 20;
const CLIENTS: usize = 2;
/// Requests that a client sends before it reads the answers.
const BATCH: usize = 32;

fn forged(number: usize) -> Request {
    let path = format!("/hook/a?n={number}");
    Request::new("POST", HOST, &path)
        .header("content-type", FORM)
        .header("x-forwarded-host", "outer.example")
        .header("x-twilio-signature", signature(&path, &[("forged", "1")]))
        .body(FORM_BODY)
}

/// Sends forged requests for so long, and says how many were answered. Each must be denied.
fn flood(target: &Target, length: Duration) -> u64 {
    let end = Instant::now() + length;
    let client = || {
        let mut connection = Connection::open(target).expect("a listener");
        let batch: Vec<Request> = (0..BATCH).map(forged).collect();
        let mut answered = 0;
        while Instant::now() < end {
            let start = |request| connection.start(request).expect("an open connection");
            let streams: Vec<_> = batch.iter().map(start).collect();
            for mut stream in streams {
                assert_eq!(stream.read_response().expect("an answer").status, 403);
                answered += 1;
            }
        }
        answered
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().map(|client| client.join().expect("a client")).sum()
    })
}

fn layout() -> Layout {
    let mut layout = Layout::default();
    layout.plugin["explain"] = json!(true);
    // An access log of each request would be most of the work.
    layout.manager = json!({ "access_log": [] });
    layout
}

/// The numbers in `(3 lines like this were held back)`.
fn held_back(log: &str) -> u64 {
    let counts = log.split(" lines like this were held back)");
    counts.filter_map(|before| before.rsplit('(').next()?.parse::<u64>().ok()).sum()
}

#[test]
fn a_flood_writes_no_more_lines_than_the_limit_and_each_names_a_cause() {
    for binary in versions() {
        let site = Site::start(&binary, &layout());
        let begin = Instant::now();
        let sent = flood(&site.target(), Duration::from_secs(10));
        let most = LOG_BURST + begin.elapsed().as_secs() + 1;
        assert!(sent > 10 * most, "{sent} requests are no flood");
        assert_eq!(site.count("denied", "signature_mismatch"), sent);
        let log = site.envoy.log();
        let lines: Vec<_> = log.lines().filter(|line| line.contains("twilio_webhook: denied")).collect();
        let written = u64::try_from(lines.len()).expect("a number");
        assert!((LOG_BURST..=most).contains(&written), "{written} lines, not {LOG_BURST} to {most}");
        let unknown = "reason=signature_mismatch cause=unknown setting=auth_tokens: ";
        assert!(lines.iter().all(|line| line.contains(unknown)), "{lines:#?}");
        assert!(held_back(&log) > 0 && held_back(&log) <= sent - written, "{} of {sent}", held_back(&log));
        still_serves(&site);
        let request = signed_form("/hook/a");
        crate::webhook::passes(&site, crate::webhook::BOTH[0], &request, FORM_BODY.as_bytes());
    }
}
