//! `report` and `off`: nothing is denied, changed or kept waiting, and `report` counts what would have been denied.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;
use twilio_proxy_wasm_harness::client::{Request, Response, h1, h2};
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::{self, Protocol};
use twilio_webhook::sign::body_hash;

use crate::site::{HOST, Layout, Site};
use crate::webhook::{BOTH, FORM, form, signature, signed_form};

/// Small, so that thousands of bodies can be larger.
const LIMIT: usize = 2_000;
const WAIT: Duration = Duration::from_secs(10);

fn layout(mode: &str) -> Layout {
    Layout::default().with_route(json!({ "mode": mode, "max_body_bytes": LIMIT }))
}

/// A request of the test, with what must reach the upstream.
struct Case {
    request: Request,
    path: String,
    body: Vec<u8>,
    /// How `report` counts it.
    counter: &'static str,
}

/// The request with this number: forms, JSON, and bodies over the limit, with a length and without one.
fn case(number: usize, signed: bool) -> Case {
    let is_large = number % 10 >= 8;
    let text = format!("case {number} {}", "x".repeat(if is_large { LIMIT } else { number % 300 }));
    if (5..8).contains(&(number % 10)) {
        return json_case(number, signed);
    }
    let path = format!("/hook/form?n={number}");
    let body = format!("Body={}&Empty=", text.replace(' ', "+"));
    let right = signature(&path, &[("Body", &text), ("Empty", "")]);
    let altered = signature(&path, &[("Body", &text)]);
    let (signature, counter) = match (signed, number % 3) {
        (true, _) if is_large => (Some(right), "reported body_too_large"),
        (true, _) => (Some(right), "allowed none"),
        (false, _) if is_large => (Some(altered), "reported body_too_large"),
        (false, 0) => (None, "reported missing_signature"),
        (false, 1) => (Some(altered), "reported signature_mismatch"),
        (false, _) => (Some("forged".to_owned()), "reported malformed_signature"),
    };
    let request = Request::new("POST", HOST, &path).header("content-type", FORM);
    let request =
        signature.iter().fold(request, |request, value| request.header("x-twilio-signature", value));
    let request = match number % 10 {
        0 | 9 => request.frames(body.as_bytes().chunks(700)),
        _ => request.body(&body),
    };
    Case { request, path, body: body.into_bytes(), counter }
}

/// JSON that is signed, or whose body is not the one that was.
fn json_case(number: usize, signed: bool) -> Case {
    let body = |word: &str| format!(r#"{{"n": {number}, "is": "{word}", "é": "\u00e9"}}"#).into_bytes();
    let path = format!("/hook/json?n={number}&bodySHA256={}", body_hash(&body("right")));
    let sent = body(if signed { "right" } else { "swapped" });
    let request = Request::new("POST", HOST, &path)
        .header("content-type", "application/json")
        .header("x-twilio-signature", signature(&path, &[]));
    let request = if number.is_multiple_of(2) { request.body(&sent) } else { request.frames(sent.chunks(9)) };
    let counter = if signed { "allowed none" } else { "reported body_hash_mismatch" };
    Case { request, path, body: sent, counter }
}

/// A connection that is kept.
enum Kept {
    Http1(h1::Connection),
    Http2(h2::Connection),
}

impl Kept {
    fn open(site: &Site, protocol: Protocol) -> Kept {
        match protocol {
            Protocol::Http1 => Kept::Http1(h1::Connection::open(&site.target()).expect("a connection")),
            Protocol::Http2 => Kept::Http2(h2::Connection::open(&site.target()).expect("a connection")),
        }
    }

    fn request(&mut self, request: &Request) -> Response {
        let response = match self {
            Kept::Http1(connection) => connection.request(request),
            Kept::Http2(connection) => connection.request(request),
        };
        response.unwrap_or_else(|failure| panic!("expected an answer to {request:?}, not {failure:?}"))
    }
}

/// Sends 500 signed and 500 forged requests over each protocol, on one connection each, and sees all of them at
/// the upstream. The answer is how each was to be counted.
fn send_all(site: &Site) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    let mut sent = Vec::new();
    for protocol in BOTH {
        let mut connection = Kept::open(site, protocol);
        for number in 0..1_000 {
            let Case { request, path, body, counter } = case(number / 2, number % 2 == 0);
            let response = connection.request(&request);
            assert_eq!(
                (response.status, response.text().as_str()),
                (200, "upstream\n"),
                "{protocol:?} {path}"
            );
            *counts.entry(counter).or_default() += 1;
            sent.push((path, body));
        }
    }
    let received = site.upstream.requests();
    assert_eq!(received.len(), sent.len());
    for (request, (path, body)) in received.iter().zip(sent) {
        assert!(request.complete && request.path == path && request.body == body, "{path}: {request:?}");
    }
    counts
}

#[test]
fn a_thousand_signed_and_a_thousand_forged_requests_all_pass_and_are_counted() {
    for binary in versions() {
        let site = Site::start(&binary, &layout("report"));
        let started = Instant::now();
        let counts = send_all(&site);
        let expected = [
            ("allowed none", 800),
            ("reported body_hash_mismatch", 300),
            ("reported body_too_large", 400),
            ("reported malformed_signature", 166),
            ("reported missing_signature", 166),
            ("reported signature_mismatch", 168),
        ];
        assert_eq!(counts, BTreeMap::from(expected));
        for (counter, count) in expected {
            let (verdict, reason) = counter.split_once(' ').unwrap();
            assert_eq!(site.count(verdict, reason), count, "Envoy {} {counter}", binary.version);
        }
        // As many lines as a flood of denials may buy: 20, and one a second.
        let seconds = usize::try_from(started.elapsed().as_secs()).unwrap();
        let lines = site.envoy.log().matches("twilio_webhook: reported route=hook reason=").count();
        assert!((20..=21 + seconds).contains(&lines), "{lines} lines in {seconds} s");
    }
}

