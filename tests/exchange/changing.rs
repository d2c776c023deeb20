//! Keys that come with the request, in filter state.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use twilio_proxy_wasm::exchange::Exchange;
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::record;

use crate::play_on;
use crate::support::sign::{sha1, sha256};
use crate::support::{End, FakeProxy, Request, policy, words};

const URL: &str = "https://hooks.example.com/sms";
const KEY: &str = "twilio.auth_tokens";
const ACCOUNT: &str = "AC00000000000000000000000000000001";

/// What other filters have left, by its key.
type States<'a> = &'a [(&'static str, &'a [u8])];

/// A form signed with this key, as an auth token.
fn form(key: &str) -> Request {
    let pairs = [("Body".to_owned(), "Hi".to_owned()), ("AccountSid".to_owned(), ACCOUNT.to_owned())];
    Request::form(URL, &format!("Body=Hi&AccountSid={ACCOUNT}")).signature(&sha1(key, URL, &pairs))
}

fn proxy(request: &Request, states: States<'_>) -> FakeProxy {
    let states: BTreeMap<_, _> = states.iter().map(|(key, text)| (*key, text.to_vec())).collect();
    FakeProxy { filter_states: RefCell::new(states), ..FakeProxy::of(request) }
}

/// The verdict on a request for which the proxy holds this text, what the access log shows of its key, and what the log says
/// of its cause.
fn told(policy: &Rc<Policy>, request: &Request, states: States<'_>) -> String {
    let proxy = proxy(request, states);
    let (_, mut exchange) = request.exchange(policy, &proxy, &[], End::Headers);
    let (verdict, evidence) = exchange.take_verdict().unwrap();
    let shown = record::filter_state(policy, verdict);
    let key = shown.split_once(" key=").map(|(_, key)| format!(" {key}")).unwrap_or_default();
    let explanation = evidence.and_then(|evidence| evidence.explain(policy, &proxy));
    let cause = explanation.map(|explanation| {
        let line = explanation.to_string();
        format!(" {}", line.split_once(": ").map_or(line.as_str(), |(cause, _)| cause))
    });
    format!("{}{key}{}", words(Some(verdict)), cause.unwrap_or_default())
}

