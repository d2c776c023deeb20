//! Content types, which nobody signs either: what is read as a form must be one for the application, too.

use twilio_proxy_wasm_harness::client::Request;

use super::row::End::{self, Denied, Verified};
use super::row::{Row, get_for, row, url};
use crate::site::{HOST, TOKEN};
use crate::webhook::{FORM_BODY, PARAMS, signature, signature_with};

const URLENCODED: &str = "application/x-www-form-urlencoded";

/// A form, signed as one, that is said to be of this type.
fn form(content_type: &'static str, end: End) -> Row {
    let request =
        Request::new("POST", HOST, "/hook/a").header("x-twilio-signature", signature("/hook/a", &PARAMS));
    row(content_type, request.header("content-type", content_type).body(FORM_BODY), end)
}

/// A body whose hash is in the signed URL, said to be of this type.
fn hashed(content_type: &'static str, end: End) -> Row {
    let body = br#"{"a":"b=c&d"}"#;
    let path = format!("/hook/a?bodySHA256={}", twilio_webhook::sign::body_hash(body));
    let request = Request::new("POST", HOST, &path).header("x-twilio-signature", signature(&path, &[]));
    row(content_type, request.header("content-type", content_type).body(body), end)
}

pub fn rows() -> Vec<Row> {
    let unsigned = Denied("unsigned_body");
    let request =
        || Request::new("POST", HOST, "/hook/a").header("x-twilio-signature", signature("/hook/a", &PARAMS));
    let json_alone =
        Request::new("POST", HOST, "/hook/a").header("x-twilio-signature", signature("/hook/a", &[]));
    let hash_of_another = format!("/hook/a?bodySHA256={}", twilio_webhook::sign::body_hash(b"{}"));
    let twice = "/hook/a?bodySHA256=0&bodySHA256=1";
    let twice_signed = signature_with(TOKEN, &url(twice), &[]);
    vec![
        form("application/x-www-form-urlencoded", Verified),
        form("APPLICATION/X-WWW-Form-URLencoded", Verified),
        form("application/x-www-form-urlencoded;charset=utf-8", Verified),
        form("application/x-www-form-urlencoded ; Charset=\"UTF-8\" ; x=y", Verified),
        form("application/x-www-form-urlencoded;", Verified),
        form("application/x-www-form-urlencoded; charset=utf-16", unsigned),
        form("application/x-www-form-urlencoded; charset=utf-7", unsigned),
        form("application/x-www-form-urlencoded; charset=utf-8; charset=ibm037", unsigned),
        form("application/x-www-form-urlencoded; charset=", unsigned),
        // By RFC 2231, which Django reads.
        form("application/x-www-form-urlencoded; charset*=utf-8''utf-7", unsigned),
        form("application/x-www-form-urlencoded; charset*0=utf-7", unsigned),
        form("application/x-www-form-urlencoded; x=y, charset=utf-7", unsigned),
        form("application/x-www-form-urlencoded, application/json", unsigned),
        form("application/json, application/x-www-form-urlencoded", unsigned),
        form("application/x-www-form-urlencoded application/json", unsigned),
        form("application/x-www-form-urlencoded2", unsigned),
        form("x-www-form-urlencoded", unsigned),
        form("multipart/form-data; boundary=x", unsigned),
        form("multipart/form-data; boundary=application/x-www-form-urlencoded", unsigned),
        form("application/json", unsigned),
        form("text/plain", unsigned),
        form("*/*", unsigned),
        form("", unsigned),
        hashed("application/json", Verified),
        hashed("text/plain", Verified),
        hashed("multipart/form-data; boundary=x", Verified),
        // By either row of the table, never by neither.
        hashed(URLENCODED, Verified),
        row("missing", request().body(FORM_BODY), unsigned),
        row(
            "twice",
            request().header("content-type", URLENCODED).header("content-type", URLENCODED).body(FORM_BODY),
            unsigned,
        ),
        row(
            "twice, and different",
            request()
                .header("content-type", URLENCODED)
                .header("content-type", "application/json")
                .body(FORM_BODY),
            unsigned,
        ),
        row(
            "in an encoding",
            request().header("content-type", URLENCODED).header("content-encoding", "gzip").body(GZIPPED),
            unsigned,
        ),
        row(
            "said to be in an encoding",
            request().header("content-type", URLENCODED).header("content-encoding", "br").body(FORM_BODY),
            unsigned,
        ),
        row(
            "in no encoding",
            request()
                .header("content-type", URLENCODED)
                .header("content-encoding", "identity")
                .body(FORM_BODY),
            Verified,
        ),
        row(
            "JSON without a hash",
            json_alone.header("content-type", "application/json").body("{}"),
            unsigned,
        ),
        row(
            "the hash of a body that does not come",
            get_for(HOST, &hash_of_another, TOKEN, &url(&hash_of_another)),
            Verified,
        ),
        row(
            "JSON with two hashes",
            Request::new("POST", HOST, twice).header("x-twilio-signature", twice_signed).body("{}"),
            unsigned,
        ),
    ]
}

/// `FORM_BODY`, compressed.
const GZIPPED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x73\x2b\xca\xcf\xb5\x55\x35\x72\x32\x34\x31\x34\xb5\x30\x33\x37\x35\x36\xb0\x54\
    \x73\xca\x4f\xa9\xb4\xf5\xc8\xd4\x2e\xc9\x48\x2d\x4a\x55\x73\xcd\x2d\x28\xa9\xb4\x05\x00\x98\xc0\x97\x7e\x28\x00\x00\x00";
