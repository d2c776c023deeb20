//! The counters: one family, `twilio_webhook_requests_total`, with the labels route, verdict and reason.

use crate::config::{Mode, Unmatched};
use crate::policy::Policy;
use crate::reason::{Reason, Scope};
use crate::signature::Signer;
use crate::verdict::{Decision, Verdict};

pub use crate::config::UNMATCHED;

/// The name of the counter family.
pub const FAMILY: &str = "twilio_webhook_requests_total";

/// Returns the stat name of the counter for a decision on a route.
///
/// Each label is written as `label=.=value;.;`, the form that Istio's `extraStatTags` takes apart by itself and
/// the sample bootstrap by its `stats_tags`. All of it comes from the configuration, nothing from a request.
pub fn name(route: &str, decision: Decision) -> String {
    let reason = decision.reason().map_or("none", Reason::label);
    format!("route=.={route};.;verdict=.={};.;reason=.={reason};.;{FAMILY}", decision.label())
}

/// Returns every verdict that the policy can come to, so that its counters stand at zero from the start: a counter that
/// appears with its first event is one that alerts miss.
pub fn verdicts(policy: &Policy) -> Vec<Verdict> {
    let mut all: Vec<Verdict> = without_route(policy).into_iter().map(Verdict::without_route).collect();
    for (position, route) in policy.routes().iter().enumerate() {
        let decisions = on_route(route.mode()).into_iter();
        all.extend(decisions.map(|decision| Verdict { route: Some(position), decision }));
    }
    all
}

fn without_route(policy: &Policy) -> Vec<Decision> {
    let reasons = with_scope(&[Scope::OnNoRoute, Scope::Anywhere]);
    let has_report = policy.routes().iter().any(|route| route.mode() == Mode::Report);
    let mut decisions = Vec::new();
    if policy.unmatched() == Unmatched::Allow {
        decisions.extend([Decision::Passed, Decision::PassedSigned]);
    }
    if policy.can_deny() {
        decisions.extend(reasons.clone().map(Decision::Denied));
    }
    if has_report {
        decisions.extend(reasons.map(Decision::Reported));
    } else if !policy.can_deny() {
        decisions.push(Decision::Reported(Reason::Unverifiable));
    }
    decisions
}

fn on_route(mode: Mode) -> Vec<Decision> {
    const ENFORCED: &[Scope] = &[Scope::OnRoutes, Scope::Anywhere, Scope::OnEnforcedRoutes];
    const REPORTED: &[Scope] = &[Scope::OnRoutes, Scope::Anywhere];
    let allowed = [Decision::Allowed { key: Signer::from(0) }, Decision::Incomplete].into_iter();
    match mode {
        Mode::Off => vec![Decision::Passed],
        Mode::Enforce => allowed.chain(with_scope(ENFORCED).map(Decision::Denied)).collect(),
        Mode::Report => allowed.chain(with_scope(REPORTED).map(Decision::Reported)).collect(),
    }
}

fn with_scope(scopes: &[Scope]) -> impl Iterator<Item = Reason> + Clone {
    Reason::ALL.into_iter().filter(|reason| scopes.contains(&reason.scope()))
}

/// Returns where a verdict's counter is kept: a dense number, the same for all keys of a route.
pub fn slot(verdict: Verdict) -> usize {
    const WITHOUT_REASON: usize = 4;
    let per_route = Reason::ALL.len().saturating_mul(2).saturating_add(WITHOUT_REASON);
    let position = |reason: Reason| Reason::ALL.iter().position(|other| *other == reason).unwrap_or_default();
    let within = match verdict.decision {
        Decision::Allowed { .. } => 0,
        Decision::Passed => 1,
        Decision::PassedSigned => 2,
        Decision::Incomplete => 3,
        Decision::Denied(reason) => position(reason).saturating_add(WITHOUT_REASON),
        Decision::Reported(reason) => {
            position(reason).saturating_add(WITHOUT_REASON).saturating_add(Reason::ALL.len())
        }
    };
    verdict
        .route
        .map_or(0, |position| position.saturating_add(1))
        .saturating_mul(per_route)
        .saturating_add(within)
}

#[cfg(test)]
mod tests;
