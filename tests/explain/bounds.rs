//! What is not looked into, and how much is done at most.

use std::rc::Rc;

use crate::support::sign::sha1;
use crate::support::{Request, TOKEN, plain, policy};
use crate::{explain, signed};
use twilio_proxy_wasm::explain::{Cause, MOST_BODY};
use twilio_proxy_wasm::policy::Policy;

const URL: &str = "https://inbound.example.com/voice";

fn cause(policy: &Rc<Policy>, request: &Request) -> (String, Option<Cause>) {
    let (verdict, explanation) = explain(policy, request);
    (verdict, explanation.map(|explanation| explanation.cause()))
}

fn mismatch() -> String {
    "denied signature_mismatch".to_owned()
}

/// A request that the other scheme would fit.
fn over_http(body: &str) -> Request {
    Request::form(URL, body).with(":scheme", "http")
}

#[test]
fn a_forged_request_has_no_known_cause() {
    let forged = Request::get(URL).signature(&sha1("another key", URL, &[]));
    assert_eq!(cause(&plain(""), &forged), (mismatch(), Some(Cause::Unknown)));
    let form = Request::form(URL, "Body=hello").body("Body=bye");
    assert_eq!(cause(&plain(""), &form), (mismatch(), Some(Cause::Unknown)));
    let (_, explanation) = explain(&plain(""), &forged);
    assert_eq!(
        explanation.unwrap().to_string(),
        "cause=unknown setting=auth_tokens: none of the usual causes: another key, a host or a part of the path that a proxy in \
         front has changed, a body that a filter before this one has changed, or a forged request; compare this route's token with the primary auth token of the account that sends this: a subaccount signs \
         with its own, the old one is gone after a rotation, and the secret of an API key is none; then compare the URL at \
         Twilio with the host and path that arrive (url.base), or give the request to `twilio-webhook explain`"
    );
}

#[test]
fn what_has_nothing_to_explain_is_not_explained() {
    let policy = plain(r#""max_body_bytes": 100"#);
    let json = Request::json(URL, "{}");
    for (request, verdict) in [
        (Request::get(URL), "allowed 0"),
        (Request::get(URL).without("x-twilio-signature"), "denied missing_signature"),
        (Request::get(URL).signature("x"), "denied malformed_signature"),
        (Request::get(URL).without(":authority"), "denied unverifiable"),
        (Request::form(URL, &"x".repeat(101)), "denied body_too_large"),
        (json.body("[]"), "denied body_hash_mismatch"),
        (
            Request::new("POST", URL).body("x").signature(&sha1("another key", URL, &[])),
            "denied unsigned_body",
        ),
    ] {
        assert_eq!(cause(&policy, &request), (verdict.to_owned(), None));
    }
}

#[test]
fn it_can_be_switched_off_and_works_in_report_mode() {
    let request = over_http("Body=hello");
    assert_eq!(cause(&plain(""), &request), (mismatch(), Some(Cause::Scheme)));
    assert_eq!(cause(&plain(r#""explain": true"#), &request), (mismatch(), Some(Cause::Scheme)));
    assert_eq!(cause(&plain(r#""explain": false"#), &request), (mismatch(), None));
    let reported = ("reported signature_mismatch".to_owned(), Some(Cause::Scheme));
    assert_eq!(cause(&plain(r#""mode": "report""#), &request), reported);
}

#[test]
fn a_body_is_looked_into_up_to_a_size() {
    let body = |size: usize| format!("Body={}", "x".repeat(size - 5));
    assert_eq!(cause(&plain(""), &over_http(&body(MOST_BODY))), (mismatch(), Some(Cause::Scheme)));
    assert_eq!(cause(&plain(""), &over_http(&body(MOST_BODY + 1))), (mismatch(), Some(Cause::NotTried)));
}

#[test]
fn other_forms_of_the_query_are_tried_for_a_cause_up_to_a_size() {
    let query = |quote: &str, size: usize| format!("q=it{quote}s&{}", "x".repeat(size - "q=it's&".len()));
    for (size, expected) in [(2_048, Cause::Scheme), (2_049, Cause::Unknown)] {
        let arrives = format!("http://inbound.example.com/voice?{}", query("'", size));
        let request = signed(Request::new("GET", &arrives), &format!("{URL}?{}", query("%27", size)));
        assert_eq!(cause(&plain(""), &request), (mismatch(), Some(expected)), "{size}");
    }
}

/// A body that is too large for it is not looked into by the header's causes either.
#[test]
fn what_a_header_tells_needs_no_body() {
    let policy = policy(
        r#"{ "auth_tokens": [{ "value": "a" }], "shared_keys": [
        { "id": "known", "algorithm": "HMAC_SHA256", "value": "b" }] }"#,
    );
    for size in [100, MOST_BODY + 1] {
        let form = Request::form(URL, &format!("a={}", "x".repeat(size)));
        let named = form.header("x-twilio-webhooks-signature-settings", "key=unknown,algorithm=HMAC_SHA256");
        let expected = ("denied unknown_key".to_owned(), Some(Cause::UnknownSharedKey));
        assert_eq!(cause(&policy, &named), expected, "{size}");
    }
}

#[test]
fn a_search_ends_before_all_is_tried_if_that_is_too_much() {
    // One of the last causes that concern the URL, with so many bytes that it is not reached.
    for (size, expected) in [(1, Cause::PathPrefix), (40_000, Cause::NotTried)] {
        let query = "q=".to_owned() + &"%41".repeat(size);
        let arrives = format!("https://inbound.example.com/before/voice?{query}");
        let request = signed(Request::new("GET", &arrives), &format!("{URL}?{query}"));
        assert_eq!(cause(&plain(""), &request), (mismatch(), Some(expected)));
    }
    // The key of the last of many routes.
    let routes = |count: usize| {
        let route = |index: usize| {
            format!(
                r#"{{ "name": "r{index}", "match": {{ "path": {{ "exact": "/r{index}" }} }}, "auth_tokens": [{{ "env": "K{index}" }}] }}"#
            )
        };
        let all: Vec<String> = (0..count).map(route).collect();
        policy(&format!(r#"{{ "unmatched": "allow", "routes": [{}] }}"#, all.join(", ")))
    };
    let last = |count: usize| {
        let url = "https://inbound.example.com/r0";
        Request::get(url).signature(&sha1(&format!("K{}", count - 1), url, &[]))
    };
    assert_eq!(cause(&routes(20), &last(20)), (mismatch(), Some(Cause::OtherRoute)));
    assert_eq!(cause(&routes(200), &last(200)), (mismatch(), Some(Cause::NotTried)));
}

#[test]
fn headers_that_are_no_text_do_no_harm() {
    let odd = |name: &str| {
        signed(Request::new("GET", "http://inbound.example.com/voice"), URL).header(name, [0xFF, 0, b'/'])
    };
    for name in ["x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix", "x-original-url"] {
        assert_eq!(cause(&plain(""), &odd(name)), (mismatch(), Some(Cause::Scheme)));
        let forged = odd(name).signature(&sha1("another key", TOKEN, &[]));
        assert_eq!(cause(&plain(""), &forged), (mismatch(), Some(Cause::Unknown)));
    }
}