#[test]
fn each_line_of_the_text_is_a_token() {
    let policy = policy(&format!(r#"{{ "auth_tokens": [{{ "filter_state": "{KEY}" }}] }}"#));
    let missing = "denied unknown_key cause=key_missing setting=filter_state filter_state=twilio.auth_tokens";
    let unusable =
        "denied unknown_key cause=key_unusable setting=filter_state filter_state=twilio.auth_tokens line=2";
    let large =
        "denied unknown_key cause=keys_too_large setting=filter_state filter_state=twilio.auth_tokens";
    let mismatch = "denied signature_mismatch cause=unknown setting=auth_tokens";
    let long = [b'a'; 20_000];
    let table: &[(&str, States<'_>, &str, &str)] = &[
        ("one", &[(KEY, b"old\n")], "old", "allowed 0:1 filter_state:twilio.auth_tokens:1"),
        (
            "both, the old one",
            &[(KEY, b"old\nnew\n")],
            "old",
            "allowed 0:1 filter_state:twilio.auth_tokens:1",
        ),
        (
            "both, the new one",
            &[(KEY, b"old\nnew\n")],
            "new",
            "allowed 0:2 filter_state:twilio.auth_tokens:2",
        ),
        ("the second alone", &[(KEY, b"new\n")], "new", "allowed 0:1 filter_state:twilio.auth_tokens:1"),
        ("no longer there", &[(KEY, b"new\n")], "old", mismatch),
        ("twice", &[(KEY, b"old\nold\n")], "old", "allowed 0:2 filter_state:twilio.auth_tokens:2"),
        ("no such state", &[], "old", missing),
        ("no such state, a key of no length", &[], "", missing),
        ("another state", &[("twilio.auth_token", b"old")], "old", missing),
        ("empty", &[(KEY, b"")], "", missing),
        ("a line end alone", &[(KEY, b"\r\n")], "", missing),
        (
            "a bad line, and the good one",
            &[(KEY, b"old\nne w\n")],
            "old",
            "allowed 0:1 filter_state:twilio.auth_tokens:1",
        ),
        ("a bad line, and another key", &[(KEY, b"old\nne w\n")], "new", unusable),
        ("a bad line, as written", &[(KEY, b"old\nne w\n")], "ne w", unusable),
        ("too large", &[(KEY, &long)], "old", large),
    ];
    for (name, states, key, expected) in table {
        assert_eq!(told(&policy, &form(key), states), *expected, "{name}");
    }
}

#[test]
fn keys_that_change_stand_beside_others_and_are_tied_to_accounts_like_them() {
    let other = "AC00000000000000000000000000000002";
    let beside =
        policy(&format!(r#"{{ "auth_tokens": [{{ "env": "ENV" }}, {{ "filter_state": "{KEY}" }}] }}"#));
    let tied = |sid: &str| {
        policy(&format!(r#"{{ "auth_tokens": [{{ "filter_state": "{KEY}", "account_sid": "{sid}" }}] }}"#))
    };
    let (own, elsewhere) = (tied(ACCOUNT), tied(other));
    let both: &[(&str, &[u8])] = &[(KEY, b"one\ntwo\n")];
    let table = [
        ("the other", &beside, "ENV", both, "allowed 0 ENV"),
        ("a line", &beside, "two", both, "allowed 1:2 filter_state:twilio.auth_tokens:2"),
        ("neither", &beside, "three", both, "denied signature_mismatch cause=unknown setting=auth_tokens"),
        ("the other alone is here", &beside, "ENV", &[], "allowed 0 ENV"),
        (
            "the other alone is here and does not fit",
            &beside,
            "one",
            &[],
            "denied unknown_key cause=key_missing setting=filter_state filter_state=twilio.auth_tokens",
        ),
        ("of the account", &own, "two", both, "allowed 0:2 filter_state:twilio.auth_tokens:2"),
        (
            "of another account",
            &elsewhere,
            "two",
            both,
            "denied unknown_key cause=other_account setting=auth_tokens.account_sid key=filter_state:twilio.auth_tokens:2",
        ),
    ];
    for (name, policy, key, states, expected) in table {
        assert_eq!(told(policy, &form(key), states), expected, "{name}");
    }
}

#[test]
fn a_shared_key_has_each_line_under_its_id() {
    let policy = policy(
        r#"{ "auth_tokens": [{ "filter_state": "tokens" }],
             "shared_keys": [{ "id": "sk_1", "algorithm": "HMAC_SHA256", "filter_state": "shared" },
                             { "id": "sk_2", "algorithm": "HMAC_SHA1", "filter_state": "shared" }] }"#,
    );
    let states: &[(&str, &[u8])] = &[("tokens", b"token\n"), ("shared", b"old\nnew\n")];
    let get = Request::new("GET", URL);
    let signed = |signature: &str, settings: &str| {
        get.clone().signature(signature).header("x-twilio-webhooks-signature-settings", settings)
    };
    let table = [
        ("old", signed(&sha256("old", URL, &[]), "key=sk_1"), "allowed 1:1 sk_1:1"),
        ("new", signed(&sha256("new", URL, &[]), "key=sk_1"), "allowed 1:2 sk_1:2"),
        ("the other id", signed(&sha1("new", URL, &[]), "key=sk_2"), "allowed 2:2 sk_2:2"),
        (
            "not named",
            get.clone().signature(&sha256("new", URL, &[])),
            "denied signature_mismatch cause=unnamed_shared_key setting=none key=sk_1:2",
        ),
        ("the token", get.clone().signature(&sha1("token", URL, &[])), "allowed 0:1 filter_state:tokens:1"),
    ];
    for (name, request, expected) in table {
        assert_eq!(told(&policy, &request, states), expected, "{name}");
    }
}

#[test]
fn the_proxy_is_asked_once_for_each_text_that_matters_and_for_no_other() {
    let policy = policy(&format!(
        r#"{{ "auth_tokens": [{{ "filter_state": "{KEY}", "account_sid": "{ACCOUNT}" }}, {{ "filter_state": "{KEY}" }},
                              {{ "filter_state": "second" }}],
              "shared_keys": [{{ "id": "sk", "algorithm": "HMAC_SHA1", "filter_state": "shared" }}] }}"#
    ));
    let states: &[(&str, &[u8])] = &[(KEY, b"one\n"), ("second", b"two\n"), ("shared", b"three\n")];
    let asked = |request: &Request| {
        let proxy = proxy(request, states);
        request.exchange(&policy, &proxy, &[4, 4], End::Trailers);
        proxy.calls(&["filter state "]).join(", ")
    };
    assert_eq!(asked(&form("one")), "filter state twilio.auth_tokens, filter state second");
    assert_eq!(asked(&form("one").without("x-twilio-signature")), "");
    assert_eq!(asked(&form("one").signature("no signature")), "");
    let settings = "x-twilio-webhooks-signature-settings";
    assert_eq!(asked(&form("three").header(settings, "key=sk")), "filter state shared");
    assert_eq!(asked(&form("three").header(settings, "key=other")), "");
    assert_eq!(asked(&form("one").header("content-length", "99999999")), "");
}

#[test]
fn beside_a_key_that_stays_the_same_it_is_one_call_more() {
    let calls = |token: &str| {
        let policy = policy(&format!(r#"{{ "auth_tokens": [{token}] }}"#));
        let request = form("TOKEN");
        let proxy = proxy(&request, &[(KEY, b"TOKEN\n")]);
        let (_, exchange) = request.exchange(&policy, &proxy, &[4], End::Body);
        assert!(words(exchange.verdict()).starts_with("allowed "));
        proxy.calls(&[""])
    };
    let (mut changing, fixed) =
        (calls(&format!(r#"{{ "filter_state": "{KEY}" }}"#)), calls(r#"{ "env": "TOKEN" }"#));
    let at = changing.iter().position(|call| call == "filter state twilio.auth_tokens").unwrap();
    changing.remove(at);
    assert_eq!(changing, fixed);
}

#[test]
fn a_request_is_verified_with_the_text_that_it_came_with() {
    let policy = policy(&format!(r#"{{ "auth_tokens": [{{ "filter_state": "{KEY}" }}] }}"#));
    let request = form("old");
    let waiting = proxy(&request, &[(KEY, b"old\n")]);
    let mut exchange = Exchange::new(Rc::clone(&policy), Rc::default(), false);
    exchange.on_headers(false, &waiting);
    // Meanwhile others come with another text, and this one's state is gone.
    waiting.filter_states.borrow_mut().clear();
    assert_eq!(
        told(&policy, &form("new"), &[(KEY, b"new\n")]),
        "allowed 0:1 filter_state:twilio.auth_tokens:1"
    );
    waiting.body.borrow_mut().extend(&request.body);
    exchange.on_body(request.body.len(), true, &waiting);
    assert_eq!(words(exchange.verdict()), "allowed 0:1");
}

#[test]
fn without_a_key_a_request_is_denied_at_its_headers_and_reported_in_report() {
    let enforced = policy(&format!(r#"{{ "auth_tokens": [{{ "filter_state": "{KEY}" }}] }}"#));
    let request = form("old");
    play_on(&enforced, &proxy(&request, &[]), false, "headers: 403 unknown_key");
    play_on(&enforced, &proxy(&request, &[(KEY, b"o l d\n")]), false, "headers: 403 unknown_key");
    let reported =
        policy(&format!(r#"{{ "auth_tokens": [{{ "filter_state": "{KEY}" }}], "mode": "report" }}"#));
    let script = "headers: continue\n verdict: reported unknown_key";
    play_on(&reported, &proxy(&request, &[]), false, script);
}

#[test]
fn no_key_is_printed() {
    let policy = policy(&format!(r#"{{ "auth_tokens": [{{ "filter_state": "{KEY}" }}] }}"#));
    let request = form("test-secret");
    let proxy = proxy(&request, &[(KEY, b"test-secret\n")]);
    let mut exchange = Exchange::new(Rc::clone(&policy), Rc::default(), false);
    exchange.on_headers(false, &proxy);
    let printed = format!("{policy:?} {exchange:?}");
    assert!(printed.contains("filter_state:twilio.auth_tokens") && !printed.contains("test-"), "{printed}");
}
