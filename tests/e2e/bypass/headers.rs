//! The signature's header and its neighbours, smuggled in every way that a header can be.

use twilio_proxy_wasm_harness::client::Request;

use super::raw;
use super::row::End::{Cut, Denied, Refused, Verified};
use super::row::{OTHER_TOKEN, Row, Wire, row, url};
use crate::site::{HOST, TOKEN};
use crate::webhook::{signature, signature_with};

/// A GET of `/hook/a` with these header lines, over HTTP/1.1.
fn lines(lines: &str) -> Wire {
    Wire::Bytes(format!("GET /hook/a HTTP/1.1\r\nhost: {HOST}\r\n{lines}\r\n").into_bytes())
}

fn frames(fields: &[(&str, &str)]) -> Wire {
    let fixed = [(":method", "GET"), (":scheme", "http"), (":authority", HOST), (":path", "/hook/a")];
    Wire::Frames(raw::headers(&[&fixed[..], fields].concat(), true))
}

pub fn rows() -> Vec<Row> {
    let right = signature("/hook/a", &[]);
    let wrong = signature_with(OTHER_TOKEN, &url("/hook/a"), &[]);
    let unpadded = right.trim_end_matches('=');
    let with = |value: &[u8]| Request::new("GET", HOST, "/hook/a").header("x-twilio-signature", value);
    let text = |value: String| with(value.as_bytes());
    let malformed = Denied("malformed_signature");
    // The last character of the padded text has bits that decode to nothing.
    let loose = format!("{}{}=", &unpadded[..26], next(unpadded.as_bytes()[26]));
    vec![
        row("right", text(right.clone()), Verified),
        row("none", Request::new("GET", HOST, "/hook/a"), Denied("missing_signature")),
        row("empty", text(String::new()), malformed),
        row("twice, right first", text(right.clone()).header("x-twilio-signature", &wrong), malformed),
        row("twice, right last", text(wrong.clone()).header("X-TWILIO-SIGNATURE", &right), malformed),
        row("twice, one empty", text(right.clone()).header("x-twilio-signature", ""), malformed),
        row("a list", text(format!("{right},{wrong}")), malformed),
        row("a list with spaces", text(format!("{wrong}, {right}")), malformed),
        row("a list with an end", text(format!("{right},")), malformed),
        row("a space inside", text(format!("{} {}", &right[..9], &right[9..])), malformed),
        row("quotes", text(format!("\"{right}\"")), malformed),
        row("a parameter", text(format!("{right};v=1")), malformed),
        row("no padding", text(unpadded.to_owned()), malformed),
        row("two paddings", text(format!("{right}=")), malformed),
        row("bits behind the end", text(loose), malformed),
        row("of URLs", text(wrong.replace(['+', '/'], "_")[..26].to_owned() + "-="), malformed),
        row("another length", text("AAAA".repeat(6)), malformed),
        row("SHA-256's length", text("A".repeat(43) + "="), Denied("signature_mismatch")),
        row("hex", text("ab".repeat(20)), malformed),
        row("lower case", text(right.to_lowercase()), Denied("signature_mismatch")),
        row("not ASCII", with(b"\xc3\xa9\xff\x80"), malformed),
        row("a long one", text("A".repeat(8_000)), malformed),
        row(
            "under another name",
            Request::new("GET", HOST, "/hook/a").header("x-twilio-signature-2", &right),
            Denied("missing_signature"),
        ),
        row(
            "with an underscore",
            Request::new("GET", HOST, "/hook/a").header("x_twilio_signature", &right),
            Denied("missing_signature"),
        ),
        row(
            "in the query",
            Request::new("GET", HOST, &format!("/hook/a?x-twilio-signature={right}")),
            Denied("missing_signature"),
        ),
        row("spaces around", lines(&format!("x-twilio-signature: \t {right} \t\r\n")), Verified),
        row("no space", lines(&format!("x-twilio-signature:{right}\r\n")), Verified),
        row("space before the colon", lines(&format!("x-twilio-signature : {right}\r\n")), Refused(400)),
        row("folded", lines(&format!("x-twilio-signature:\r\n {right}\r\n")), Verified),
        row(
            "folded in the middle",
            lines(&format!("x-twilio-signature: {}\r\n\t{}\r\n", &right[..9], &right[9..])),
            malformed,
        ),
        row("behind a bare line feed", lines(&format!("x: 1\nx-twilio-signature: {right}\r\n")), Verified),
        row(
            "behind a bare carriage return",
            lines(&format!("x: 1\rx-twilio-signature: {right}\r\n")),
            Denied("missing_signature"),
        ),
        row("NUL", lines(&format!("x-twilio-signature: {right}\0\r\n")), Refused(400)),
        row("line without a colon", lines(&format!("x-twilio-signature {right}\r\n")), Refused(400)),
        row(
            "made hop-by-hop",
            lines(&format!("x-twilio-signature: {right}\r\nconnection: x-twilio-signature\r\n")),
            Denied("missing_signature"),
        ),
        row("HTTP/2 in upper case", frames(&[("X-Twilio-Signature", &right)]), Cut),
        row("HTTP/2 with a line end", frames(&[("x-twilio-signature", &format!("{right}\r\nx: 1"))]), Cut),
        row(
            "HTTP/2 with a space in front",
            frames(&[("x-twilio-signature", &format!(" {right}"))]),
            malformed,
        ),
        row("HTTP/2, an empty name", frames(&[("x-twilio-signature", &right), ("", "x")]), Cut),
        row(
            "HTTP/2, a pseudo-header behind",
            frames(&[("x-twilio-signature", &right), (":path", "/hook/b")]),
            Cut,
        ),
        row("HTTP/2, connection", frames(&[("x-twilio-signature", &right), ("connection", "close")]), Cut),
        row(
            "original path, untrusted",
            get_b()
                .header("x-twilio-signature", &right)
                .header("x-original-url", "/hook/a")
                .header("x-rewrite-url", "/hook/a"),
            Denied("signature_mismatch"),
        ),
        row(
            "Envoy's original path, untrusted",
            get_b().header("x-twilio-signature", &right).header("x-envoy-original-path", "/hook/a"),
            Denied("signature_mismatch"),
        ),
        row(
            "claims to be verified",
            Request::new("GET", HOST, "/hook/a").header("x-twilio-verified", "true"),
            Denied("missing_signature"),
        ),
        row(
            "claims to be verified, and lies about it",
            text(signature_with(TOKEN, &url("/hook/b"), &[])).header("x-twilio-verified", "true"),
            Denied("signature_mismatch"),
        ),
    ]
}

fn get_b() -> Request {
    Request::new("GET", HOST, "/hook/b")
}

/// Another base64 digit with the same four bits in front.
fn next(digit: u8) -> char {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let at = alphabet.iter().position(|own| *own == digit).expect("a base64 digit");
    char::from(alphabet[at ^ 1])
}
