//! A long run: mixed requests, exact counters, no 5xx, and no growth of memory. `make test` sends a few thousand, `make soak`
//! a million.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test that meets what it does not expect is to fail at once; it takes a part of what the others share"
)]

#[path = "e2e/site.rs"]
mod site;
#[path = "e2e/webhook.rs"]
mod webhook;

use std::time::Instant;

use serde_json::json;
use twilio_proxy_wasm_harness::client::{Request, Target, h2};
use twilio_proxy_wasm_harness::envoy::{Options, versions};
use twilio_webhook::sign::body_hash;

use site::{HOST, Layout, Site};
use webhook::{FORM, FORM_BODY, PARAMS, form, signature, signature_with};

/// Unless told otherwise, by `SOAK_REQUESTS`.
const REQUESTS: usize = 12_000;
/// Of so many requests and more, memory is compared.
const MANY: usize = 1_000_000;
const CLIENTS: usize = 2;
/// The run is cut into so many legs. After the first of them nothing may grow.
const LEGS: usize = 10;
/// Each client has so many requests of every kind on their way at once.
const AT_ONCE: usize = 4;

/// A request, the status that answers it, and the verdict and reason that count it.
struct Kind {
    request: Request,
    status: u16,
    verdict: &'static str,
    reason: &'static str,
}

/// The proxy itself answers what is verified, so that the run measures the filter and not an upstream.
fn kinds() -> Vec<Kind> {
    let path = "/hook/direct";
    let (params, none): (&[_], &[_]) = (&PARAMS, &[]);
    let sign = |request: Request, params| request.header("x-twilio-signature", signature(path, params));
    let get = || Request::new("GET", HOST, path);
    let frames = Request::new("POST", HOST, path).header("content-type", FORM);
    let other = signature_with("test-token-of-another", &format!("http://{HOST}{path}"), &PARAMS);
    let json = format!("{path}?bodySHA256={}", body_hash(br#"{"event":"message.delivered"}"#));
    let json = Request::new("POST", HOST, &json).header("x-twilio-signature", signature(&json, none));
    let settings = "key=webhooks_sharedkey_none,algorithm=HMAC_SHA256";
    let allowed = |request| Kind { request, status: 200, verdict: "allowed", reason: "none" };
    let denied = |request, reason| Kind { request, status: 403, verdict: "denied", reason };
    let large = form(path).body(vec![b'a'; 300_000]).header("x-twilio-signature", signature(path, none));
    vec![
        allowed(sign(form(path), params)),
        allowed(sign(get(), none)),
        allowed(sign(frames.frames(FORM_BODY.as_bytes().chunks(9)), params)),
        denied(get(), "missing_signature"),
        denied(get().header("x-twilio-signature", "short"), "malformed_signature"),
        denied(form(path).header("x-twilio-signature", other), "signature_mismatch"),
        denied(sign(Request::new("POST", HOST, path).body("{}"), none), "unsigned_body"),
        denied(json.body("{}"), "body_hash_mismatch"),
        denied(sign(get().header("x-twilio-webhooks-signature-settings", settings), none), "unknown_key"),
        Kind { status: 413, ..denied(large, "body_too_large") },
    ]
}

/// Sends so many requests of each kind.
fn client(target: &Target, kinds: &[Kind], of_each: usize) {
    let mut connection = h2::Connection::open(target).expect("a connection");
    let mut left = of_each;
    while left > 0 {
        let count = left.min(AT_ONCE);
        left -= count;
        let batch: Vec<&Kind> = kinds.iter().cycle().take(kinds.len() * count).collect();
        let start = |kind: &&Kind| connection.start(&kind.request).expect("an open connection");
        let streams: Vec<_> = batch.iter().map(start).collect();
        for (mut stream, kind) in streams.into_iter().zip(batch) {
            assert_eq!(stream.read_response().map(|it| it.status), Ok(kind.status), "{}", kind.reason);
        }
    }
}

#[test]
fn a_long_run_counts_exactly_and_grows_by_nothing() {
    let requests = std::env::var("SOAK_REQUESTS")
        .map_or(REQUESTS, |text| text.parse().expect("SOAK_REQUESTS: a number"));
    for layout in [Layout::default(), Layout::buffer_after()] {
        let layout = Layout { manager: json!({ "access_log": [] }), ..layout };
        let binary = versions().pop().expect("an Envoy");
        soak(&Site::start_with(&binary, &layout, &Options::default().log_level("error")), requests);
    }
}

fn soak(site: &Site, requests: usize) {
    let (kinds, target) = (kinds(), site.target());
    let of_each = requests.div_ceil(kinds.len() * CLIENTS * LEGS);
    let mut measured = Vec::new();
    let started = Instant::now();
    for _ in 0..LEGS {
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| client(&target, &kinds, of_each));
            }
        });
        measured.push((site.envoy.memory(), site.envoy.resident()));
    }
    let each = (of_each * CLIENTS * LEGS) as u64;
    let sent = each * kinds.len() as u64;
    println!("{sent} requests, {:.0} a second", sent as f64 / started.elapsed().as_secs_f64());
    for (leg, (allocated, resident)) in (1..).zip(&measured) {
        println!("after leg {leg}: {allocated} bytes allocated, {resident} resident");
    }
    for Kind { verdict, reason, .. } in &kinds {
        let count = kinds.iter().filter(|kind| (kind.verdict, kind.reason) == (*verdict, *reason)).count();
        assert_eq!(site.count(verdict, reason), each * count as u64, "{verdict} {reason}");
    }
    assert_eq!(site.envoy.counter("http.main.downstream_rq_2xx"), each * 3);
    assert_eq!(site.envoy.counter("http.main.downstream_rq_4xx"), each * 7);
    assert_eq!(site.envoy.counter("http.main.downstream_rq_5xx"), 0);
    assert_eq!(site.upstream.requests().len(), 0);
    if requests >= MANY {
        let (first, last) = (measured[0], measured[LEGS - 1]);
        assert!(last.0 <= first.0 + first.0 / 50, "allocated: {measured:?}");
        assert!(last.1 <= first.1 + first.1 / 50, "resident: {measured:?}");
    }
}
