//! The HTTP/1.1 client and the upstream, against each other.

use std::time::Duration;

use twilio_proxy_wasm_harness::client::{Failure, Request, Target, h1};
use twilio_proxy_wasm_harness::upstream::{Answer, Mark, Protocol, Upstream, control};

const WAIT: Duration = Duration::from_secs(5);

fn connect(upstream: &Upstream) -> h1::Connection {
    h1::Connection::open(&Target::plain(upstream.port())).expect("the upstream to listen")
}

fn post() -> Request {
    Request::new("POST", "hooks.example.com", "/sms?a=1").header("X-Twilio-Signature", b"\xff=")
}

#[test]
fn a_request_is_recorded_as_sent() {
    let upstream = Upstream::start();
    let request = post().body("Body=Hi");
    let response = connect(&upstream).request(&request).expect("an answer");
    assert_eq!((response.status, response.text().as_str()), (200, "upstream\n"));

    let seen = &upstream.wait_for_requests(1, WAIT)[0];
    assert_eq!(
        (seen.protocol, seen.method.as_str(), seen.path.as_str()),
        (Protocol::Http1, "POST", "/sms?a=1")
    );
    assert_eq!(seen.authority, "hooks.example.com");
    assert_eq!(seen.headers.get("x-twilio-signature"), Some(b"\xff=".as_slice()));
    assert_eq!(seen.headers.iter().nth(1).expect("two fields").0, b"X-Twilio-Signature");
    assert_eq!(seen.body, b"Body=Hi");
    assert!(seen.complete);
    assert_eq!(upstream.bytes_since(Mark::default()), request.h1_bytes());
}

#[test]
fn chunks_and_trailers_in_any_pieces() {
    let upstream = Upstream::start();
    let request = post().frames(["Body=", "Hello%20", "you"]).trailer("x-sum", "42");
    let bytes = request.h1_bytes();
    let mut connection = connect(&upstream);
    for size in [1, 7, bytes.len()] {
        let mark = upstream.mark();
        connection.send_pieces(bytes.chunks(size), Duration::ZERO).expect("an open connection");
        assert_eq!(connection.read_response().expect("an answer").status, 200);
        let seen = &upstream.wait_for_requests_since(mark, 1, WAIT)[0];
        assert_eq!((seen.body_text().as_str(), seen.connection), ("Body=Hello%20you", 0));
        assert_eq!(seen.trailers.get("X-Sum"), Some(b"42".as_slice()));
        assert_eq!(upstream.bytes_since(mark), bytes);
    }
}

#[test]
fn a_request_that_breaks_off_is_incomplete() {
    let upstream = Upstream::start();
    let mut connection = connect(&upstream);
    connection.send(&post().frames(["Body=Hi"]).unfinished().h1_bytes()).expect("an open connection");
    let seen = upstream
        .wait_until(Mark::default(), WAIT, |seen| seen.iter().any(|request| request.body == b"Body=Hi"))
        .expect("the body so far");
    assert!(!seen[0].ended);
    connection.abort();
    let seen = &upstream.wait_for_requests(1, WAIT)[0];
    assert_eq!((seen.body_text().as_str(), seen.ended, seen.complete), ("Body=Hi", true, false));
}

#[test]
fn bytes_that_are_no_request_yet_count() {
    let upstream = Upstream::start();
    let mark = upstream.mark();
    let mut connection = connect(&upstream);
    connection.send(b"POST /sms HT").expect("an open connection");
    assert_eq!(upstream.bytes_since(mark), b"POST /sms HT");
    assert!(upstream.requests_since(mark).is_empty());
}

#[test]
fn a_head_request_has_an_answer_without_a_body() {
    let upstream = Upstream::start();
    let mut connection = connect(&upstream);
    for _ in 0..2 {
        let response = connection.request(&Request::new("HEAD", "a", "/")).expect("an answer");
        assert_eq!((response.status, response.body.len()), (200, 0));
        assert_eq!(response.headers.get("content-length"), Some(b"9".as_slice()));
    }
}

