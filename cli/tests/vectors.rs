//! The signer against signatures that it did not make: those in the official SDKs' own tests and in Twilio's
//! documentation, and a few computed by other code from the published rule. `provenance` says which.

use serde::Deserialize;
use twilio_webhook::key::{Algorithm, Key, Secret};
use twilio_webhook::parts::Parts;
use twilio_webhook::request::SIGNATURE;
use twilio_webhook::sign;
use twilio_webhook::url::Url;
use twilio_webhook::webhook::Webhook;

#[derive(Deserialize)]
struct Vector {
    name: String,
    provenance: String,
    key: String,
    algorithm: Algorithm,
    dialled_url: String,
    signed_url: Option<String>,
    params: Vec<(String, String)>,
    body: Option<String>,
    signature: String,
    genuine: bool,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

#[test]
fn every_genuine_signature_is_reproduced() {
    let mut seen = 0;
    for vector in vectors().into_iter().filter(|vector| vector.genuine) {
        let url = vector.signed_url.unwrap();
        let got = sign::signature(vector.algorithm, vector.key.as_bytes(), &url, &vector.params);
        assert_eq!(got, vector.signature, "{} ({})", vector.name, vector.provenance);
        seen += 1;
    }
    assert!(seen >= 25, "only {seen} genuine vectors");
}

#[test]
fn no_wrong_signature_is_produced() {
    for vector in vectors().into_iter().filter(|vector| !vector.genuine) {
        // With a wrong body the signature of the URL is right all the same: there the hash is what is wrong.
        if let (Some(body), Some((_, hash))) = (&vector.body, vector.dialled_url.split_once("bodySHA256=")) {
            assert_ne!(sign::body_hash(body.as_bytes()), hash, "{}", vector.name);
            continue;
        }
        let got =
            sign::signature(vector.algorithm, vector.key.as_bytes(), &vector.dialled_url, &vector.params);
        assert_ne!(got, vector.signature, "{} ({})", vector.name, vector.provenance);
    }
}

#[test]
fn a_json_body_is_hashed_into_the_url_that_is_signed() {
    for vector in vectors().into_iter().filter(|vector| vector.genuine && vector.body.is_some()) {
        let signed = vector.signed_url.unwrap();
        // What stood there before Twilio added the hash, and the ? or & in front of it.
        let without = &signed[..signed.find("bodySHA256=").unwrap() - 1];
        let parts = Parts { json: vector.body.map(String::into_bytes), ..Parts::default() };
        let key = match vector.algorithm {
            Algorithm::HmacSha1 => Key::AuthToken(Secret::new(vector.key)),
            algorithm => Key::Shared { id: "test".into(), algorithm, secret: Secret::new(vector.key) },
        };
        let request = Webhook::build(Url::parse(without).unwrap(), parts).unwrap().sign(&key);
        assert_eq!(request.url.to_string(), signed);
        assert_eq!(request.header(SIGNATURE), Some(vector.signature.as_str()), "{}", vector.name);
    }
}

#[test]
fn a_websocket_is_signed_as_wss_with_its_query_as_parameters_or_in_the_url() {
    let key = Key::AuthToken(Secret::new("12345"));
    let signature = |url: &str, query_in_url| {
        let kind = Some(twilio_webhook::fixtures::Kind::Websocket);
        let parts = Parts { kind, query_in_url, ..Parts::default() };
        let request = Webhook::build(Url::parse(url).unwrap(), parts).unwrap().sign(&key);
        request.header(SIGNATURE).unwrap().to_owned()
    };
    // The query is decoded before it is signed as parameters, and the scheme is wss however the user wrote it.
    let expected =
        vectors().into_iter().find(|v| v.name.starts_with("websocket: the query")).unwrap().signature;
    assert_eq!(signature("wss://example.com/ws?token=abc123&foo=bar", false), expected);
    assert_eq!(signature("https://example.com/ws?token=abc%3123&foo=bar", false), expected);
    let in_url = "wss://example.com/ws?token=abc123&foo=bar";
    assert_eq!(signature(in_url, true), sign::signature(Algorithm::HmacSha1, b"12345", in_url, &[]));
}
