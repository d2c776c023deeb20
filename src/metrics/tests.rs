//! Each outcome has one counter, and its name says all of it.

use std::collections::HashSet;

use super::{name, outcomes, slot};
use crate::config::Policy;
use crate::verdict::{Reason, Verdict};

#[test]
fn names_carry_their_labels_as_istio_takes_them_apart() {
    let table = [
        (Verdict::Allowed { key: 3 }, "verdict=.=allowed;.;reason=.=none;.;"),
        (Verdict::Passed, "verdict=.=passed;.;reason=.=none;.;"),
        (Verdict::Denied(Reason::NoRoute), "verdict=.=denied;.;reason=.=no_route;.;"),
        (Verdict::Reported(Reason::UnknownKey), "verdict=.=reported;.;reason=.=unknown_key;.;"),
    ];
    for (verdict, labels) in table {
        assert_eq!(name("sms", verdict), format!("route=.=sms;.;{labels}twilio_webhook_requests_total"));
    }
}

#[test]
fn every_outcome_is_listed_once_and_has_a_counter_of_its_own() {
    let json = r#"{ "auth_tokens": [{ "value": "t" }], "routes": [
        { "name": "a", "match": { "path": { "exact": "/a" } } },
        { "name": "b", "match": { "path": { "exact": "/b" } }, "mode": "report" },
        { "name": "c", "match": { "path": { "exact": "/c" } }, "mode": "off" }] }"#;
    let policy = Policy::parse(json.as_bytes(), &|_| None).unwrap();
    let all = outcomes(&policy);
    // Without a route 3; allowed and nine reasons; the same without misplaced_filter; passed.
    assert_eq!(all.len(), 3 + 10 + 9 + 1);
    let slots: HashSet<usize> = all.iter().map(|outcome| slot(*outcome)).collect();
    assert_eq!(slots.len(), all.len());
    assert!(slots.iter().all(|slot| *slot < 4 * (2 * Reason::ALL.len() + 2)));
}