#[test]
fn off_passes_everything_and_verifies_nothing() {
    for binary in versions() {
        let site = Site::start(&binary, &layout("off"));
        let sent = send_all(&site).values().sum::<u64>();
        assert_eq!(site.count("passed", "none"), sent);
        assert!(!site.envoy.log().contains("twilio_webhook: reported"), "{}", site.envoy.log());
    }
}

/// So much of the body has been sent, and it is there already.
fn has_come(requests: &[upstream::Request], body: &[u8]) -> bool {
    matches!(requests, [request] if request.body == body && !request.ended)
}

#[test]
fn the_upstream_has_what_the_client_has_sent_so_far() {
    for (binary, upstream) in versions().into_iter().flat_map(|binary| BOTH.map(|it| (binary.clone(), it))) {
        for mode in ["report", "off"] {
            let site = Site::start(&binary, &layout(mode).with_upstream(upstream));
            let right = signature("/hook/a", &[("Body", "Hi")]);
            let request = Request::new("POST", HOST, "/hook/a").header("content-type", FORM);
            let request = request.header("x-twilio-signature", right);
            let wait_for = |mark, body: &[u8]| {
                let come = site.upstream.wait_until(mark, WAIT, |requests| has_come(requests, body));
                let version = &binary.version;
                come.unwrap_or_else(|requests| panic!("Envoy {version} {mode}: {body:?}, not {requests:?}"));
            };

            let mark = site.upstream.mark();
            let mut connection = h1::Connection::open(&site.target()).expect("a connection");
            connection.send(&request.clone().body("Body=Hi").h1_head()).expect("to send the headers");
            wait_for(mark, b"");
            connection.send(b"Body=").expect("to send the beginning");
            wait_for(mark, b"Body=");
            connection.send(b"Hi").expect("to send the end");
            assert_eq!(connection.read_response().expect("an answer").status, 200);

            let mark = site.upstream.mark();
            let mut connection = h2::Connection::open(&site.target()).expect("a connection");
            let mut stream = connection.start(&request.unfinished()).expect("a stream");
            wait_for(mark, b"");
            stream.send_data(b"Body=", false).expect("to send the beginning");
            wait_for(mark, b"Body=");
            stream.send_data(b"Hi", true).expect("to send the end");
            assert_eq!(stream.read_response().expect("an answer").status, 200);

            let bodies: Vec<_> = site.upstream.requests().into_iter().map(|request| request.body).collect();
            assert_eq!(bodies, [b"Body=Hi", b"Body=Hi"]);
            let verdict = if mode == "off" { "passed" } else { "allowed" };
            assert_eq!(site.count(verdict, "none"), 2);
        }
    }
}

/// The filter holds nothing, so that the answer may come before it has seen what it would judge.
#[test]
fn what_the_proxy_answers_before_the_body_has_come_is_incomplete() {
    for binary in versions() {
        let mut layout = layout("report");
        layout.routes.as_array_mut().expect("routes").retain(|route| route["name"] == "direct");
        let site = Site::start(&binary, &layout);
        let counted = || {
            let text = site.envoy.prometheus();
            let ours = text.lines().filter(|line| line.starts_with("twilio_webhook_requests_total{"));
            ours.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum::<u64>()
        };
        for (path, status) in [("/hook/direct", 200), ("/hook/none", 404)] {
            let mut connection = h2::Connection::open(&site.target()).expect("a connection");
            let mut stream = connection.start(&signed_form(path).unfinished()).expect("a stream");
            assert_eq!(stream.read_response().expect("an answer").status, status, "{path}");
        }
        assert_eq!(site.count("incomplete", "none"), 2, "Envoy {}", binary.version);
        assert_eq!(counted(), 2, "Envoy {}", binary.version);
        // For this one the headers are enough.
        let mut connection = h2::Connection::open(&site.target()).expect("a connection");
        let mut stream = connection.start(&form("/hook/direct").unfinished()).expect("a stream");
        assert_eq!(stream.read_response().expect("an answer").status, 200);
        assert_eq!((counted(), site.count("reported", "missing_signature")), (3, 1));
    }
}

#[test]
fn enforcement_sends_nothing_before_the_end() {
    for binary in versions() {
        let site = Site::start(&binary, &layout("enforce"));
        let mark = site.upstream.mark();
        let mut connection = h2::Connection::open(&site.target()).expect("a connection");
        let path = "/hook/a";
        let request = Request::new("POST", HOST, path).header("content-type", FORM).frames(["Body="]);
        let request = request.header("x-twilio-signature", signature(path, &[("Body", "Hi")])).unfinished();
        let mut stream = connection.start(&request).expect("a stream");
        // The worker has seen what was sent before this.
        assert_eq!(connection.request(&form(path)).expect("an answer").status, 403);
        assert!(site.upstream.bytes_since(mark).is_empty());
        stream.send_data(b"Hi", true).expect("to send the end");
        assert_eq!(stream.read_response().expect("an answer").status, 200);
        assert_eq!(Kept::open(&site, Protocol::Http1).request(&signed_form(path)).status, 200);
    }
}
