//! Which key a request is verified with.

use crate::support::sign::{sha1, sha256};
use crate::support::{Request, policy};
use crate::{play, verdicts};

const URL: &str = "https://hooks.example.com/sms";
const ONE: &str = "AC00000000000000000000000000000001";
const TWO: &str = "AC00000000000000000000000000000002";

/// A form signed with this key, as an auth token.
fn form(key: &str, body: &str) -> Request {
    let pairs: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    Request::form(URL, body).signature(&sha1(key, URL, &pairs))
}

#[test]
fn any_of_several_tokens_may_match() {
    let rotating = policy(r#"{ "auth_tokens": [{ "env": "OLD" }, { "env": "NEW" }, { "value": "OLD" }] }"#);
    let table = [
        // The same token twice: the last is named.
        ("old", form("OLD", "a=1"), "allowed 2"),
        ("new", form("NEW", "a=1"), "allowed 1"),
        ("neither", form("OTHER", "a=1"), "denied signature_mismatch"),
    ];
    verdicts(&rotating, &table);
}

#[test]
fn a_token_that_is_tied_to_an_account_is_tried_for_that_account_alone() {
    let tied = policy(&format!(
        r#"{{ "auth_tokens": [{{ "env": "FIRST", "account_sid": "{ONE}" }}, {{ "env": "SECOND", "account_sid": "{TWO}" }}] }}"#
    ));
    let queried = |query: &str| {
        let url = format!("{URL}?{query}");
        Request::new("GET", &url).signature(&sha1("FIRST", &url, &[]))
    };
    let hashed = Request::json(URL, "{}");
    let table = [
        ("its own", form("FIRST", &format!("AccountSid={ONE}")), "allowed 0"),
        ("its own, twice", form("FIRST", &format!("AccountSid={ONE}&AccountSid={ONE}")), "allowed 0"),
        ("the other's", form("SECOND", &format!("AccountSid={TWO}")), "allowed 1"),
        ("another's", form("FIRST", &format!("AccountSid={TWO}")), "denied signature_mismatch"),
        ("nobody's", form("FIRST", "AccountSid=AC1"), "denied unknown_key"),
        ("lower case", form("FIRST", &format!("AccountSid={}", ONE.to_lowercase())), "denied unknown_key"),
        ("by another name", form("FIRST", &format!("accountsid={ONE}")), "denied unknown_key"),
        ("unsaid", form("FIRST", "a=1"), "denied unknown_key"),
        ("unsaid in JSON", hashed, "denied unknown_key"),
        ("contradictory", form("FIRST", &format!("AccountSid={ONE}&AccountSid={TWO}")), "denied unknown_key"),
        ("in the query", queried(&format!("AccountSid={ONE}")), "allowed 0"),
        ("in the query, another", queried(&format!("AccountSid={TWO}")), "denied signature_mismatch"),
        ("in the query, escaped", queried(&format!("Account%53id={ONE}")), "allowed 0"),
        (
            "in the query, contradictory",
            queried(&format!("AccountSid={ONE}&AccountSid={TWO}")),
            "denied unknown_key",
        ),
        (
            "query against form",
            form("FIRST", &format!("AccountSid={ONE}")).with(":path", format!("/sms?AccountSid={TWO}")),
            "denied unknown_key",
        ),
    ];
    verdicts(&tied, &table);
    let mixed = policy(&format!(
        r#"{{ "auth_tokens": [{{ "env": "FIRST", "account_sid": "{ONE}" }}, {{ "env": "ANY" }}] }}"#
    ));
    let table = [
        ("any, unsaid", form("ANY", "a=1"), "allowed 1"),
        ("any, of the account", form("ANY", &format!("AccountSid={ONE}")), "allowed 1"),
        ("tied, unsaid", form("FIRST", "a=1"), "denied signature_mismatch"),
    ];
    verdicts(&mixed, &table);
}

#[test]
fn a_handshake_says_its_account_in_the_query() {
    let tied = policy(&format!(r#"{{ "auth_tokens": [{{ "env": "FIRST", "account_sid": "{ONE}" }}] }}"#));
    let (url, path) = (format!("wss://hooks.example.com/?AccountSid={ONE}"), "wss://hooks.example.com/");
    let signature = sha1("FIRST", path, &[("AccountSid".to_owned(), ONE.to_owned())]);
    let handshake = Request::websocket(&url, path, &[]).signature(&signature);
    let unsaid = Request::websocket(path, path, &[]).signature(&sha1("FIRST", path, &[]));
    verdicts(&tied, &[("said", handshake, "allowed 0"), ("unsaid", unsaid, "denied unknown_key")]);
}

#[test]
fn the_settings_header_selects_a_shared_key_and_nothing_more() {
    let shared = policy(
        r#"{ "auth_tokens": [{ "env": "TOKEN" }],
             "shared_keys": [{ "id": "sk_1", "algorithm": "HMAC_SHA1", "env": "SHA1" },
                             { "id": "sk_256", "algorithm": "HMAC_SHA256", "env": "SHA256" }] }"#,
    );
    let plain = Request::new("GET", URL);
    let signed = |key: &str, settings: &str| {
        let signature = if key == "SHA256" { sha256(key, URL, &[]) } else { sha1(key, URL, &[]) };
        plain.clone().signature(&signature).header("x-twilio-webhooks-signature-settings", settings)
    };
    let both = "key=sk_256,algorithm=HMAC_SHA256";
    let table = [
        ("SHA-256", signed("SHA256", both), "allowed 2"),
        ("SHA-1", signed("SHA1", "key=sk_1,algorithm=HMAC_SHA1"), "allowed 1"),
        ("no algorithm", signed("SHA256", "key=sk_256"), "allowed 2"),
        ("an empty algorithm", signed("SHA256", "key=sk_256,algorithm="), "allowed 2"),
        ("lower case", signed("SHA256", "key=sk_256,algorithm=hmac_sha256"), "allowed 2"),
        ("spaces", signed("SHA256", " Key = sk_256 , Algorithm = HMAC_SHA256 "), "allowed 2"),
        ("something more", signed("SHA256", "v=1,algorithm=HMAC_SHA256,key=sk_256"), "allowed 2"),
        ("the first counts", signed("SHA256", "key=sk_256,key=sk_1"), "allowed 2"),
        ("an empty one does not", signed("SHA256", "key=,key=sk_256"), "allowed 2"),
        ("another algorithm", signed("SHA256", "key=sk_256,algorithm=HMAC_SHA1"), "denied unknown_key"),
        ("an unknown algorithm", signed("SHA256", "key=sk_256,algorithm=none"), "denied unknown_key"),
        ("an unknown key", signed("SHA256", "key=sk_2,algorithm=HMAC_SHA256"), "denied unknown_key"),
        ("the name of a token", signed("TOKEN", "key=TOKEN,algorithm=HMAC_SHA1"), "denied unknown_key"),
        ("no key", signed("TOKEN", "algorithm=HMAC_SHA1"), "denied unknown_key"),
        ("empty", signed("TOKEN", ""), "denied unknown_key"),
        (
            "twice",
            signed("SHA256", both).header("x-twilio-webhooks-signature-settings", both),
            "denied unknown_key",
        ),
        ("the other key", signed("SHA1", both), "denied signature_mismatch"),
        ("the token", signed("TOKEN", both), "denied signature_mismatch"),
        (
            "SHA-1 with the key for SHA-256",
            plain
                .clone()
                .signature(&sha1("SHA256", URL, &[]))
                .header("x-twilio-webhooks-signature-settings", both),
            "denied signature_mismatch",
        ),
        ("no header", plain.clone().signature(&sha256("SHA256", URL, &[])), "denied signature_mismatch"),
        ("no header, a token", plain.clone().signature(&sha1("TOKEN", URL, &[])), "allowed 0"),
    ];
    verdicts(&shared, &table);
    let alone = policy(r#"{ "shared_keys": [{ "id": "sk", "algorithm": "HMAC_SHA1", "env": "SHA1" }] }"#);
    let unselected = plain.clone().signature(&sha1("SHA1", URL, &[]));
    play(&alone, &unselected, "headers end: 403 unknown_key");
    // Known before the body is.
    play(&alone, &form("SHA1", "a=1"), "headers: 403 unknown_key");
}

#[test]
fn a_shared_key_is_not_tied_to_an_account() {
    let policy = policy(&format!(
        r#"{{ "auth_tokens": [{{ "env": "FIRST", "account_sid": "{ONE}" }}],
             "shared_keys": [{{ "id": "sk", "algorithm": "HMAC_SHA1", "env": "SHA1" }}] }}"#
    ));
    let settings = |request: Request| request.header("x-twilio-webhooks-signature-settings", "key=sk");
    let other = settings(form("SHA1", &format!("AccountSid={TWO}")));
    verdicts(
        &policy,
        &[("other", other, "allowed 1"), ("unsaid", settings(form("SHA1", "a=1")), "allowed 1")],
    );
}

#[test]
fn a_policy_tells_of_its_keys() {
    let policy = policy(
        r#"{ "auth_tokens": [{ "value": "test-token" },
                             { "env": "TIED", "account_sid": "AC00000000000000000000000000000001" }],
             "shared_keys": [{ "id": "webhooks_sharedkey_a", "algorithm": "HMAC_SHA256", "value": "test-key" },
                             { "id": "webhooks_sharedkey_b", "algorithm": "HMAC_SHA1", "value": "test-key" }] }"#,
    );
    let keys = policy.routes()[0].keys();
    let told: Vec<_> =
        keys.iter().map(|key| (key.algorithm().name(), key.account_sid(), key.shared_key_id())).collect();
    let expected = [
        ("HMAC_SHA1", None, None),
        ("HMAC_SHA1", Some("AC00000000000000000000000000000001"), None),
        ("HMAC_SHA256", None, Some("webhooks_sharedkey_a")),
        ("HMAC_SHA1", None, Some("webhooks_sharedkey_b")),
    ];
    assert_eq!(told, expected);
    for key in keys.iter() {
        let printed = format!("{key:?}");
        assert!(printed.contains(key.label()) && !printed.contains("test-"), "{printed}");
    }
}
