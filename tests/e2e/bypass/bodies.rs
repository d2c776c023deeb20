//! Bodies: their framing, their encoding, and where they end.

use twilio_proxy_wasm_harness::client::Request;

use super::raw;
use super::row::End::{self, Cut, Denied, Incomplete, KeptOut, Refused, Verified};
use super::row::{Row, Wire, row};
use crate::site::HOST;
use crate::webhook::{FORM, FORM_BODY, PARAMS, form, signature, signed_form};

/// A signed POST with these header lines and what follows them.
fn post(lines: &str, rest: &str) -> Vec<u8> {
    let signature = signature("/hook/a", &PARAMS);
    let fixed = format!("host: {HOST}\r\ncontent-type: {FORM}\r\nx-twilio-signature: {signature}\r\n");
    format!("POST /hook/a HTTP/1.1\r\n{fixed}{lines}\r\n{rest}").into_bytes()
}

fn bytes(lines: &str, rest: &str) -> Wire {
    Wire::Bytes(post(lines, rest))
}

/// `HEADERS` of a signed POST with these fields besides.
fn head(fields: &[(&str, &str)], ends: bool) -> Vec<u8> {
    let signature = signature("/hook/a", &PARAMS);
    let fixed = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", HOST),
        (":path", "/hook/a"),
        ("content-type", FORM),
        ("x-twilio-signature", &signature),
    ];
    raw::headers(&[&fixed[..], fields].concat(), ends)
}

/// A form with this body, signed for these parameters.
fn encoded(name: &'static str, body: &[u8], params: &[(&str, &str)], end: End) -> Row {
    let request = Request::new("POST", HOST, "/hook/a").header("content-type", FORM);
    row(name, request.header("x-twilio-signature", signature("/hook/a", params)).body(body), end)
}

