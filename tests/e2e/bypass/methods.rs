//! Methods: nobody signs them, so none of them opens a way that another one closes.

use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::row::End::{Cut, Denied, Refused, Verified};
use super::row::{Row, Wire, row};
use crate::site::HOST;
use crate::webhook::{FORM, FORM_BODY, PARAMS, signature};

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

pub fn rows() -> Vec<Row> {
    let request = |method: &str| Request::new(method, HOST, "/hook/a");
    let form = |request: Request| request.header("content-type", FORM).body(FORM_BODY);
    let by_url = signature("/hook/a", &[]);
    let by_params = signature("/hook/a", &PARAMS);
    let mut rows = Vec::new();
    for method in METHODS {
        rows.push(row(method, request(method), Denied("missing_signature")));
        // A body that the signature does not speak for.
        let smuggled = form(request(method)).header("x-twilio-signature", &by_url);
        rows.push(row(method, smuggled, Denied("signature_mismatch")));
        let adds_nothing =
            request(method).header("content-type", FORM).header("x-twilio-signature", &by_url).body("&=");
        rows.push(row(method, adds_nothing, Denied("unsigned_body")));
    }
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
        // As SECURITY.md says: a signed webhook can be replayed under another method.
        rows.push(row(method, request(method).header("x-twilio-signature", &by_url), Verified));
        rows.push(row(method, form(request(method)).header("x-twilio-signature", &by_params), Verified));
    }
    for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
        rows.push(row(header, form(request("POST")).header(header, "GET"), Denied("missing_signature")));
        let signed = form(request("POST")).header(header, "GET").header("x-twilio-signature", &by_url);
        rows.push(row(header, signed, Denied("signature_mismatch")));
    }
    let line = |line: &str| Wire::Bytes(format!("{line}\r\nhost: {HOST}\r\n\r\n").into_bytes());
    rows.extend([
        row("lower case", Wire::Over(Protocol::Http1, request("get")), Refused(400)),
        row("lower case", Wire::Over(Protocol::Http2, request("get")), Denied("missing_signature")),
        row("unknown", Wire::Over(Protocol::Http1, request("BREW")), Refused(400)),
        row("unknown", Wire::Over(Protocol::Http2, request("BREW")), Denied("missing_signature")),
        row("not a token", line("G<T /hook/a HTTP/1.1"), Refused(400)),
        row("none", line(" /hook/a HTTP/1.1"), Refused(400)),
        row("two", line("GET POST /hook/a HTTP/1.1"), Refused(400)),
        row("HTTP/2's preface again", line("PRI * HTTP/2.0"), Cut),
    ]);
    rows
}
