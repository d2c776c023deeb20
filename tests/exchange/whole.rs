//! When a request is whole: where its stream ends, and how much of it may come.

use crate::play;
use crate::support::{Request, plain};

const URL: &str = "https://hooks.example.com/sms?x=1";
const BODY: &str = "Body=hi&From=me";

fn form() -> Request {
    Request::form(URL, BODY)
}

fn forged() -> Request {
    form().body("Body=ho&From=me")
}

#[test]
fn a_request_without_a_body_is_decided_at_its_headers() {
    play(&plain(""), &Request::get(URL), "headers end: continue\n verdict: allowed 0");
    play(&plain(""), &Request::get(URL).with(":path", "/sms?x=2"), "headers end: 403 signature_mismatch");
    // A form without a body signs no parameters.
    play(&plain(""), &Request::form(URL, ""), "headers end: continue\n verdict: allowed 0");
}

#[test]
fn a_request_is_decided_with_the_last_piece_of_its_body() {
    let ways = [
        "headers: hold\n verdict: none\n body Body=hi&From=me end: continue\n verdict: allowed 0",
        "headers: hold\n body Body: hold\n body =hi&From: hold\n body =me end: continue\n verdict: allowed 0",
        "headers: hold\n body Body=hi&From=me: hold\n body - end: continue\n verdict: allowed 0",
        "headers: hold\n body -: hold\n body Body=hi&From=me end: continue\n verdict: allowed 0",
        // HTTP/1 repeats the size without new bytes.
        "headers: hold\n body Body=hi&From=me: hold\n size 15 end: continue\n verdict: allowed 0",
        "headers: hold\n body Body=hi&From=me: hold\n trailers: continue\n verdict: allowed 0",
        "headers: hold\n body Body=hi: hold\n body &From=me: hold\n trailers: continue\n verdict: allowed 0",
    ];
    for way in ways {
        play(&plain(""), &form(), way);
        // With a buffer after this filter, the headers go as far as that.
        let way = way.replace("headers: hold", "headers: continue");
        play(&plain(r#""hold": "buffer_after""#), &form(), &way);
    }
    let ways = [
        "headers: hold\n body Body=ho&From=me end: 403 signature_mismatch",
        "headers: hold\n body Body=ho&From=me: hold\n body - end: 403 signature_mismatch",
        "headers: hold\n body Body=ho&From=me: hold\n trailers: 403 signature_mismatch",
    ];
    for way in ways {
        play(&plain(""), &forged(), way);
        let way = way.replace("headers: hold", "headers: continue");
        play(&plain(r#""hold": "buffer_after""#), &forged(), &way);
    }
}

#[test]
fn a_stream_that_goes_on_may_end_without_a_body() {
    let signed = Request::get(URL);
    for end in ["body - end", "trailers", "size 0 end"] {
        play(&plain(""), &signed, &format!("headers: hold\n {end}: continue\n verdict: allowed 0"));
        let forged = signed.clone().with(":path", "/sms?x=2");
        play(&plain(""), &forged, &format!("headers: hold\n {end}: 403 signature_mismatch"));
        play(&plain(""), &form(), &format!("headers: hold\n {end}: 403 signature_mismatch"));
    }
}

#[test]
fn json_is_held_until_its_hash_can_be_compared() {
    let json = Request::json(URL, r#"{"a":1}"#);
    play(
        &plain(""),
        &json,
        "headers: hold\n body {\"a\": hold\n body 1}: hold\n body - end: 403 body_hash_mismatch",
    );
    play(&plain(""), &json, "headers: hold\n body {\"a\":1}: hold\n trailers: continue\n verdict: allowed 0");
    play(&plain(""), &json, "headers: hold\n body {\"a\":2}: hold\n trailers: 403 body_hash_mismatch");
    play(&plain(""), &json, "headers: hold\n trailers: 403 body_hash_mismatch");
}

#[test]
fn a_body_of_the_largest_size_passes_and_one_byte_more_does_not() {
    let limited = |more: &str| plain(&format!(r#""max_body_bytes": 15{more}"#));
    let whole = "headers: hold\n body Body=hi&From=me end: continue\n verdict: allowed 0";
    play(&limited(""), &form(), whole);
    play(&limited(""), &form().header("content-length", "15"), whole);
    play(&limited(""), &form().header("content-length", "16"), "headers: 413 body_too_large");
    play(
        &limited(""),
        &form().header("content-length", "18446744073709551615"),
        "headers: 413 body_too_large",
    );
    // What is no length, or more than one, is left to be counted.
    for length in ["18446744073709551616", "-1", "16,16", "", "\u{ff}"] {
        play(&limited(""), &form().header("content-length", length), whole);
    }
    let twice = form().header("content-length", "16").header("content-length", "16");
    play(&limited(""), &twice, whole);

    let larger =
        "headers: hold\n body Body=hi&From=me!: 413 body_too_large\n body - end: hold\n trailers: hold";
    play(&limited(""), &form(), larger);
    play(
        &limited(""),
        &form(),
        "headers: hold\n body Body=hi&From=me: hold\n body ! end: 413 body_too_large",
    );
    let behind = limited(r#", "hold": "buffer_after""#);
    play(&behind, &form(), &larger.replace("headers: hold", "headers: continue"));
}

#[test]
fn a_body_that_cannot_be_read_is_a_denial() {
    // The proxy holds less than it told of.
    play(&plain(""), &form(), "headers: hold\n body Body=hi: hold\n size 15 end: 403 unverifiable");
    play(&plain(""), &form(), "headers: hold\n size 15: hold\n trailers: 403 unverifiable");
    // What has come cannot become less: not even a signature of the URL alone vouches for it then.
    let signed = Request::get(URL).header("content-type", "application/json");
    play(&plain(""), &signed, "headers: hold\n body {}: hold\n size 0 end: 403 unsigned_body");
    play(&plain(""), &signed, "headers: hold\n body {}: hold\n size 1 end: 403 unsigned_body");
}