pub fn rows() -> Vec<Row> {
    let length = FORM_BODY.len();
    let chunked = format!("{length:x}\r\n{FORM_BODY}\r\n0\r\n\r\n");
    let exact = format!("content-length: {length}\r\n");
    let mismatch = Denied("signature_mismatch");
    let mut rows = vec![
        row(
            "length and chunks",
            bytes(&format!("{exact}transfer-encoding: chunked\r\n"), &chunked),
            Refused(400),
        ),
        row("two lengths", bytes(&format!("{exact}content-length: 0\r\n"), FORM_BODY), Refused(400)),
        row(
            "a list of lengths",
            bytes(&format!("content-length: {length}, {length}\r\n"), FORM_BODY),
            Refused(400),
        ),
        row(
            "a length with a sign",
            bytes(&format!("content-length: +{length}\r\n"), FORM_BODY),
            Refused(400),
        ),
        row("a negative length", bytes("content-length: -1\r\n", FORM_BODY), Refused(400)),
        row(
            "a length that overflows",
            bytes("content-length: 18446744073709551617\r\n", FORM_BODY),
            Refused(400),
        ),
        row("a huge length", bytes("content-length: 9999999999\r\n", FORM_BODY), Denied("body_too_large")),
        row("an encoding that is none", bytes("transfer-encoding: xchunked\r\n", &chunked), Refused(501)),
        row(
            "chunks, then another encoding",
            bytes("transfer-encoding: chunked, identity\r\n", &chunked),
            Refused(501),
        ),
        row(
            "chunks twice",
            bytes("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", &chunked),
            Refused(501),
        ),
        row(
            "a chunk that is too long",
            bytes("transfer-encoding: chunked\r\n", &format!("2\r\n{FORM_BODY}\r\n0\r\n\r\n")),
            mismatch,
        ),
        row(
            "a chunk size that is none",
            bytes("transfer-encoding: chunked\r\n", &format!("0x1\r\n{FORM_BODY}")),
            Incomplete(Some(400)),
        ),
        row(
            "a chunk size that overflows",
            bytes(
                "transfer-encoding: chunked\r\n",
                &format!("10000000000000001\r\n{FORM_BODY}\r\n0\r\n\r\n"),
            ),
            Incomplete(Some(400)),
        ),
        row(
            "chunk extensions",
            bytes("transfer-encoding: chunked\r\n", &format!("{length:x};a=b\r\n{FORM_BODY}\r\n0\r\n\r\n")),
            Verified,
        ),
        row("no length", bytes("", FORM_BODY), mismatch),
        row(
            "a body too short, then a reset",
            Wire::BytesThenReset(post("content-length: 99\r\n", FORM_BODY)),
            Incomplete(None),
        ),
        row(
            "half a chunk, then a reset",
            Wire::BytesThenReset(post("transfer-encoding: chunked\r\n", "5\r\nFro")),
            Incomplete(None),
        ),
        row(
            "half the headers, then a reset",
            Wire::BytesThenReset(post("x-half: 1", "")[..80].to_vec()),
            Cut,
        ),
        row(
            "trailers that claim headers",
            bytes(
                "transfer-encoding: chunked\r\n",
                &format!(
                    "{length:x}\r\n{FORM_BODY}\r\n0\r\nx-twilio-signature: AAAA\r\ncontent-type: text/plain\r\n\r\n"
                ),
            ),
            Verified,
        ),
        row(
            "a signature in the trailers alone",
            form("/hook/a").frames([FORM_BODY]).trailer("x-twilio-signature", signature("/hook/a", &PARAMS)),
            Denied("missing_signature"),
        ),
        row(
            "a content type in the trailers alone",
            Request::new("POST", HOST, "/hook/a")
                .header("x-twilio-signature", signature("/hook/a", &PARAMS))
                .frames([FORM_BODY])
                .trailer("content-type", FORM),
            Denied("unsigned_body"),
        ),
        row("100-continue", signed_form("/hook/a").header("expect", "100-continue"), Verified),
        row(
            "100-continue, forged",
            form("/hook/a").header("expect", "100-continue"),
            Denied("missing_signature"),
        ),
        row(
            "another expectation",
            signed_form("/hook/a").header("expect", "the-spanish-inquisition"),
            Verified,
        ),
        row(
            "HTTP/2, length too short",
            frames(&[head(&[("content-length", "3")], false), raw::data(FORM_BODY.as_bytes(), true)]),
            Incomplete(None),
        ),
        row(
            "HTTP/2, length too long",
            frames(&[head(&[("content-length", "99")], false), raw::data(FORM_BODY.as_bytes(), true)]),
            Incomplete(None),
        ),
        row(
            "HTTP/2, two lengths",
            frames(&[
                head(&[("content-length", "43"), ("content-length", "3")], false),
                raw::data(FORM_BODY.as_bytes(), true),
            ]),
            Cut,
        ),
        row(
            "HTTP/2, chunked",
            frames(&[
                head(&[("transfer-encoding", "chunked")], false),
                raw::data(FORM_BODY.as_bytes(), true),
            ]),
            Cut,
        ),
        row("HTTP/2, length and no body", frames(&[head(&[("content-length", "43")], true)]), KeptOut),
        row(
            "HTTP/2, reset in the middle",
            frames(&[head(&[], false), raw::data(b"From=", false), raw::reset(), window()]),
            Incomplete(None),
        ),
        encoded("a byte-order mark", b"\xef\xbb\xbfBody=Hi", &[("Body", "Hi")], mismatch),
        encoded("a byte-order mark, signed", b"\xef\xbb\xbfBody=Hi", &[("\u{feff}Body", "Hi")], Verified),
        encoded("escapes that are none", b"a=%zz%4&b=%", &[("a", "%zz%4"), ("b", "%")], Verified),
        encoded("escapes that are none, dropped", b"a=%zz%4&b=%", &[("a", ""), ("b", "")], mismatch),
        encoded("NUL bytes", b"a\0=\0&b=%00", &[("a\0", "\0"), ("b", "\0")], Verified),
        encoded("cut at a NUL byte", b"a=b%00c", &[("a", "b")], mismatch),
        encoded("over-long UTF-8", b"a=%C0%AF", &[("a", "/")], mismatch),
        encoded("over-long UTF-8, replaced", b"a=%C0%AF", &[("a", "\u{fffd}\u{fffd}")], mismatch),
        encoded("semicolons", b"a=b;c=d", &[("a", "b"), ("c", "d")], mismatch),
        encoded(
            "another value",
            b"Body=Ho&Empty=&From=",
            &[("Body", "Hi"), ("Empty", ""), ("From", "")],
            mismatch,
        ),
        encoded("one parameter more", b"Body=Hi&x=y", &[("Body", "Hi")], mismatch),
        encoded("one parameter less", b"Body=Hi", &[("Body", "Hi"), ("x", "y")], mismatch),
    ];
    let whole = signed_form("/hook/a").h1_bytes();
    rows.push(row(
        "a line end before the request",
        Wire::Bytes([b"\r\n", whole.as_slice()].concat()),
        Verified,
    ));
    rows
}

fn frames(frames: &[Vec<u8>]) -> Wire {
    Wire::Frames(frames.concat())
}

/// A frame that must be on no stream: the connection ends, and so does the wait for an answer.
fn window() -> Vec<u8> {
    raw::reset().iter().enumerate().map(|(at, byte)| if at == 8 { 0 } else { *byte }).collect()
}
