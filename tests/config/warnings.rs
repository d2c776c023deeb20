//! What is read and seldom meant: an auth token that does not look like one.

use twilio_proxy_wasm::policy::Policy;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const SAID: &str = "is not 32 hexadecimal digits, as every auth token of Twilio's is; unless it is a test token, compare it with \
                    the one in the Twilio console";

/// The fields that are warned of, in their order.
fn warned_of(configuration: &str) -> Vec<String> {
    let environment = |name: &str| {
        let value = match name {
            "RIGHT" => TOKEN.to_owned(),
            "UPPER" => TOKEN.to_ascii_uppercase(),
            _ => "test-token".to_owned(),
        };
        Some(value.into_bytes())
    };
    let policy = Policy::parse(configuration.as_bytes(), &environment).unwrap();
    let fields = policy.warnings().iter().map(|warning| {
        let (field, said) = warning.split_once(": ").unwrap();
        assert_eq!(said, SAID);
        assert!(!warning.contains("test-token"), "{warning}");
        field.to_owned()
    });
    fields.collect()
}

#[test]
fn a_token_that_looks_like_none_is_warned_of_once_by_its_field() {
    let value = |value: &str| format!(r#"{{ "auth_tokens": [{{ "value": "{value}" }}] }}"#);
    let none: &[&str] = &[];
    let table = [
        (value(TOKEN), none),
        (value(&TOKEN.to_ascii_uppercase()), none),
        (value("test-token"), &["auth_tokens[0].value"]),
        (value("0123456789abcdef0123456789abcde"), &["auth_tokens[0].value"]),
        (value(&format!("{TOKEN}0")), &["auth_tokens[0].value"]),
        (value(&TOKEN.replace('a', "g")), &["auth_tokens[0].value"]),
        (r#"{ "auth_tokens": [{ "env": "RIGHT" }, { "env": "UPPER" }] }"#.to_owned(), none),
        (
            r#"{ "auth_tokens": [{ "env": "RIGHT" }, { "env": "OTHER" }] }"#.to_owned(),
            &["auth_tokens[1].env (OTHER)"],
        ),
        // A name that may be a token in the wrong place is not shown.
        (r#"{ "auth_tokens": [{ "env": "other" }] }"#.to_owned(), &["auth_tokens[0].env"]),
        (r#"{ "auth_tokens": [{ "filter_state": "twilio.auth_tokens" }] }"#.to_owned(), none),
        // What signs with a shared key is of another kind.
        (
            r#"{ "shared_keys": [{ "id": "a", "algorithm": "HMAC_SHA256", "value": "test-token" }] }"#.to_owned(),
            none,
        ),
        // Once, however many routes use it; and those of routes.
        (
            r#"{ "auth_tokens": [{ "value": "test-token" }], "unmatched": "deny", "routes": [
                { "name": "a", "match": { "path": { "exact": "/a" } } },
                { "name": "b", "match": { "path": { "exact": "/b" } } },
                { "name": "c", "match": { "path": { "exact": "/c" } }, "auth_tokens": [{ "env": "RIGHT" }, { "env": "OTHER" }] }
            ] }"#
                .to_owned(),
            &["auth_tokens[0].value", "routes[2].auth_tokens[1].env (OTHER)"],
        ),
    ];
    for (configuration, fields) in table {
        assert_eq!(warned_of(&configuration), fields, "{configuration}");
    }
}