#[test]
fn an_expected_continue_comes_before_the_body() {
    let upstream = Upstream::start();
    let mut connection = connect(&upstream);
    let request = post().header("expect", "100-continue").body("Body=Hi");
    connection.send(&request.h1_head()).expect("an open connection");
    assert_eq!(connection.read_head().expect("an interim answer").status, 100);
    connection.send(&request.h1_body()).expect("an open connection");
    assert_eq!(connection.read_response().expect("an answer").status, 200);

    let response = connection.request(&request).expect("an answer");
    assert_eq!((response.status, response.interim), (200, vec![100]));
}

#[test]
fn the_ways_a_connection_ends_are_told_apart() {
    let upstream = Upstream::start_with(Answer::Reset);
    assert_eq!(connect(&upstream).request(&post().body("x")).expect_err("a reset"), Failure::Reset);

    upstream.answer_with(Answer::Silence);
    let mut connection = connect(&upstream);
    connection.set_deadline(Duration::from_millis(50));
    assert_eq!(connection.request(&post().body("x")).expect_err("no answer"), Failure::Timeout);

    upstream.answer_with(Answer::reply(503, "no"));
    let mut connection = connect(&upstream);
    connection.send(&post().header("connection", "close").body("x").h1_bytes()).expect("open");
    assert_eq!(connection.read_response().expect("an answer").status, 503);
    assert_eq!(connection.drain(), (Vec::new(), Failure::Eof));

    let port = upstream.port();
    drop(upstream);
    let refused = h1::Connection::open(&Target::plain(port));
    assert_eq!(refused.expect_err("no listener"), Failure::Refused);
}

#[test]
fn a_websocket_echoes() {
    let upstream = Upstream::start();
    let mut connection = connect(&upstream);
    connection.send(&Request::websocket("a.example", "/media").h1_bytes()).expect("an open connection");
    let response = connection.read_head().expect("a handshake");
    assert_eq!(response.status, 101);
    assert_eq!(response.headers.text("sec-websocket-accept").expect("a key"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    for frame in [b"\x81\x02hi".as_slice(), b"\x82\x01\xff"] {
        connection.send(frame).expect("an open connection");
        assert_eq!(connection.read_exact(frame.len()).expect("the echo"), frame);
    }
    connection.finish_sending().expect("an open connection");
    let seen = &upstream.wait_for_requests(1, WAIT)[0];
    assert_eq!(seen.upgrade.as_deref(), Some("websocket"));
    assert_eq!((seen.body.as_slice(), seen.complete), (b"\x81\x02hi\x82\x01\xff".as_slice(), true));
}

#[test]
fn the_control_port_shows_the_record() {
    let upstream = Upstream::start();
    for (token, body) in [("one", b"Body=\xff"), ("two", b"Body=a")] {
        let request = post().header("I-Twilio-Idempotency-Token", token).body(body);
        connect(&upstream).request(&request).expect("an answer");
    }
    upstream.wait_for_requests(2, WAIT);
    let control = control::serve(([127, 0, 0, 1], 0).into(), upstream.into()).expect("a free port");
    let get = |path: &str| {
        let mut connection = h1::Connection::open(&Target::plain(control.port())).expect("the control port");
        connection.request(&Request::new("GET", "localhost", path)).expect("an answer")
    };
    assert_eq!(get("/healthz").status, 200);
    assert_eq!(get("/elsewhere").status, 404);
    let all: serde_json::Value = serde_json::from_str(&get("/requests").text()).expect("JSON");
    assert_eq!(all.as_array().expect("a list").len(), 2);
    assert_eq!(all[0]["body_base64"], "Qm9keT3/");
    let two: serde_json::Value = serde_json::from_str(&get("/requests/two").text()).expect("JSON");
    assert_eq!(two.as_array().expect("a list").len(), 1);
    assert_eq!((&two[0]["body"], &two[0]["path"]), (&"Body=a".into(), &"/sms?a=1".into()));
}
