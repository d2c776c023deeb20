//! What clients may make the virtual machine keep: never so much that it ends.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;
use twilio_proxy_wasm_harness::client::{Request, Target, h1, h2};
use twilio_proxy_wasm_harness::envoy::{Envoy, Options, versions};
use twilio_proxy_wasm_harness::upstream::{Protocol, Upstream};

use super::soon;
use crate::site::{HOST, Layout, Site, cluster};
use crate::webhook::{BOTH, FORM_BODY, form, passes, send, signature, signed_form, still_serves};

/// The largest body that can be configured.
const MOST_BODY: usize = 67_108_864;
/// How much requests may keep, as `src/exchange/memory.rs` has it.
const MOST_KEPT: usize = 268_435_456;

/// Sends the head of a request, forged and with a body of so many bytes, and so much of the body.
fn begin(target: &Target, request: Request, size: usize, body: &[u8]) -> h1::Connection {
    let head = request.header("x-twilio-signature", signature("/elsewhere", &[])).body("x").h1_head();
    let head = String::from_utf8(head).expect("text");
    let head = head.replace("content-length: 1\r\n", &format!("content-length: {size}\r\n"));
    let mut connection = h1::Connection::open(target).expect("a connection");
    connection.set_deadline(Duration::from_secs(60));
    connection.send(head.as_bytes()).expect("to send a head");
    connection.send(body).expect("to send a body");
    connection
}

/// Half as many parameters as bytes, in a body of a size that is allowed: read as parameters by nobody, neither to verify
/// it nor to find out why it is denied.
#[test]
fn a_body_of_nothing_but_parameters_ends_nothing() {
    let body = b"a&".repeat(MOST_BODY / 2);
    let text = Request::new("POST", HOST, "/hook/a").header("content-type", "text/plain");
    let attacks = [
        (form("/hook/a"), 413, "body_too_large"),
        (form("/hook/a?bodySHA256=00"), 403, "signature_mismatch"),
        (text, 403, "unsigned_body"),
    ];
    for binary in versions() {
        let layout = Layout {
            listener: json!({ "per_connection_buffer_limit_bytes": 2 * MOST_BODY }),
            ..Layout::default().with_route(json!({ "max_body_bytes": MOST_BODY }))
        };
        let site = Site::start(&binary, &layout);
        still_serves(&site);
        let mark = site.upstream.mark();
        for (request, status, reason) in &attacks {
            let mut connection = begin(&site.target(), request.clone(), MOST_BODY, &body);
            let answer = connection.read_response().map(|it| it.status);
            assert_eq!(answer, Ok(*status), "Envoy {}: {}", binary.version, site.envoy.output());
            assert_eq!(site.count("denied", reason), 1);
        }
        assert!(site.upstream.bytes_since(mark).is_empty());
        still_serves(&site);
    }
}

/// In report mode bodies pass, and the filter copies them: so many as there is room for in the virtual machine, whichever
/// of its configurations they are for.
#[test]
fn copies_end_nothing_and_what_finds_no_room_for_one_passes_unverified() {
    const MANY: u64 = 20;
    // Their headers take the rest.
    const FIT: u64 = 3;
    for binary in versions() {
        let mut layout =
            Layout::default().with_route(json!({ "mode": "report", "max_body_bytes": MOST_BODY }));
        layout.routes = json!([
            { "match": { "prefix": "/hook/sink" }, "route": { "cluster": "sink", "timeout": "0s" } },
            { "match": { "prefix": "/" }, "route": { "cluster": "upstream" } },
        ]);
        let mut other = layout.clone();
        other.plugin["routes"][0]["name"] = json!("other");
        let mut listener = other.listener();
        listener["name"] = json!("other");
        let upstream = Upstream::start();
        let mut bootstrap = layout.bootstrap(upstream.port());
        let mut sink = cluster(drain(), Protocol::Http1);
        sink["name"] = json!("sink");
        let resources = &mut bootstrap["static_resources"];
        resources["clusters"].as_array_mut().expect("clusters").push(sink);
        resources["listeners"].as_array_mut().expect("listeners").push(listener);
        let mut site = Site::of(Envoy::start(&binary, &bootstrap.to_string(), &Options::default()), upstream);
        let most_of_it = vec![b'x'; MOST_BODY - 1];
        let send_most = |name: &str| {
            let target = Target::plain(site.envoy.listener_port(name));
            begin(&target, form("/hook/sink"), MOST_BODY, &most_of_it)
        };
        let mut waiting: Vec<_> = (0..MANY).map(|_| send_most("main")).collect();
        soon("a verdict", || site.count("reported", "unverifiable") >= MANY - FIT);
        assert_eq!(site.count("reported", "unverifiable"), MANY - FIT);
        waiting.push(send_most("other"));
        site.route = "other";
        soon("a verdict on another route", || site.count("reported", "unverifiable") == 1);
        site.route = "hook";
        for protocol in BOTH {
            assert_eq!(send(&site, protocol, &signed_form("/hook/a")).status, 200);
        }
        waiting.into_iter().for_each(h1::Connection::abort);
        soon("rest", || site.envoy.counter("http.main.downstream_rq_active") == 0);
        let before = site.count("allowed", "none");
        still_serves(&site);
        assert_eq!(site.count("allowed", "none"), before + 2, "{}", site.envoy.output());
    }
}

/// An upstream that reads everything and answers nothing.
fn drain() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
        }
    });
    port
}

/// Requests with nearly the longest headers that Envoy takes, which wait for bodies.
#[test]
fn headers_that_wait_end_nothing_and_what_finds_no_room_is_refused() {
    const STREAMS: usize = 100;
    const SIZE: usize = 59_000;
    let request = signed_form("/hook/a").header("x-long", "x".repeat(SIZE));
    let begun = request.clone().frames(["x"]).unfinished();
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        still_serves(&site);
        let mark = site.upstream.mark();
        let open = |_| {
            let mut connection = h2::Connection::open(&site.target()).expect("a connection");
            let start = |_| connection.start(&begun).expect("a stream");
            let streams: Vec<_> = (0..STREAMS).map(start).collect();
            (connection, streams)
        };
        let waiting: Vec<_> = (0..=MOST_KEPT / SIZE / STREAMS).map(open).collect();
        soon("a refusal", || site.count("denied", "unverifiable") > 0);
        assert!(site.upstream.bytes_since(mark).is_empty());
        drop(waiting);
        soon("rest", || site.envoy.counter("http.main.downstream_rq_active") == 0);
        for protocol in BOTH {
            passes(&site, protocol, &request, FORM_BODY.as_bytes());
        }
        assert_eq!(site.count("denied", "body_too_large"), 0);
    }
}
