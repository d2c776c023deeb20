//! Each forgery breaks exactly one thing: compared with the honest request, one part differs and no other.

use clap::ValueEnum as _;
use twilio_webhook::failure::Failure;
use twilio_webhook::fixtures::Kind;
use twilio_webhook::forge::{self, Forge};
use twilio_webhook::form;
use twilio_webhook::key::{Algorithm, Key, Secret};
use twilio_webhook::request::{IDEMPOTENCY_TOKEN, Request, SETTINGS, SIGNATURE};
use twilio_webhook::sign;
use twilio_webhook::url::Url;
use twilio_webhook::webhook::Webhook;

const URL: &str = "https://hooks.example.com/twilio/hook?a=1";

fn webhook(kind: Kind) -> Webhook {
    kind.webhook(Url::parse(URL).unwrap())
}

fn auth_token() -> Key {
    Key::AuthToken(Secret::new("the test's token"))
}

fn shared_key() -> Key {
    Key::Shared {
        id: "webhooks_sharedkey_test".into(),
        algorithm: Algorithm::HmacSha256,
        secret: Secret::new("s"),
    }
}

/// The parts of a request that differ.
fn differences(honest: &Request, forged: &Request) -> Vec<&'static str> {
    let headers = |request: &Request, name: &str| -> Vec<String> {
        request.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| value.clone()).collect()
    };
    let others = |request: &Request| -> Vec<(String, String)> {
        let known = [SIGNATURE, SETTINGS, IDEMPOTENCY_TOKEN];
        request.headers.iter().filter(|(name, _)| !known.contains(&name.as_str())).cloned().collect()
    };
    [
        ("method", honest.method != forged.method),
        ("scheme", honest.url.scheme != forged.url.scheme),
        ("host", honest.url.authority != forged.url.authority),
        ("path", honest.url.path != forged.url.path),
        ("query", honest.url.query != forged.url.query),
        ("body", honest.body != forged.body),
        ("signature", headers(honest, SIGNATURE) != headers(forged, SIGNATURE)),
        ("settings", headers(honest, SETTINGS) != headers(forged, SETTINGS)),
        ("header", others(honest) != others(forged)),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

/// Whether the first signature is right for what is on the wire, by the rule for its content type.
fn verifies(request: &Request, key: &Key) -> bool {
    let form = request.header("Content-Type").is_some_and(|value| value.contains("form-urlencoded"));
    let params = match &request.body {
        Some(body) if form => form::decode(std::str::from_utf8(body).unwrap()),
        _ => Vec::new(),
    };
    let right = sign::signature(key.algorithm(), key.secret().bytes(), &request.url.to_string(), &params);
    request.header(SIGNATURE) == Some(&right)
}

#[track_caller]
fn check(kind: Kind, key: &Key, what: Forge, differ: &[&str], still_verifies: bool) {
    let honest = webhook(kind).sign(key);
    assert!(verifies(&honest, key), "the honest request is wrong");
    let forged = forge::sign(&webhook(kind), key, what, 2_000).unwrap();
    assert_eq!(differences(&honest, &forged), differ, "{what:?}");
    assert_eq!(verifies(&forged, key), still_verifies, "{what:?}");
}

#[test]
fn forgeries_of_a_form() {
    let key = auth_token();
    check(Kind::Sms, &key, Forge::Signature, &["signature"], false);
    check(Kind::Sms, &key, Forge::MissingSignature, &["signature"], false);
    check(Kind::Sms, &key, Forge::MalformedSignature, &["signature"], false);
    check(Kind::Sms, &key, Forge::TwoSignatures, &["signature"], true);
    check(Kind::Sms, &key, Forge::Token, &["signature"], false);
    check(Kind::Sms, &key, Forge::Url, &["path"], false);
    check(Kind::Sms, &key, Forge::Query, &["query"], false);
    check(Kind::Sms, &key, Forge::Parameter, &["body"], false);
    check(Kind::Sms, &key, Forge::ExtraParameter, &["body"], false);
    check(Kind::Sms, &key, Forge::Scheme, &["signature"], false);
    check(Kind::Sms, &key, Forge::WrongHost, &["signature"], false);
    check(Kind::Get, &key, Forge::Parameter, &["query"], false);
    check(Kind::Get, &key, Forge::ExtraParameter, &["query"], false);
    // A longer message has another signature, and it is the right one.
    check(Kind::Sms, &key, Forge::TooLarge, &["body", "signature"], true);
}

#[test]
fn forgeries_of_json() {
    let key = auth_token();
    check(Kind::Events, &key, Forge::Body, &["body"], true);
    check(Kind::Events, &key, Forge::UnsignedBody, &["query", "signature"], true);
    check(Kind::Events, &key, Forge::RepeatHash, &["query", "signature"], true);
    check(Kind::Events, &key, Forge::UpperHash, &["query", "signature"], true);
    check(Kind::Events, &key, Forge::TooLarge, &["query", "body", "signature"], true);
}

#[test]
fn forgeries_with_a_shared_key() {
    let key = shared_key();
    check(Kind::Sms, &key, Forge::Algorithm, &["settings"], true);
    check(Kind::Sms, &key, Forge::KeyId, &["settings"], true);
    check(Kind::Sms, &key, Forge::Token, &["signature"], false);
}

#[test]
fn one_bit_of_the_signature_is_flipped() {
    use base64::Engine as _;
    let decode = |request: &Request| {
        base64::engine::general_purpose::STANDARD.decode(request.header(SIGNATURE).unwrap()).unwrap()
    };
    let key = auth_token();
    let honest = decode(&webhook(Kind::Sms).sign(&key));
    let forged = decode(&forge::sign(&webhook(Kind::Sms), &key, Forge::Signature, 0).unwrap());
    let bits: u32 = honest.iter().zip(&forged).map(|(a, b)| (a ^ b).count_ones()).sum();
    assert_eq!((forged.len(), bits), (20, 1));
}

#[test]
fn one_byte_of_the_body_is_changed() {
    let key = auth_token();
    let honest = webhook(Kind::Events).sign(&key).body.unwrap();
    let forged = forge::sign(&webhook(Kind::Events), &key, Forge::Body, 0).unwrap().body.unwrap();
    assert_eq!(honest.len(), forged.len());
    assert_eq!(honest.iter().zip(&forged).filter(|(a, b)| a != b).count(), 1);
}

#[test]
fn a_body_that_is_too_large_is_so_by_one_byte() {
    for kind in [Kind::Sms, Kind::Events] {
        let forged = forge::sign(&webhook(kind), &auth_token(), Forge::TooLarge, 5_000).unwrap();
        assert_eq!(forged.body.unwrap().len(), 5_001, "{kind:?}");
    }
}

#[test]
fn what_is_not_there_cannot_be_broken() {
    let refused = |kind, what| {
        let failure = forge::sign(&webhook(kind), &auth_token(), what, 0).unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)), "{what:?}: {failure}");
    };
    refused(Kind::Sms, Forge::Body);
    refused(Kind::Sms, Forge::UnsignedBody);
    refused(Kind::Sms, Forge::RepeatHash);
    refused(Kind::Sms, Forge::UpperHash);
    refused(Kind::Sms, Forge::Algorithm);
    refused(Kind::Sms, Forge::KeyId);
    refused(Kind::Events, Forge::Parameter);
    refused(Kind::Empty, Forge::ExtraParameter);
    refused(Kind::Get, Forge::TooLarge);
}

#[test]
fn no_forgery_is_an_honest_request() {
    for what in Forge::value_variants() {
        let made = [(Kind::Sms, auth_token()), (Kind::Events, auth_token()), (Kind::Sms, shared_key())]
            .into_iter()
            .filter_map(|(kind, key)| {
                let honest = webhook(kind).sign(&key);
                let forged = forge::sign(&webhook(kind), &key, *what, 2_000).ok()?;
                Some(differences(&honest, &forged))
            });
        let made: Vec<_> = made.collect();
        assert!(!made.is_empty(), "{what:?} cannot be made");
        assert!(made.iter().all(|differ| !differ.is_empty()), "{what:?} changes nothing");
    }
}
