//! What operators read.

use super::{filter_state, log_line};
use crate::config::Policy;
use crate::verdict::{Outcome, Reason, Verdict};

fn policy() -> Policy {
    let json = r#"{ "auth_tokens": [{ "env": "TOKEN" }, { "value": "secret" }],
        "shared_keys": [{ "id": "sk_1", "algorithm": "HMAC_SHA1", "value": "secret" }],
        "routes": [{ "name": "sms" }] }"#;
    Policy::parse(json.as_bytes(), &|_| Some(b"secret".to_vec())).unwrap()
}

#[test]
fn filter_state_says_the_verdict_its_route_and_its_key() {
    let table = [
        (Some(0), Verdict::Allowed { key: 0 }, "verdict=allowed route=sms reason=none key=TOKEN"),
        (Some(0), Verdict::Allowed { key: 1 }, "verdict=allowed route=sms reason=none key=auth_tokens[1]"),
        (Some(0), Verdict::Allowed { key: 2 }, "verdict=allowed route=sms reason=none key=sk_1"),
        (Some(0), Verdict::Denied(Reason::UnknownKey), "verdict=denied route=sms reason=unknown_key"),
        (Some(0), Verdict::Reported(Reason::UnsignedBody), "verdict=reported route=sms reason=unsigned_body"),
        (None, Verdict::Passed, "verdict=passed route=unmatched reason=none"),
        (None, Verdict::Denied(Reason::NoRoute), "verdict=denied route=unmatched reason=no_route"),
    ];
    for (route, verdict, text) in table {
        assert_eq!(filter_state(&policy(), Outcome { route, verdict }), text);
    }
}

#[test]
fn a_line_is_written_for_what_is_denied_or_would_be() {
    let line = |route, verdict, held_back| log_line(&policy(), Outcome { route, verdict }, None, held_back);
    assert_eq!(line(Some(0), Verdict::Allowed { key: 0 }, 0), None);
    assert_eq!(line(None, Verdict::Passed, 7), None);
    let denied = line(Some(0), Verdict::Denied(Reason::MissingSignature), 0).unwrap();
    let hint = Reason::MissingSignature.hint();
    assert_eq!(denied, format!("twilio_webhook: denied route=sms reason=missing_signature: {hint}"));
    let reported = line(Some(0), Verdict::Reported(Reason::MissingSignature), 3).unwrap();
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
        (Reason::UnknownKey, "look at shared_keys (id, algorithm)"),
        (Reason::UnsignedBody, "exactly one bodySHA256"),
        (Reason::Unverifiable, "no host or path, CONNECT"),
    ];
    for (reason, advice) in table {
        let outcome = Outcome { route: Some(0), verdict: Verdict::Denied(reason) };
        let line = log_line(&policy(), outcome, None, 0).unwrap();
        assert!(line.contains(advice), "{line}");
    }
}
