//! The filter against signatures that it did not make: those in the official SDKs' own tests and in Twilio's
//! documentation, and a few computed by other code from the published rule. `provenance` says which.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect is to fail at once"
)]

mod support;

use std::rc::Rc;

use serde::Deserialize;
use support::{End, Request, policy, words};
use twilio_proxy_wasm::policy::Policy;

#[derive(Deserialize)]
struct Vector {
    name: String,
    provenance: String,
    key: String,
    algorithm: String,
    dialled_url: String,
    signed_url: Option<String>,
    params: Vec<(String, String)>,
    body: Option<String>,
    signature: String,
    verdict: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors/sdk.json")).unwrap()
}

impl Vector {
    fn is_shared_key(&self) -> bool {
        self.algorithm == "HMAC_SHA256"
    }

    fn policy(&self) -> Rc<Policy> {
        let key = &self.key;
        policy(&if self.is_shared_key() {
            let algorithm = &self.algorithm;
            format!(
                r#"{{ "shared_keys": [{{ "id": "sk1", "algorithm": "{algorithm}", "value": "{key}" }}] }}"#
            )
        } else {
            format!(r#"{{ "auth_tokens": [{{ "value": "{key}" }}] }}"#)
        })
    }

    fn request(&self) -> Request {
        let url = &self.dialled_url;
        let request = match &self.body {
            Some(body) => {
                Request::new("POST", url).header("content-type", "application/json").body(body.as_str())
            }
            None if url.starts_with("wss:") => {
                Request::new("GET", url).header("connection", "Upgrade").header("upgrade", "websocket")
            }
            None if self.params.is_empty() => Request::new("GET", url),
            None => Request::new("POST", url)
                .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
                .body(form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.params).finish()),
        };
        let request = request.signature(&self.signature);
        if self.is_shared_key() {
            let settings = format!("key=sk1,algorithm={}", self.algorithm);
            request.header("x-twilio-webhooks-signature-settings", settings)
        } else {
            request
        }
    }
}

#[test]
fn every_vector_comes_to_its_verdict() {
    let mut wrong = Vec::new();
    for vector in vectors() {
        let expected = match vector.verdict.as_str() {
            "allowed" => "allowed 0".to_owned(),
            reason => format!("denied {reason}"),
        };
        for (cuts, end) in [(&[][..], End::Headers), (&[0, 1, 7], End::Body), (&[20], End::Trailers)] {
            if vector.dialled_url.starts_with("wss:") && end != End::Headers {
                continue;
            }
            let got = words(vector.request().send(&vector.policy(), cuts, end).1);
            if got != expected {
                wrong.push(format!("{} ({}), {end:?}: {got}", vector.name, vector.provenance));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The table itself: what it calls genuine is so by an independent reckoning.
#[test]
fn every_genuine_signature_is_that_of_its_url_and_parameters() {
    let mut genuine = 0;
    for vector in vectors().into_iter().filter(|vector| vector.verdict == "allowed") {
        let sign = if vector.is_shared_key() { support::sign::sha256 } else { support::sign::sha1 };
        let signed = sign(&vector.key, vector.signed_url.as_deref().unwrap(), &vector.params);
        assert_eq!(signed, vector.signature, "{} ({})", vector.name, vector.provenance);
        genuine += 1;
    }
    assert!(genuine >= 35, "{genuine}");
}

#[test]
fn no_vector_passes_with_another_key() {
    for mut vector in vectors() {
        vector.key.push('x');
        let got = vector.request().verdict(&vector.policy());
        assert!(got.starts_with("denied "), "{}: {got}", vector.name);
    }
}
