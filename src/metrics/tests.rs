//! Each verdict has one counter, and its name says all of it.

use std::collections::BTreeSet;

use super::{name, slot, verdicts};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::record::route_label;
use crate::verdict::Decision;

#[test]
fn names_carry_their_labels_as_istio_takes_them_apart() {
    let table = [
        (Decision::Allowed { key: 3.into() }, "verdict=.=allowed;.;reason=.=none;.;"),
        (Decision::Passed, "verdict=.=passed;.;reason=.=none;.;"),
        (Decision::PassedSigned, "verdict=.=passed;.;reason=.=no_route;.;"),
        (Decision::Incomplete, "verdict=.=incomplete;.;reason=.=none;.;"),
        (Decision::Denied(Reason::NoRoute), "verdict=.=denied;.;reason=.=no_route;.;"),
        (Decision::Reported(Reason::UnknownKey), "verdict=.=reported;.;reason=.=unknown_key;.;"),
    ];
    for (decision, labels) in table {
        assert_eq!(name("sms", decision), format!("route=.=sms;.;{labels}twilio_webhook_requests_total"));
    }
}

/// The policy's counters as `route verdict reason`, sorted.
fn counters(configuration: &str) -> Vec<String> {
    let policy = Policy::parse(configuration.as_bytes(), &|_| None).unwrap();
    let all = verdicts(&policy);
    let slots: BTreeSet<usize> = all.iter().map(|verdict| slot(*verdict)).collect();
    assert_eq!(slots.len(), all.len(), "each has a place of its own");
    let words = |full: String| {
        let labels = full.strip_suffix("twilio_webhook_requests_total").unwrap();
        let values = labels.split_terminator(";.;").map(|label| label.split_once("=.=").unwrap());
        let (names, values): (Vec<_>, Vec<_>) = values.unzip();
        assert_eq!(names, ["route", "verdict", "reason"]);
        values.join(" ")
    };
    let mut counters: Vec<String> =
        all.iter().map(|verdict| words(name(route_label(&policy, *verdict), verdict.decision))).collect();
    counters.sort();
    counters
}

#[test]
fn a_policy_has_exactly_these_counters() {
    let enforced = [
        "r allowed none",
        "r denied body_hash_mismatch",
        "r denied body_too_large",
        "r denied malformed_signature",
        "r denied misplaced_filter",
        "r denied missing_signature",
        "r denied signature_mismatch",
        "r denied unknown_key",
        "r denied unsigned_body",
        "r denied unverifiable",
        "r incomplete none",
    ];
    let reported = [
        "r allowed none",
        "r incomplete none",
        "r reported body_hash_mismatch",
        "r reported body_too_large",
        "r reported malformed_signature",
        "r reported missing_signature",
        "r reported signature_mismatch",
        "r reported unknown_key",
        "r reported unsigned_body",
        "r reported unverifiable",
    ];
    let may_deny = ["unmatched denied no_route", "unmatched denied unverifiable"];
    let passed = ["unmatched passed no_route", "unmatched passed none"];
    let told = ["unmatched reported no_route", "unmatched reported unverifiable"];
    let table: [(&str, &str, &[&str], &[&str]); 6] = [
        ("enforce", "allow", &enforced, &[may_deny[0], may_deny[1], passed[0], passed[1]]),
        ("enforce", "deny", &enforced, &may_deny),
        ("report", "allow", &reported, &[passed[0], passed[1], told[0], told[1]]),
        ("report", "deny", &reported, &[may_deny[0], may_deny[1], told[0], told[1]]),
        ("off", "allow", &["r passed none"], &[passed[0], passed[1], told[1]]),
        ("off", "deny", &["r passed none"], &may_deny),
    ];
    for (mode, unmatched, of_route, of_none) in table {
        let configuration = format!(
            r#"{{ "auth_tokens": [{{ "value": "test-token" }}], "unmatched": "{unmatched}",
                 "routes": [{{ "name": "r", "mode": "{mode}" }}] }}"#
        );
        assert_eq!(counters(&configuration), [of_route, of_none].concat(), "{mode} {unmatched}");
    }
}

#[test]
fn routes_do_not_share_counters() {
    let three = r#"{ "auth_tokens": [{ "value": "test-token" }], "unmatched": "allow", "routes": [
        { "name": "a", "match": { "path": { "exact": "/a" } } },
        { "name": "b", "match": { "path": { "exact": "/b" } }, "mode": "report" },
        { "name": "c", "match": { "path": { "exact": "/c" } }, "mode": "off" }] }"#;
    let counters: BTreeSet<String> = counters(three).into_iter().collect();
    assert_eq!(counters.len(), 6 + 11 + 10 + 1);
}
