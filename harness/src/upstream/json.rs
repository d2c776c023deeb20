//! The record as JSON, for people and scripts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::request::Request;
use crate::Headers;

/// The header by which Twilio marks the attempts of one webhook as the same event.
const TOKEN: &str = "i-twilio-idempotency-token";

/// Requests as a JSON array; with `token`, only those whose `i-twilio-idempotency-token` it is.
///
/// The fields of each: `protocol`, `method`, `path`, `host`, `headers` and `trailers` as pairs, `body` as
/// text or, when it is not UTF-8, `body_base64`, `connection`, and `complete`. A header value that is not
/// UTF-8 has U+FFFD in it.
pub fn to_json(requests: &[Request], token: Option<&str>) -> Value {
    let wanted = |request: &&Request| {
        token.is_none_or(|token| request.headers.get_all(TOKEN).any(|value| value == token.as_bytes()))
    };
    requests.iter().filter(wanted).map(one).collect()
}

fn one(request: &Request) -> Value {
    let mut object = json!({
        "protocol": request.protocol.name(),
        "method": request.method,
        "path": request.path,
        "host": request.authority,
        "headers": fields(&request.headers),
        "trailers": fields(&request.trailers),
        "connection": request.connection,
        "complete": request.complete,
    });
    match std::str::from_utf8(&request.body) {
        Ok(text) => object["body"] = text.into(),
        Err(_) => object["body_base64"] = STANDARD.encode(&request.body).into(),
    }
    object
}

fn fields(headers: &Headers) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| json!([text(name), text(value)])).collect()
}
