//! The published vectors through real Envoy. The core has its own test of them; here the proxy is in between.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{self, Request};
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use crate::site::{Layout, Site};
use crate::webhook::{BOTH, FORM};

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../vectors/sdk.json")).expect("the vectors")
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_else(|| panic!("no {field} in {vector}"))
}

fn is_shared(vector: &Value) -> bool {
    text(vector, "algorithm") == "HMAC_SHA256"
}

/// One route that knows the keys of all vectors, in an Envoy that trusts `X-Forwarded-Proto`.
fn layout() -> Layout {
    let keys = |shared: bool| {
        let mut keys: Vec<_> = vectors()
            .iter()
            .filter(|it| is_shared(it) == shared)
            .map(|it| text(it, "key").to_owned())
            .collect();
        keys.sort();
        keys.dedup();
        keys
    };
    let tokens: Vec<_> = keys(false).iter().map(|key| json!({ "value": key })).collect();
    let shared: Vec<_> = keys(true)
        .iter()
        .map(|key| json!({ "id": format!("shared_{key}"), "algorithm": "HMAC_SHA256", "value": key }))
        .collect();
    Layout {
        plugin: json!({ "unmatched": "allow", "routes": [{
            "name": "hook", "auth_tokens": tokens, "shared_keys": shared }] }),
        manager: json!({ "use_remote_address": false }),
        ..Layout::default()
    }
}

fn request(vector: &Value) -> Request {
    let (scheme, rest) = text(vector, "dialled_url").split_once("://").expect("a URL");
    let (authority, path) = rest.split_at(rest.find('/').expect("a path"));
    let params = vector["params"].as_array().expect("params");
    let request = match (scheme, vector["body"].as_str()) {
        ("wss", _) => Request::websocket(authority, path),
        (_, Some(body)) => {
            Request::new("POST", authority, path).header("content-type", "application/json").body(body)
        }
        (_, None) if params.is_empty() => Request::new("GET", authority, path),
        (_, None) => {
            let pairs = params
                .iter()
                .map(|pair| (pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value")));
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            Request::new("POST", authority, path).header("content-type", FORM).body(body)
        }
    };
    let proto = if matches!(scheme, "https" | "wss") { "https" } else { "http" };
    let request =
        request.header("x-forwarded-proto", proto).header("x-twilio-signature", text(vector, "signature"));
    if is_shared(vector) {
        let settings = format!("key=shared_{},algorithm=HMAC_SHA256", text(vector, "key"));
        request.header("x-twilio-webhooks-signature-settings", settings)
    } else {
        request
    }
}

#[test]
fn every_vector_comes_to_its_verdict() {
    for binary in versions() {
        let site = Site::start(&binary, &layout());
        // Envoy itself answers 400 to a target that is not ASCII, which no client of Twilio's sends.
        for vector in vectors().iter().filter(|it| text(it, "dialled_url").is_ascii()) {
            for protocol in BOTH {
                let (name, verdict) = (text(vector, "name"), text(vector, "verdict"));
                let (expected, counted) = match verdict {
                    "allowed" => ("allowed", "none"),
                    reason => ("denied", reason),
                };
                let before = (site.count(expected, counted), site.upstream.mark());
                let request = request(vector);
                let status = if text(vector, "dialled_url").starts_with("wss") {
                    handshake(&site, protocol, &request)
                } else {
                    client::send(&site.target(), protocol, &request).expect("an answer").status
                };
                let passed = expected == "allowed";
                assert_eq!(passed, matches!(status, 101 | 200), "{name} over {protocol:?}: {status}");
                assert_eq!(site.count(expected, counted), before.0 + 1, "{name} over {protocol:?}");
                assert_eq!(
                    site.upstream.bytes_since(before.1).is_empty(),
                    !passed,
                    "{name} over {protocol:?}"
                );
            }
        }
    }
}

/// The status of a handshake, whose stream stays open.
fn handshake(site: &Site, protocol: Protocol, request: &Request) -> u16 {
    match protocol {
        Protocol::Http1 => {
            let mut connection = client::h1::Connection::open(&site.target()).expect("a connection");
            connection.send(&request.h1_bytes()).expect("to send");
            connection.read_head().expect("an answer").status
        }
        Protocol::Http2 => {
            let mut connection = client::h2::Connection::open(&site.target()).expect("a connection");
            connection.start(request).expect("a stream").read_head().expect("an answer").status
        }
    }
}
