//! Clients that break off, are slow, or are many.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;
use twilio_proxy_wasm_harness::client::{Failure, Request, Target, h1, h2};
use twilio_proxy_wasm_harness::envoy::{Envoy, Options, versions};
use twilio_proxy_wasm_harness::upstream::{Answer, Protocol};

use super::soon;
use crate::site::{HOST, Layout, Site};
use crate::webhook::{FORM, FORM_BODY, PARAMS, denied, form, send, signature, signed_form, still_serves};

fn layouts() -> [Layout; 2] {
    [Layout::default(), Layout::buffer_after()]
}

/// No request is on its way any more, and none was refused by a mistake of ours.
fn is_at_rest(site: &Site) {
    soon("rest", || site.envoy.counter("http.main.downstream_rq_active") == 0);
    assert_eq!(site.envoy.counter("http.main.downstream_rq_5xx"), 0, "{}", site.envoy.output());
}

#[test]
fn a_client_may_break_off_at_any_stage() {
    for binary in versions() {
        for layout in layouts() {
            let site = Site::start(&binary, &layout);
            let whole = signed_form("/hook/a").h1_bytes();
            let head = signed_form("/hook/a").h1_head().len();
            let mark = site.upstream.mark();
            for stage in [1, 20, head - 1, head, head + 1, whole.len() - 1] {
                let received = || site.envoy.counter("http.main.downstream_cx_rx_bytes_total");
                let before = received();
                let mut connection = h1::Connection::open(&site.target()).expect("a connection");
                connection.send(&whole[..stage]).expect("to send");
                // A reset would overtake what is still in the socket.
                soon("a part of a request", || received() == before + stage as u64);
                connection.abort();
                let mut connection = h1::Connection::open(&site.target()).expect("a connection");
                connection.send(&whole[..stage]).expect("to send");
                connection.finish_sending().expect("to half-close");
                let (_, end) = connection.drain();
                assert_ne!(end, Failure::Timeout, "a half request is left hanging at {stage}");
            }
            for body in [&b""[..], &FORM_BODY.as_bytes()[..9], FORM_BODY.as_bytes()] {
                let request = form("/hook/a").header("x-twilio-signature", signature("/hook/a", &PARAMS));
                let request = if body.is_empty() { request.frames([""]) } else { request.frames([body]) };
                let mut connection = h2::Connection::open(&site.target()).expect("a connection");
                let stream = connection.start(&request.unfinished()).expect("a stream");
                stream.reset();
                // Behind the reset on the same connection, so that it has come.
                let next = connection.request(&signed_form("/hook/next")).expect("an answer");
                assert_eq!(next.status, 200);
            }
            is_at_rest(&site);
            let seen = site.upstream.requests_since(mark);
            assert!(seen.iter().all(|request| request.path == "/hook/next"), "{seen:?}");

            // Verified and on its way: the upstream's answer finds nobody.
            site.upstream.answer_with(Answer::slow(Duration::from_millis(200)));
            let mark = site.upstream.mark();
            let mut connection = h1::Connection::open(&site.target()).expect("a connection");
            connection.send(&whole).expect("to send");
            site.upstream.wait_for_requests_since(mark, 1, Duration::from_secs(5));
            connection.abort();
            site.upstream.answer_with(Answer::default());
            is_at_rest(&site);
            still_serves(&site);
        }
    }
}

#[test]
fn hundreds_of_slow_bodies_wait_without_harm() {
    const MANY: usize = 300;
    for binary in versions() {
        for layout in layouts() {
            let site = Site::start(&binary, &layout);
            still_serves(&site);
            let before = site.envoy.memory();
            let target = site.target();
            let mut held: Vec<h1::Connection> = (0..MANY).map(|number| slow(&target, number)).collect();
            soon("hundreds of requests", || {
                site.envoy.counter("http.main.downstream_rq_active") == u64::try_from(MANY).unwrap()
            });
            let grown = site.envoy.memory().saturating_sub(before);
            assert!(grown < 32 << 20, "Envoy {}: {grown} bytes more", binary.version);
            let mark = site.upstream.mark();
            still_serves(&site);
            assert_eq!(site.upstream.requests_since(mark).len(), 2);
            let rest = held.split_off(MANY / 2);
            held.into_iter().for_each(h1::Connection::abort);
            for (number, mut connection) in rest.into_iter().enumerate() {
                // Half of them end as they were signed.
                let end = if number % 2 == 0 { "y" } else { "z" };
                connection.send(end.as_bytes()).expect("to send the end");
                let expected = if number % 2 == 0 { 200 } else { 403 };
                assert_eq!(connection.read_response().map(|it| it.status), Ok(expected));
            }
            is_at_rest(&site);
            assert_eq!(site.upstream.requests_since(mark).len(), 2 + MANY / 4);
            still_serves(&site);
        }
    }
}

