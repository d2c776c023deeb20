//! The filter against Twilio's own libraries, on random requests.
//!
//! Every request is made with what Twilio would sign for it, or with one thing forged, and is judged by the filter's
//! core, by npm `twilio` in three ways and by PyPI `twilio` in two. The filter must accept what is genuine and nothing
//! else. Where a library is of another opinion, that must be one of [`classes::CLASSES`], which docs/compatibility.md
//! lists with the reasons.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    missing_debug_implementations,
    missing_docs,
    unreachable_pub,
    reason = "a test that meets what it does not expect is to fail at once"
)]

mod case;
mod classes;
mod coverage;
mod document;
mod express;
mod forge;
mod generate;
mod oracles;
mod ours;
mod random;
mod reading;
mod run;
mod spell;
#[path = "../support/mod.rs"]
mod support;
mod text;
mod url;

use classes::CLASSES;
use run::{FULL_RUN, run};

#[test]
fn libraries_of_twilio_agree_or_the_difference_is_explained() {
    let outcome = run();
    assert!(
        outcome.failures.is_empty(),
        "{} unexplained in DIFFERENTIAL_SEED={} DIFFERENTIAL_REQUESTS={}:\n{}",
        outcome.failed(),
        outcome.seed,
        outcome.requests,
        outcome.failures_by_kind()
    );
}

#[test]
fn every_explanation_is_needed() {
    let outcome = run();
    if outcome.requests < FULL_RUN {
        return;
    }
    let pairs = CLASSES.iter().flat_map(|class| class.others.iter().map(move |judge| (class, *judge)));
    let stale = pairs.filter(|(class, judge)| outcome.explained(class, *judge) == 0);
    let stale: Vec<_> = stale.map(|(class, judge)| format!("{} for {}", class.id, judge.name())).collect();
    assert!(stale.is_empty(), "never met in {} requests, seed {}: {stale:?}", outcome.requests, outcome.seed);
}

#[test]
fn every_judge_has_judged_and_seen_both_genuine_and_forged_requests() {
    let outcome = run();
    for (judge, [denied, accepted]) in &outcome.judged {
        assert!(*denied > 0 && *accepted > 0, "{judge:?} denied {denied} and accepted {accepted} requests");
    }
    assert_eq!(outcome.judged.len(), 5);
}
