//! The HTTP/2 client and the upstream, against each other.

use std::time::Duration;

use twilio_proxy_wasm_harness::client::{Failure, Request, Target, h2};
use twilio_proxy_wasm_harness::upstream::{Answer, Mark, Protocol, Upstream};

const WAIT: Duration = Duration::from_secs(5);

fn connect(upstream: &Upstream) -> h2::Connection {
    h2::Connection::open(&Target::plain(upstream.port())).expect("the upstream to listen")
}

fn post() -> Request {
    Request::new("POST", "hooks.example.com", "/sms?a=1").header("X-Twilio-Signature", b"\xff=")
}

#[test]
fn a_request_is_recorded_as_sent() {
    let upstream = Upstream::start();
    let mut connection = connect(&upstream);
    let frames = post().frames(["Body=", "Hi", ""]).trailer("x-sum", "42");
    for (number, request) in [post().body("Body=Hi"), frames].iter().enumerate() {
        let response = connection.request(request).expect("an answer");
        assert_eq!((response.status, response.text().as_str()), (200, "upstream\n"));
        let seen = &upstream.wait_for_requests(number + 1, WAIT)[number];
        assert_eq!((seen.protocol, seen.method.as_str()), (Protocol::Http2, "POST"));
        assert_eq!((seen.authority.as_str(), seen.path.as_str()), ("hooks.example.com", "/sms?a=1"));
        assert_eq!(seen.headers.get("x-twilio-signature"), Some(b"\xff=".as_slice()));
        assert_eq!((seen.body_text().as_str(), seen.complete, seen.connection), ("Body=Hi", true, 0));
        assert_eq!(seen.trailers.get("x-sum").is_some(), number == 1);
    }
}

#[test]
fn only_frames_of_requests_count_as_bytes() {
    let upstream = Upstream::start();
    let mark = upstream.mark();
    let mut connection = connect(&upstream);
    connection.request(&Request::new("GET", "a", "/")).expect("an answer");
    let all: usize = upstream.chunks_since(mark).iter().map(|chunk| chunk.bytes.len()).sum();
    let counted = upstream.bytes_since(mark);
    // The preface (24 bytes) and the SETTINGS are there, and do not count.
    assert!(all >= counted.len() + 24 + 9, "{all} bytes, {} of the request", counted.len());
    assert_eq!((counted[3], &counted[5..9]), (1, &[0, 0, 0, 1][..]), "one HEADERS frame on stream 1");
    assert_eq!(counted.len(), 9 + usize::from(counted[2]));
}

#[test]
fn a_connection_without_requests_has_no_request_bytes() {
    let upstream = Upstream::start();
    let connection = connect(&upstream);
    assert_eq!(upstream.bytes_since(Mark::default()), b"");
    assert!(upstream.requests().is_empty());
    drop(connection);
}

#[test]
fn requests_go_on_at_the_same_time() {
    let upstream = Upstream::start();
    let mut connection = connect(&upstream);
    let mut first = connection.start(&post().frames(["a"]).unfinished()).expect("a stream");
    let mut second = connection.start(&post().body("b")).expect("a stream");
    assert_eq!(second.read_response().expect("an answer").status, 200);
    first.send_data(b"c", true).expect("an open stream");
    assert_eq!(first.read_response().expect("an answer").status, 200);
    let seen = upstream.wait_for_requests(2, WAIT);
    assert_eq!((seen[0].body_text().as_str(), seen[1].body_text().as_str()), ("ac", "b"));
    assert_eq!((seen[0].connection, seen[1].connection), (0, 0));
}

#[test]
fn a_stream_that_breaks_off_is_incomplete() {
    let upstream = Upstream::start();
    let mut connection = connect(&upstream);
    let stream = connection.start(&post().frames(["Body="]).unfinished()).expect("a stream");
    stream.reset();
    let seen = &upstream.wait_for_requests(1, WAIT)[0];
    assert_eq!((seen.ended, seen.complete), (true, false));
    // The connection goes on.
    assert_eq!(connection.request(&post().body("b")).expect("an answer").status, 200);
}

#[test]
fn the_ways_a_stream_ends_are_told_apart() {
    let upstream = Upstream::start_with(Answer::Reset);
    let mut connection = connect(&upstream);
    let internal_error = 2;
    let failure = connection.request(&post().body("x")).expect_err("a reset");
    assert_eq!(failure, Failure::StreamReset(internal_error));
    let mut stream = connection.start(&post().body("x")).expect("a stream");
    assert_eq!(stream.wait_for_reset(), Ok(internal_error));

    upstream.answer_with(Answer::Silence);
    connection.set_deadline(Duration::from_millis(50));
    assert_eq!(connection.request(&post().body("x")).expect_err("no answer"), Failure::Timeout);

    let unsendable = connection.request(&post().header("bad\nname", "")).expect_err("no such header");
    assert!(matches!(unsendable, Failure::Protocol(_)), "{unsendable:?}");
}

#[test]
fn a_websocket_echoes() {
    let upstream = Upstream::start();
    let mut connection = connect(&upstream);
    let mut stream = connection.start(&Request::websocket("a.example", "/media")).expect("a stream");
    assert_eq!(stream.read_head().expect("a tunnel").status, 200);
    for frame in [b"\x81\x02hi".as_slice(), b"\x82\x01\xff"] {
        stream.send_data(frame, false).expect("an open stream");
        assert_eq!(stream.read_exact(frame.len()).expect("the echo"), frame);
    }
    stream.send_data(b"", true).expect("an open stream");
    let seen = &upstream.wait_for_requests(1, WAIT)[0];
    assert_eq!((seen.method.as_str(), seen.upgrade.as_deref()), ("CONNECT", Some("websocket")));
    assert_eq!((seen.path.as_str(), seen.body.len(), seen.complete), ("/media", 7, true));
}