/// A form whose last byte is still to come.
fn slow(target: &Target, number: usize) -> h1::Connection {
    let path = format!("/hook/{number}");
    let value = format!("{}y", "x".repeat(10_000));
    let request = Request::new("POST", HOST, &path)
        .header("content-type", FORM)
        .header("x-twilio-signature", signature(&path, &[("a", &value)]))
        .body(format!("a={value}"));
    let bytes = request.h1_bytes();
    let mut connection = h1::Connection::open(target).expect("a connection");
    connection.send(&bytes[..bytes.len() - 1]).expect("to send");
    connection
}

/// What is held when the listeners are drained gets its verdict, like all else.
#[test]
fn a_drain_lets_nothing_go_that_is_held() {
    for binary in versions() {
        for layout in layouts() {
            let site = Site::start(&binary, &layout);
            let target = site.target();
            let (mut genuine, mut forged) = (slow(&target, 1), slow(&target, 2));
            soon("two requests", || site.envoy.counter("http.main.downstream_rq_active") == 2);
            let admin = Target::plain(site.envoy.admin_port());
            let drain = Request::new("POST", "localhost", "/drain_listeners");
            assert_eq!(h1::Connection::open(&admin).unwrap().request(&drain).unwrap().status, 200);
            genuine.send(b"y").expect("to send");
            forged.send(b"z").expect("to send");
            assert_eq!(genuine.read_response().map(|it| it.status), Ok(200), "{}", site.envoy.output());
            assert_eq!(forged.read_response().map(|it| it.status), Ok(403));
            assert_eq!(site.upstream.requests().len(), 1);
            soon("a closed port", || matches!(h1::Connection::open(&target), Err(Failure::Refused)));
        }
    }
}

/// A new process takes over the port; the old one decides on what it holds.
#[test]
fn a_hot_restart_lets_nothing_go_that_is_held() {
    for binary in versions() {
        for layout in layouts() {
            let port =
                TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
            let address = json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
            let layout = Layout { listener: json!({ "address": address }), ..layout };
            let site = Site::start_with(&binary, &layout, &Options::default().hot_restart());
            still_serves(&site);
            let target = site.target();
            let (mut genuine, mut forged) = (slow(&target, 1), slow(&target, 2));
            soon("two requests", || site.envoy.counter("http.main.downstream_rq_active") == 2);
            let mark = site.upstream.mark();
            let bootstrap = layout.bootstrap(site.upstream.port()).to_string();
            let new = Envoy::start(&binary, &bootstrap, &Options::default().after(&site.envoy));
            let Site { envoy: old, upstream, .. } = site;
            let site = Site::of(new, upstream);
            // Both listen for a moment, and either may take a connection.
            soon("the new one to take them", || {
                send(&site, Protocol::Http1, &form("/hook/a"));
                site.count("denied", "missing_signature") > 0
            });
            denied(&site, Protocol::Http1, &form("/hook/a"), 403, "missing_signature");
            still_serves(&site);
            genuine.send(b"y").expect("to send");
            forged.send(b"z").expect("to send");
            assert_eq!(genuine.read_response().map(|it| it.status), Ok(200), "{}", old.output());
            assert_eq!(forged.read_response().map(|it| it.status), Ok(403));
            let decided = |envoy: &Envoy, reason| envoy.wait_for_output(reason, Duration::from_secs(5));
            assert!(decided(&old, "reason=signature_mismatch"), "{}", old.output());
            assert!(decided(&site.envoy, "reason=missing_signature"), "{}", site.envoy.output());
            assert_eq!(site.upstream.requests_since(mark).len(), 3);
            drop(old);
            still_serves(&site);
        }
    }
}

/// One connection that carries many: what one request comes to is nothing to the next.
#[test]
fn pipelined_requests_get_a_verdict_each() {
    for binary in versions() {
        for layout in layouts() {
            let site = Site::start(&binary, &layout);
            let good = signed_form("/hook/a").h1_bytes();
            let bad = Request::new("GET", HOST, "/hook/a").h1_bytes();
            // A body that is another request is a body.
            let nested = Request::new("POST", HOST, "/hook/b")
                .header("content-type", FORM)
                .header("x-twilio-signature", signature("/hook/b", &[("a", "b")]))
                .body(&good)
                .h1_bytes();
            for refused in [bad, nested] {
                let mark = site.upstream.mark();
                let mut connection = h1::Connection::open(&site.target()).expect("a connection");
                connection.send(&[&good[..], &good, &refused, &good].concat()).expect("to send");
                let mut next = || connection.read_response().map(|it| it.status);
                assert_eq!([next(), next(), next()], [Ok(200), Ok(200), Ok(403)]);
                // Envoy may close a connection on which it has refused something.
                let last = next();
                assert!(matches!(last, Ok(200) | Err(Failure::Eof | Failure::Reset)), "{last:?}");
                assert_eq!(site.upstream.requests_since(mark).len(), 2 + usize::from(last.is_ok()));
            }
            still_serves(&site);
        }
    }
}
