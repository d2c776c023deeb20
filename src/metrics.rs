//! The counters: one family, `twilio_webhook_requests_total`, with the labels route, verdict and reason.

use crate::config::{Policy, Unmatched};
use crate::route::Mode;
use crate::verdict::{Outcome, Reason, Verdict};

/// The label of requests that no route matches. No route of a configuration may bear it.
pub const UNMATCHED: &str = "unmatched";

/// Name of the counter family.
pub const FAMILY: &str = "twilio_webhook_requests_total";

/// The stat name of the counter for a route's verdict.
///
/// Each label is written as `label=.=value;.;`, the form that Istio's `extraStatTags` takes apart by itself and
/// the sample bootstrap by its `stats_tags`. All of it comes from the configuration, nothing from a request.
pub fn name(route: &str, verdict: Verdict) -> String {
    let reason = verdict.reason().map_or("none", Reason::label);
    format!("route=.={route};.;verdict=.={};.;reason=.={reason};.;{FAMILY}", verdict.label())
}

/// Every outcome that the policy can come to, so that its counters stand at zero from the start: a counter that
/// appears with its first event is one that alerts miss.
pub fn outcomes(policy: &Policy) -> Vec<Outcome> {
    let unrouted = |verdict| Outcome { route: None, verdict };
    let mut all = Vec::new();
    if policy.unmatched() == Unmatched::Allow {
        all.push(unrouted(Verdict::Passed));
    }
    let reports = policy.routes().iter().any(|route| route.mode() == Mode::Report);
    if policy.can_deny() {
        all.push(unrouted(Verdict::Denied(Reason::NoRoute)));
        all.push(unrouted(Verdict::Denied(Reason::Unverifiable)));
    }
    if reports {
        all.push(unrouted(Verdict::Reported(Reason::NoRoute)));
    }
    if reports || !policy.can_deny() {
        all.push(unrouted(Verdict::Reported(Reason::Unverifiable)));
    }
    for (index, route) in policy.routes().iter().enumerate() {
        let route_index = Some(index);
        let judged = Reason::ALL.into_iter().filter(|reason| *reason != Reason::NoRoute);
        let verdicts: Vec<Verdict> = match route.mode() {
            Mode::Off => vec![Verdict::Passed],
            Mode::Enforce => {
                std::iter::once(Verdict::Allowed { key: 0 }).chain(judged.map(Verdict::Denied)).collect()
            }
            Mode::Report => std::iter::once(Verdict::Allowed { key: 0 })
                .chain(judged.filter(|reason| *reason != Reason::MisplacedFilter).map(Verdict::Reported))
                .collect(),
        };
        all.extend(verdicts.into_iter().map(|verdict| Outcome { route: route_index, verdict }));
    }
    all
}

/// Where an outcome's counter is kept: a dense number, the same for all keys of a route.
pub fn slot(outcome: Outcome) -> usize {
    let per_route = Reason::ALL.len().saturating_mul(2).saturating_add(2);
    let position = |reason: Reason| Reason::ALL.iter().position(|other| *other == reason).unwrap_or_default();
    let within = match outcome.verdict {
        Verdict::Allowed { .. } => 0,
        Verdict::Passed => 1,
        Verdict::Denied(reason) => position(reason).saturating_add(2),
        Verdict::Reported(reason) => position(reason).saturating_add(2).saturating_add(Reason::ALL.len()),
    };
    outcome.route.map_or(0, |index| index.saturating_add(1)).saturating_mul(per_route).saturating_add(within)
}

#[cfg(test)]
mod tests;
