//! One row of the table: what is sent, what must become of it, and how that is checked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{self, Failure, Request, h1};
use twilio_proxy_wasm_harness::upstream::{Protocol, Request as Received};

use super::raw;
use crate::site::{HOST, Layout, Site, TOKEN};
use crate::webhook::{BOTH, FORM, FORM_BODY, PARAMS, passes, signature_with, signed_form};

/// What is sent.
pub enum Wire {
    /// A request, over both protocols, each on a connection of its own.
    Both(Request),
    /// The same over HTTP/1.1, or HTTP/2, alone.
    Over(Protocol, Request),
    /// Bytes as they are, on an HTTP/1.1 connection.
    Bytes(Vec<u8>),
    /// Bytes as they are, and then a TCP reset.
    BytesThenReset(Vec<u8>),
    /// HTTP/2 frames after the preface; the request is on stream 1.
    Frames(Vec<u8>),
}

/// What must become of it.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// The filter denies it for this reason.
    Denied(&'static str),
    /// The filter verifies it, and the upstream gets it whole.
    Verified,
    /// It is on no route, and the upstream gets it: none of the filter's business.
    Unmatched,
    /// The proxy itself refuses it with this status, whatever the filter thinks of it.
    Refused(u16),
    /// The proxy ends the stream or the connection without an answer, or the client does.
    Cut,
    /// The same while the filter holds it, or the proxy refuses it then with this status.
    Incomplete(Option<u16>),
    /// One of these, by the version of the proxy; nothing of it reaches the upstream.
    KeptOut,
}

pub struct Row {
    name: &'static str,
    wire: Wire,
    end: End,
}

pub fn row(name: &'static str, wire: impl Into<Wire>, end: End) -> Row {
    Row { name, wire: wire.into(), end }
}

impl From<Request> for Wire {
    fn from(request: Request) -> Wire {
        Wire::Both(request)
    }
}

pub const OTHER_TOKEN: &str = "test-token-of-another-route";
pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub const ACCOUNT_TOKEN: &str = "test-token-of-one-account";
pub const SHARED_256: &str = "test-shared-key-sha256";
pub const SHARED_1: &str = "test-shared-key-sha1";

/// One policy with routes of every kind; what is on none of them passes.
pub fn policy() -> Value {
    json!({
        "verified_header": "x-twilio-verified",
        "auth_tokens": [{ "value": TOKEN }],
        "unmatched": "allow",
        "routes": [
            { "name": "hosted", "match": { "hosts":
                ["hosted.example.com", "under_score.example.com", "*.wild.example.com", "[2001:db8::1]"] } },
            { "name": "tied", "match": { "hosts": ["tied.example.com"] },
              "auth_tokens": [{ "value": ACCOUNT_TOKEN, "account_sid": ACCOUNT }] },
            { "name": "shared", "match": { "hosts": ["shared.example.com"] }, "shared_keys": [
                { "id": "webhooks_sharedkey_a", "algorithm": "HMAC_SHA256", "value": SHARED_256 },
                { "id": "webhooks_sharedkey_b", "algorithm": "HMAC_SHA1", "value": SHARED_1 } ] },
            { "name": "other", "match": { "path": { "prefix": "/other" } },
              "auth_tokens": [{ "value": OTHER_TOKEN }] },
            { "name": "hook", "match": { "path": { "prefix": "/hook" } } },
        ]
    })
}

pub fn with_policy(layout: Layout) -> Layout {
    let mut plugin = policy();
    plugin["hold"] = layout.plugin.get("hold").cloned().unwrap_or_else(|| json!("self"));
    // After a protocol error the proxy says good-bye only this long afterwards; by default a second.
    Layout { plugin, manager: json!({ "delayed_close_timeout": "0.05s" }), ..layout }
}

/// A POST of the form that `signed_form` sends, on this URL, signed for another.
pub fn form_for(authority: &str, path: &str, token: &str, url: &str) -> Request {
    Request::new("POST", authority, path)
        .header("content-type", FORM)
        .header("x-twilio-signature", signature_with(token, url, &PARAMS))
        .body(FORM_BODY)
}

/// A GET signed for this URL with this token.
pub fn get_for(authority: &str, path: &str, token: &str, url: &str) -> Request {
    Request::new("GET", authority, path).header("x-twilio-signature", signature_with(token, url, &[]))
}

/// An unsigned GET.
pub fn get(authority: &str, path: &str) -> Request {
    Request::new("GET", authority, path)
}

/// The URL of a path on the host that tests use.
pub fn url(path: &str) -> String {
    format!("http://{HOST}{path}")
}

/// Sends each row, checks what became of it, and that the next good request passes.
pub fn check(site: &Site, rows: &[Row]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, Row { name, wire, end }) in rows.iter().enumerate() {
        let protocols: &[Protocol] = if matches!(wire, Wire::Both(_)) { &BOTH } else { &[Protocol::Http1] };
        for protocol in protocols {
            let (protocol, problem) = became(site, wire, *protocol, *end);
            wrong.extend(
                problem.map(|problem| format!("{name}, over {protocol:?}, expected {end:?}: {problem}")),
            );
        }
        passes(site, BOTH[number % 2], &signed_form("/hook/next"), FORM_BODY.as_bytes());
    }
    wrong
}

