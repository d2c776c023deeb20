//! What operators read.

use super::{FILTER_STATE, filter_state, gate_key, gate_state, header_key, log_line};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::verdict::{Decision, Pass, Verdict};

fn policy() -> Policy {
    let json = r#"{ "auth_tokens": [{ "env": "TOKEN" }, { "value": "secret" }],
        "shared_keys": [{ "id": "sk_1", "algorithm": "HMAC_SHA1", "value": "secret" }],
        "routes": [{ "name": "sms" }] }"#;
    Policy::parse(json.as_bytes(), &|_| Some(b"secret".to_vec())).unwrap()
}

#[test]
fn filter_state_says_the_verdict_its_route_and_its_key() {
    let table = [
        (Some(0), Decision::Allowed { key: 0.into() }, "verdict=allowed route=sms reason=none key=TOKEN"),
        (
            Some(0),
            Decision::Allowed { key: 1.into() },
            "verdict=allowed route=sms reason=none key=auth_tokens[1]",
        ),
        (Some(0), Decision::Allowed { key: 2.into() }, "verdict=allowed route=sms reason=none key=sk_1"),
        (Some(0), Decision::Denied(Reason::UnknownKey), "verdict=denied route=sms reason=unknown_key"),
        (
            Some(0),
            Decision::Reported(Reason::UnsignedBody),
            "verdict=reported route=sms reason=unsigned_body",
        ),
        (Some(0), Decision::Passed, "verdict=passed route=sms reason=none"),
        (Some(0), Decision::Incomplete, "verdict=incomplete route=sms reason=none"),
        (None, Decision::PassedSigned, "verdict=passed route=unmatched reason=no_route"),
        (None, Decision::Denied(Reason::NoRoute), "verdict=denied route=unmatched reason=no_route"),
    ];
    for (route, decision, text) in table {
        assert_eq!(filter_state(&policy(), Verdict { route, decision }), text);
    }
}

#[test]
fn the_gate_s_state_says_the_verdict_and_its_route_and_never_more() {
    let table = [
        (Some(0), true, "verdict=allowed route=sms"),
        (Some(0), false, "verdict=reported route=sms"),
        (None, false, "verdict=reported route=unmatched"),
    ];
    for (route, is_verified, text) in table {
        assert_eq!(gate_state(&policy(), Pass { route, is_verified }), text);
    }
}

#[test]
fn each_plugin_has_a_gate_of_its_own() {
    let table = [
        ("twilio_webhook", "twilio_webhook.twilio_webhook"),
        ("billing.twilio-webhook", "twilio_webhook.billing.twilio-webhook"),
        ("billing.twilio-webhook~istio-translated-wasmplugin", "twilio_webhook.billing.twilio-webhook"),
        ("", "twilio_webhook."),
        ("~", "twilio_webhook."),
    ];
    for (name, key) in table {
        assert_eq!(gate_key(name), key);
        // Nor does what is said of headers open one.
        assert!(key.starts_with("twilio_webhook.") && !header_key("x-v").starts_with("twilio_webhook."));
        assert_ne!(key, FILTER_STATE);
    }
}

#[test]
fn a_line_is_written_for_what_is_denied_or_would_be() {
    let line = |route, decision, held_back| log_line(&policy(), Verdict { route, decision }, None, held_back);
    assert_eq!(line(Some(0), Decision::Allowed { key: 0.into() }, 0), None);
    assert_eq!(line(None, Decision::Passed, 7), None);
    assert_eq!(line(Some(0), Decision::Incomplete, 7), None);
    let denied = line(Some(0), Decision::Denied(Reason::MissingSignature), 0).unwrap();
    let hint = Reason::MissingSignature.hint();
    assert_eq!(denied, format!("twilio_webhook: denied route=sms reason=missing_signature: {hint}"));
    let reported = line(Some(0), Decision::Reported(Reason::MissingSignature), 3).unwrap();
    let expected = format!("twilio_webhook: reported route=sms reason=missing_signature: {hint}");
    assert_eq!(reported, format!("{expected} (3 lines like this were held back)"));
}

#[test]
fn every_reason_says_what_to_look_at() {
    let table = [
        (Reason::BodyHashMismatch, "a filter before this one that changes bodies"),
        (Reason::BodyTooLarge, "raise max_body_bytes"),
        (Reason::MalformedSignature, "not base64"),
        (Reason::MisplacedFilter, "allow_on_headers_stop_iteration: true"),
        (Reason::MissingSignature, "no X-Twilio-Signature"),
        (Reason::NoRoute, "compare hosts, path and route_names in match"),
        (Reason::SignatureMismatch, "see `url` in the configuration"),
        (Reason::UnknownKey, "shared_keys (id, algorithm)"),
        (Reason::UnsignedBody, "the URL does not carry one bodySHA256"),
        (Reason::Unverifiable, "no host or path, CONNECT"),
    ];
    assert_eq!(table.map(|(reason, _)| reason).as_slice(), Reason::ALL);
    for (reason, advice) in table {
        let verdict = Verdict { route: Some(0), decision: Decision::Denied(reason) };
        let line = log_line(&policy(), verdict, None, 0).unwrap();
        assert!(line.contains(advice), "{line}");
    }
}
