//! What operators read of a verdict. Nothing in it comes from a request.

use crate::config::Policy;
use crate::explain::Finding;
use crate::metrics::UNMATCHED;
use crate::verdict::{Outcome, Reason, Verdict};

/// The key of the filter state that access logs show: `%FILTER_STATE(wasm.twilio_webhook:PLAIN)%`.
pub const FILTER_STATE: &str = "twilio_webhook";

/// The text of the filter state, as in `verdict=allowed route=sms reason=none key=TWILIO_AUTH_TOKEN`.
pub fn filter_state(policy: &Policy, outcome: Outcome) -> String {
    let (route, verdict) = (route_label(policy, outcome), outcome.verdict);
    let reason = verdict.reason().map_or("none", Reason::label);
    // Every request has one, and the formatter would cost it a microsecond.
    let pieces = ["verdict=", verdict.label(), " route=", route, " reason=", reason];
    match key_label(policy, outcome) {
        Some(key) => pieces.concat() + " key=" + key,
        None => pieces.concat(),
    }
}

/// The log line for a request that was denied, or would have been, with what was found out about it. `held_back`
/// lines like it came before and were not written.
pub fn log_line(
    policy: &Policy,
    outcome: Outcome,
    finding: Option<&Finding>,
    held_back: u64,
) -> Option<String> {
    let reason = outcome.verdict.reason()?;
    let (verdict, route) = (outcome.verdict.label(), route_label(policy, outcome));
    let line = format!("twilio_webhook: {verdict} route={route} reason={reason}");
    let line = match finding {
        Some(finding) => format!("{line} {finding}"),
        None => format!("{line}: {}", reason.hint()),
    };
    Some(if held_back == 0 { line } else { format!("{line} ({held_back} lines like this were held back)") })
}

/// The name by which counters and logs know the route.
pub fn route_label(policy: &Policy, outcome: Outcome) -> &str {
    let route = outcome.route.and_then(|position| policy.route(position));
    route.map_or(UNMATCHED, |route| route.name())
}

fn key_label(policy: &Policy, outcome: Outcome) -> Option<&str> {
    let Verdict::Allowed { key } = outcome.verdict else {
        return None;
    };
    Some(policy.route(outcome.route?)?.keys().get(key)?.label())
}

#[cfg(test)]
mod tests;
