//! Which key speaks for a request: rotation, subaccounts, shared keys.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;
use twilio_webhook::key::Algorithm;
use twilio_webhook::sign;

use crate::site::{HOST, Layout, Site};
use crate::webhook::{BOTH, FORM, denied, passes};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const OTHER_ACCOUNT: &str = "AC00000000000000000000000000000002";
const SHARED: &str = "webhooks_sharedkey_01test";
const NEXT_SHARED: &str = "webhooks_sharedkey_02test";

fn layout(route: Value) -> Layout {
    Layout::default().with_route(route)
}

/// A form post whose `AccountSid` is this one, signed with this key.
fn post(algorithm: Algorithm, key: &str, account: Option<&str>) -> (Request, String) {
    let mut params = vec![("Body".to_owned(), "Hi".to_owned())];
    params.extend(account.map(|sid| ("AccountSid".to_owned(), sid.to_owned())));
    let body: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let body = body.join("&");
    let signature = sign::signature(algorithm, key.as_bytes(), &format!("http://{HOST}/hook/a"), &params);
    let request = Request::new("POST", HOST, "/hook/a").header("content-type", FORM).body(&body);
    (request.header("x-twilio-signature", signature), body)
}

fn settings(request: Request, value: &str) -> Request {
    request.header("x-twilio-webhooks-signature-settings", value)
}

/// A case is a request with its body, and why it is denied, if it is.
#[track_caller]
fn check(layout: &Layout, cases: &[((Request, String), Option<&str>)]) {
    for binary in versions() {
        let site = Site::start(&binary, layout);
        for ((request, body), reason) in cases {
            for protocol in BOTH {
                match reason {
                    None => passes(&site, protocol, request, body.as_bytes()),
                    Some(reason) => denied(&site, protocol, request, 403, reason),
                }
            }
        }
    }
}

#[test]
fn during_a_rotation_either_token_signs() {
    let rotating = layout(json!({ "auth_tokens": [{ "value": "primary" }, { "value": "secondary" }] }));
    let sha1 = |key| post(Algorithm::HmacSha1, key, None);
    check(
        &rotating,
        &[(sha1("primary"), None), (sha1("secondary"), None), (sha1("old"), Some("signature_mismatch"))],
    );
}

#[test]
fn a_subaccounts_token_signs_for_that_account_alone() {
    let tied = layout(json!({ "auth_tokens": [
        { "value": "token-1", "account_sid": ACCOUNT }, { "value": "token-2", "account_sid": OTHER_ACCOUNT } ] }));
    let of = |key, account| post(Algorithm::HmacSha1, key, account);
    check(
        &tied,
        &[
            (of("token-1", Some(ACCOUNT)), None),
            (of("token-2", Some(OTHER_ACCOUNT)), None),
            (of("token-1", Some(OTHER_ACCOUNT)), Some("signature_mismatch")),
            (of("token-1", Some("AC00000000000000000000000000000003")), Some("unknown_key")),
            (of("token-1", None), Some("unknown_key")),
        ],
    );
    // In a GET, or beside a JSON body, the account stands in the query.
    let path = format!("/hook/a?AccountSid={ACCOUNT}");
    let signature = sign::signature(Algorithm::HmacSha1, b"token-1", &format!("http://{HOST}{path}"), &[]);
    let get = Request::new("GET", HOST, &path).header("x-twilio-signature", signature);
    check(&tied, &[((get, String::new()), None)]);
}

#[test]
fn a_token_that_is_tied_to_no_account_signs_where_the_account_is_unknown() {
    let mixed = layout(json!({ "auth_tokens": [
        { "value": "token-1", "account_sid": ACCOUNT }, { "value": "token-any" } ] }));
    let of = |key, account| post(Algorithm::HmacSha1, key, account);
    check(
        &mixed,
        &[
            (of("token-any", None), None),
            (of("token-any", Some(ACCOUNT)), None),
            (of("token-1", Some(ACCOUNT)), None),
            (of("token-1", None), Some("signature_mismatch")),
        ],
    );
}

#[test]
fn shared_keys_are_selected_by_the_header_and_bound_by_the_configuration() {
    let route = layout(json!({
        "auth_tokens": [{ "value": "token" }],
        "shared_keys": [
            { "id": SHARED, "algorithm": "HMAC_SHA256", "value": "shared-1" },
            { "id": NEXT_SHARED, "algorithm": "HMAC_SHA1", "value": "shared-2" },
        ],
    }));
    let case = |algorithm, key, value: Option<String>, reason| {
        let (request, body) = post(algorithm, key, None);
        let request = match value {
            Some(value) => settings(request, &value),
            None => request,
        };
        ((request, body), reason)
    };
    let of = |id: &str, algorithm: &str| Some(format!("key={id},algorithm={algorithm}"));
    let (sha1, sha256) = (Algorithm::HmacSha1, Algorithm::HmacSha256);
    let doubled = {
        let (request, body) = post(sha256, "shared-1", None);
        let value = format!("key={SHARED},algorithm=HMAC_SHA256");
        ((settings(settings(request, &value), &value), body), Some("unknown_key"))
    };
    check(
        &route,
        &[
            case(sha256, "shared-1", of(SHARED, "HMAC_SHA256"), None),
            case(sha1, "shared-2", of(NEXT_SHARED, "HMAC_SHA1"), None),
            // A migration: what is signed with the auth token still passes, without the header.
            case(sha1, "token", None, None),
            // The header selects, and that is all: it cannot weaken or swap a key.
            case(sha1, "shared-1", of(SHARED, "HMAC_SHA1"), Some("unknown_key")),
            case(sha1, "shared-1", of(SHARED, "HMAC_SHA256"), Some("signature_mismatch")),
            case(sha256, "shared-1", of(NEXT_SHARED, "HMAC_SHA1"), Some("signature_mismatch")),
            case(sha256, "shared-1", None, Some("signature_mismatch")),
            case(sha1, "token", of(SHARED, "HMAC_SHA256"), Some("signature_mismatch")),
            case(sha256, "shared-1", of("webhooks_sharedkey_unknown", "HMAC_SHA256"), Some("unknown_key")),
            case(sha256, "shared-1", Some(String::new()), Some("unknown_key")),
            doubled,
        ],
    );
}

#[test]
fn a_route_with_shared_keys_alone_denies_what_is_signed_with_anything_else() {
    let route = layout(json!({
        "auth_tokens": [],
        "shared_keys": [{ "id": SHARED, "algorithm": "HMAC_SHA256", "value": "shared-1" }],
    }));
    for binary in versions() {
        let site = Site::start(&binary, &route);
        let (request, _) = post(Algorithm::HmacSha1, "token", None);
        denied(&site, Protocol::Http1, &request, 403, "unknown_key");
    }
}
