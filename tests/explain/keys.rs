//! The URL is right and the key is not the one that was tried.

use crate::finds;
use crate::support::sign::{sha1, sha256};
use crate::support::{Request, policy};

const URL: &str = "https://inbound.example.com/voice";
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const OTHER_ACCOUNT: &str = "AC00000000000000000000000000000002";
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";

fn form(key: &str, account: Option<&str>) -> Request {
    let mut params = vec![("Body".to_owned(), "hello".to_owned())];
    params.extend(account.map(|sid| ("AccountSid".to_owned(), sid.to_owned())));
    let body: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Request::form(URL, &body.join("&")).signature(&sha1(key, URL, &params))
}

fn shared(key: &str, settings: &str) -> Request {
    let params = [("Body".to_owned(), "hello".to_owned())];
    let request = Request::form(URL, "Body=hello").signature(&sha256(key, URL, &params));
    if settings.is_empty() { request } else { request.header(SETTINGS, settings) }
}

#[track_caller]
fn is_set_right(config: &str, request: &Request, verdict: &str, line: &str, remedy: &str) {
    finds(&policy(config), request, verdict, line, (&policy(remedy), request));
}

#[test]
fn a_key_at_the_top_that_the_route_replaces() {
    is_set_right(
        r#"{ "auth_tokens": [{ "env": "TOP" }], "routes": [{ "name": "sms", "auth_tokens": [{ "env": "OWN" }] }] }"#,
        &form("TOP", None),
        "denied signature_mismatch",
        "cause=replaced_key setting=auth_tokens key=TOP",
        r#"{ "routes": [{ "name": "sms", "auth_tokens": [{ "env": "OWN" }, { "env": "TOP" }] }] }"#,
    );
}

#[test]
fn a_key_or_the_url_of_another_route() {
    let overlapping = policy(
        r#"{ "unmatched": "allow", "routes": [
            { "name": "first", "match": { "hosts": ["*.example.com"] }, "auth_tokens": [{ "env": "OWN" }] },
            { "name": "second", "match": { "path": { "exact": "/voice" } }, "auth_tokens": [{ "env": "OTHER" }] },
            { "name": "third", "match": { "path": { "exact": "/third" } }, "auth_tokens": [{ "env": "OWN" }],
              "url": { "base": "https://outer.example/eu" } } ] }"#,
    );
    let swapped = policy(
        r#"{ "unmatched": "allow", "routes": [
            { "name": "second", "match": { "path": { "exact": "/voice" } }, "auth_tokens": [{ "env": "OTHER" }] },
            { "name": "first", "match": { "hosts": ["*.example.com"] }, "auth_tokens": [{ "env": "OWN" }] } ] }"#,
    );
    let request = form("OTHER", None);
    let (line, mismatch) = ("cause=other_route setting=routes", "denied signature_mismatch");
    finds(&overlapping, &request, mismatch, &format!("{line} key=OTHER"), (&swapped, &request));
    let dialled = "https://outer.example/eu/voice";
    let request = Request::new("GET", URL).signature(&sha1("OWN", dialled, &[]));
    let with_url =
        policy(r#"{ "auth_tokens": [{ "env": "OWN" }], "url": { "base": "https://outer.example/eu" } }"#);
    finds(&overlapping, &request, mismatch, &format!("{line} key=OWN"), (&with_url, &request));
}

#[test]
fn a_token_that_is_tied_to_another_account() {
    let tied = |first: &str| {
        format!(
            r#"{{ "auth_tokens": [{{ "env": "ONE", "account_sid": "{first}" }},
                                 {{ "env": "TWO", "account_sid": "{OTHER_ACCOUNT}" }}] }}"#
        )
    };
    let line = "cause=other_account setting=auth_tokens.account_sid key=ONE";
    let (wrong, right) = (tied(OTHER_ACCOUNT), tied(ACCOUNT));
    is_set_right(&wrong, &form("ONE", Some(ACCOUNT)), "denied unknown_key", line, &right);
    let line_of_two = "cause=other_account setting=auth_tokens.account_sid key=TWO";
    let two = tied(OTHER_ACCOUNT).replace(OTHER_ACCOUNT, "AC00000000000000000000000000000003");
    let set_right = two.replacen("AC00000000000000000000000000000003", ACCOUNT, 2);
    is_set_right(&two, &form("TWO", Some(ACCOUNT)), "denied unknown_key", line_of_two, &set_right);
    let any = r#"{ "auth_tokens": [{ "env": "ONE" }, { "env": "TWO" }] }"#;
    is_set_right(&right, &form("ONE", None), "denied unknown_key", line, any);
    is_set_right(&right, &form("ONE", Some(OTHER_ACCOUNT)), "denied signature_mismatch", line, any);
}

#[test]
fn shared_keys_and_tokens_that_are_taken_for_each_other() {
    let both = r#"{ "auth_tokens": [{ "env": "TOKEN" }], "shared_keys": [
        { "id": "key-one", "algorithm": "HMAC_SHA256", "env": "ONE" },
        { "id": "key-two", "algorithm": "HMAC_SHA256", "env": "TWO" }] }"#;
    let mismatch = "denied signature_mismatch";
    let policy = policy(both);
    let named = |key: &str| shared(key, "key=key-one,algorithm=HMAC_SHA256");
    // Something in front took the header away, or put one there.
    let line = "cause=unnamed_shared_key setting=none key=key-one";
    finds(&policy, &shared("ONE", ""), mismatch, line, (&policy, &named("ONE")));
    let line = "cause=named_shared_key setting=none key=TOKEN";
    let request = form("TOKEN", None);
    let settled = request.clone().header(SETTINGS, "key=key-one");
    finds(&policy, &settled, mismatch, line, (&policy, &request));
    // Two secrets are swapped.
    let line = "cause=other_shared_key setting=shared_keys key=key-two";
    let swapped = both.replace("\"ONE\"", "\"X\"").replace("\"TWO\"", "\"ONE\"").replace("\"X\"", "\"TWO\"");
    is_set_right(both, &named("TWO"), mismatch, line, &swapped);
}

#[test]
fn a_shared_key_that_the_route_does_not_have() {
    let token = r#"{ "auth_tokens": [{ "env": "TOKEN" }] }"#;
    let keyed = r#"{ "shared_keys": [{ "id": "key-one", "algorithm": "HMAC_SHA256", "env": "ONE" }] }"#;
    let weak = r#"{ "shared_keys": [{ "id": "key-one", "algorithm": "HMAC_SHA1", "env": "ONE" }] }"#;
    let (unknown, named) = ("denied unknown_key", shared("ONE", "key=key-one,algorithm=HMAC_SHA256"));
    is_set_right(token, &named, unknown, "cause=unknown_shared_key setting=shared_keys", keyed);
    is_set_right(weak, &named, unknown, "cause=shared_key_algorithm setting=shared_keys.algorithm", keyed);
    is_set_right(keyed, &form("TOKEN", None), unknown, "cause=no_auth_token setting=auth_tokens", token);
    // Without a body the key can be tried at the headers, which is where this is denied.
    let policy = policy(keyed);
    let request = Request::new("GET", URL).signature(&sha256("ONE", URL, &[]));
    let line = "cause=unnamed_shared_key setting=none key=key-one";
    finds(&policy, &request, unknown, line, (&policy, &request.clone().header(SETTINGS, "key=key-one")));
    for unreadable in ["", "algorithm=HMAC_SHA256"] {
        let (_, explanation) = crate::explain(&policy, &request.clone().header(SETTINGS, unreadable));
        assert_eq!(explanation, None);
    }
}