/// Sends a row. The answer is the protocol that it came to, and what is not as expected, if anything.
fn became(site: &Site, wire: &Wire, protocol: Protocol, end: End) -> (Protocol, Option<String>) {
    let (before, mark) = (counters(site), site.upstream.mark());
    let send = |protocol, request| client::send(&site.target(), protocol, request).map(|it| it.status);
    let (protocol, answer) = match wire {
        Wire::Both(request) => (protocol, send(protocol, request)),
        Wire::Over(only, request) => (*only, send(*only, request)),
        Wire::Bytes(bytes) => (Protocol::Http1, send_bytes(site, bytes)),
        Wire::BytesThenReset(bytes) => (Protocol::Http1, send_and_reset(site, bytes)),
        Wire::Frames(frames) => (Protocol::Http2, raw::exchange(&site.target(), frames)),
    };
    let count = || -> Vec<String> {
        counters(site)
            .into_iter()
            .filter(|(outcome, count)| before.get(outcome) != Some(count))
            .map(|(outcome, count)| format!("{outcome} {}", count - before.get(&outcome).unwrap_or(&0)))
            .collect()
    };
    let (outcome, status) = match end {
        End::Denied(reason) => {
            (Some(format!("denied {reason} 1")), Some(if reason == "body_too_large" { 413 } else { 403 }))
        }
        End::Verified => (Some("allowed none 1".to_owned()), Some(200)),
        End::Unmatched => (Some("passed none 1".to_owned()), Some(200)),
        End::Refused(status) => (None, Some(status)),
        End::Incomplete(status) => (Some("incomplete none 1".to_owned()), status),
        End::Cut | End::KeptOut => (None, None),
    };
    let answered = match (&answer, status) {
        (Ok(answered), Some(status)) => *answered == status,
        // A proxy that answers before it has read the body closes the connection, and the client may be cut off
        // before it reads the answer. The counters and the upstream tell what happened.
        (Err(Failure::Reset), Some(status)) => protocol == Protocol::Http1 && status >= 400,
        (answer, None) => matches!(end, End::KeptOut) || answer.is_err(),
        (Err(_), Some(_)) => false,
    };
    let reached = match end {
        End::Verified | End::Unmatched => {
            let whole = |requests: &[_]| matches!(requests, [Received { complete: true, .. }]);
            let received = site.upstream.wait_until(mark, Duration::from_secs(2), whole);
            received.err().map(|requests| format!("{requests:?}"))
        }
        End::Denied(_) | End::Refused(_) | End::Incomplete(_) | End::Cut | End::KeptOut => {
            let leaked = site.upstream.bytes_since(mark);
            (!leaked.is_empty()).then(|| format!("{}", leaked.escape_ascii()))
        }
    };
    let expected: Vec<String> = outcome.into_iter().collect();
    // What breaks off is counted when the proxy has noticed.
    let deadline = Instant::now() + Duration::from_secs(2);
    let mut counted = count();
    while matches!(end, End::Incomplete(_)) && counted != expected && Instant::now() < deadline {
        counted = count();
    }
    let counts = matches!(end, End::KeptOut) || counted == expected;
    let as_expected = counts && answered && reached.is_none();
    let problem = format!("answered {answer:?}, counted {counted:?}, at the upstream {reached:?}");
    (protocol, (!as_expected).then_some(problem))
}

fn send_bytes(site: &Site, bytes: &[u8]) -> Result<u16, Failure> {
    let mut connection = h1::Connection::open(&site.target())?;
    // A proxy that refuses what it has read so far may close before it has read all.
    let _ = connection.send(bytes);
    connection.read_response().map(|response| response.status)
}

fn send_and_reset(site: &Site, bytes: &[u8]) -> Result<u16, Failure> {
    let mut connection = h1::Connection::open(&site.target())?;
    connection.send(bytes)?;
    // Until the proxy has read it: the reset would overtake what is still in the socket.
    std::thread::sleep(Duration::from_millis(20));
    connection.abort();
    Err(Failure::Reset)
}

/// What the filter has counted, on all routes: `denied missing_signature` and so on.
fn counters(site: &Site) -> BTreeMap<String, u64> {
    let mut counters = BTreeMap::new();
    for line in site.envoy.admin("/stats?usedonly&filter=twilio_webhook_requests_total").lines() {
        let label = |name: &str| line.split(&format!("{name}=.=")).nth(1)?.split(";.;").next();
        let count = line.rsplit(": ").next().and_then(|count| count.parse::<u64>().ok());
        let (Some(verdict), Some(reason), Some(count)) = (label("verdict"), label("reason"), count) else {
            panic!("expected a counter in {line:?}")
        };
        *counters.entry(format!("{verdict} {reason}")).or_default() += count;
    }
    counters
}
