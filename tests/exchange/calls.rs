//! What the proxy is asked and told for each kind of request: every call out of the sandbox takes time, and so a new one is
//! not to slip in. What the adapter does besides is in src/host/plugin.rs: it counts each verdict with one call.

use twilio_proxy_wasm::record;

use crate::support::{End, FakeProxy, Request, TOKEN, policy, words};

const URL: &str = "https://hooks.example.com/twilio/sms";
const ELSEWHERE: &str = "https://shop.example.com/cart";
const HEADERS: &str = "headers";
const OWN: &str = "own state twilio_webhook";

/// The verdict on a request, and the calls for it: `body` without its size, and what access logs are told without its text.
fn calls(configuration: &str, request: &Request) -> (String, Vec<String>) {
    let policy = policy(&configuration.replace("TOKEN", TOKEN));
    let proxy = FakeProxy { port: Some(8443), route_name: "other", ..FakeProxy::of(request) };
    proxy.filter_states.borrow_mut().insert("t", TOKEN.as_bytes().to_vec());
    let (_, mut exchange) = request.exchange(&policy, &proxy, &[], End::Headers);
    exchange.on_response(&proxy);
    exchange.on_end(&proxy);
    let verdict = exchange.verdict();
    if let Some((verdict, _)) = exchange.take_verdict()
        && record::new_filter_state(&policy, verdict, &proxy).is_some()
    {
        proxy.calls.borrow_mut().push("leave".to_owned());
    }
    let first_word = |call: String| if call.starts_with("body ") { "body".to_owned() } else { call };
    (words(verdict), proxy.calls(&[""]).into_iter().map(first_word).collect())
}

#[test]
fn no_request_costs_more_calls_than_it_needs() {
    const BY_PATH: &str = r#"{ "unmatched": "allow", "routes": [{ "name": "sms", "match": { "path": { "prefix": "/twilio" } },
             "auth_tokens": [{ "value": "TOKEN" }] }] }"#;
    const BY_ROUTE: &str = r#"{ "unmatched": "allow", "routes": [{ "name": "sms", "match": { "route_names": ["webhook"] },
             "auth_tokens": [{ "value": "TOKEN" }] }] }"#;
    const CHANGING: &str = r#"{ "auth_tokens": [{ "filter_state": "t" }] }"#;
    let form = Request::form(URL, "Body=Hi");
    let forged = form.clone().body("Body=Ho");
    let other = Request::new("POST", ELSEWHERE).body("{}");
    let signed = Request::get(ELSEWHERE);
    let denied = BY_PATH.replace("allow", "deny");
    let table: [(&str, &str, &Request, &str, &[&str]); 9] = [
        ("a form", BY_PATH, &form, "allowed 0", &[HEADERS, "body", OWN, "leave"]),
        ("a GET", BY_PATH, &Request::get(URL), "allowed 0", &[HEADERS, OWN, "leave"]),
        ("a forged form", BY_PATH, &forged, "denied signature_mismatch", &[HEADERS, "body", "port", "leave"]),
        (
            "an unsigned form",
            BY_PATH,
            &form.clone().without("x-twilio-signature"),
            "denied missing_signature",
            &[HEADERS, "leave"],
        ),
        ("elsewhere by its path", BY_PATH, &other, "passed", &[HEADERS]),
        ("elsewhere by the proxy's route", BY_ROUTE, &other, "passed", &[HEADERS, "route name"]),
        ("signed, and elsewhere", BY_PATH, &signed, "passed no_route", &[HEADERS, OWN, OWN, "leave"]),
        ("all others denied", &denied, &other, "denied no_route", &[HEADERS, "leave"]),
        (
            "a token that may change",
            CHANGING,
            &form,
            "allowed 0:1",
            &[HEADERS, "filter state t", "body", OWN, "leave"],
        ),
    ];
    for (name, configuration, request, verdict, expected) in table {
        let (got, calls) = calls(configuration, request);
        assert_eq!(
            (got.as_str(), calls),
            (verdict, expected.iter().map(|call| (*call).to_owned()).collect()),
            "{name}"
        );
    }
}
