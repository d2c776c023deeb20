//! What operators read of a verdict. Nothing in it comes from a request.

use std::borrow::Cow;

use crate::config::UNMATCHED;
use crate::explain::Explanation;
use crate::policy::Policy;
use crate::proxy::Proxy;
use crate::reason::Reason;
use crate::verdict::{Decision, Pass, Verdict};

/// The key of the filter state that access logs show: `%FILTER_STATE(wasm.twilio_webhook:PLAIN)%`.
pub const FILTER_STATE: &str = "twilio_webhook";

/// Returns the key of the filter state that says that one of us has set this header, which another one is not to remove then.
pub fn header_key(name: &str) -> String {
    // No plugin's gate has this key, whatever its name.
    [FILTER_STATE, "_set.", name].concat()
}

/// Returns what access logs are to show of a verdict; `None` if that is nothing, or what is there already. Another filter of
/// this kind may have judged the request before this one: then what it says of that stays, unless the request ends here.
///
/// What is on no route is none of our business, and says nothing unless it is signed.
pub fn new_filter_state(policy: &Policy, verdict: Verdict, proxy: &dyn Proxy) -> Option<String> {
    let says_nothing = verdict.decision == Decision::Passed && verdict.route.is_none();
    let ends_here = matches!(verdict.decision, Decision::Denied(_));
    let is_said = || !ends_here && is_judged(proxy);
    (!says_nothing && !is_said()).then(|| filter_state(policy, verdict))
}

/// Returns true if a filter of this kind has judged the request, and not let it pass unlooked at.
pub fn is_judged(proxy: &dyn Proxy) -> bool {
    let passed = Decision::Passed.label().as_bytes();
    let verdict = |state: &[u8]| state.strip_prefix(b"verdict=").map(|rest| !rest.starts_with(passed));
    proxy.own_state(FILTER_STATE).is_some_and(|state| verdict(&state).unwrap_or_default())
}

/// Returns the text of the filter state, as in `verdict=allowed route=sms reason=none key=TWILIO_AUTH_TOKEN`.
pub fn filter_state(policy: &Policy, verdict: Verdict) -> String {
    let (route, decision) = (route_label(policy, verdict), verdict.decision);
    let reason = decision.reason().map_or("none", Reason::label);
    // Every webhook has one, and the formatter would cost it a microsecond.
    let pieces = ["verdict=", decision.label(), " route=", route, " reason=", reason];
    let mut text = pieces.concat();
    if let Some(key) = key_label(policy, verdict) {
        text.push_str(" key=");
        text.push_str(&key);
    }
    text
}

/// Returns the key of the filter state that routes of the proxy match on, for the plugin of this name. Each plugin has a key
/// of its own, so that no other one opens its gate or shuts it. What begins with `~` is left out: some versions of Istio add
/// such an end to the names of plugins.
pub fn gate_key(plugin_name: &str) -> String {
    let name = plugin_name.split('~').next().unwrap_or_default();
    [FILTER_STATE, ".", name].concat()
}

/// Returns the text of that filter state: `verdict=allowed route=sms`, or `reported`. The routes of operators match on it, so
/// that it is an interface, and never grows.
pub fn gate_state(policy: &Policy, pass: Pass) -> String {
    let verdict = if pass.is_verified { "allowed" } else { "reported" };
    let route = pass.route.and_then(|position| policy.route(position));
    ["verdict=", verdict, " route=", route.map_or(UNMATCHED, |route| route.name())].concat()
}

/// Returns the log line for a request that was denied, or would have been, or is signed and on no route, with its explanation
/// if there is one.
/// `held_back` lines like it came before and were not written.
pub fn log_line(
    policy: &Policy,
    verdict: Verdict,
    explanation: Option<&Explanation>,
    held_back: u64,
) -> Option<String> {
    let reason = verdict.reason()?;
    let (decision, route) = (verdict.decision.label(), route_label(policy, verdict));
    let line = format!("twilio_webhook: {decision} route={route} reason={reason}");
    let line = match explanation {
        Some(explanation) => format!("{line} {explanation}"),
        None => format!("{line}: {}", reason.hint()),
    };
    Some(if held_back == 0 { line } else { format!("{line} ({held_back} lines like this were held back)") })
}

/// Returns the name by which counters and logs know the route.
pub fn route_label(policy: &Policy, verdict: Verdict) -> &str {
    let route = verdict.route.and_then(|position| policy.route(position));
    route.map_or(UNMATCHED, |route| route.name())
}

fn key_label(policy: &Policy, verdict: Verdict) -> Option<Cow<'_, str>> {
    let Decision::Allowed { key } = verdict.decision else {
        return None;
    };
    key.label(policy.route(verdict.route?)?.keys())
}

#[cfg(test)]
mod tests;
