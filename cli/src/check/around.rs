//! What is wrong or weak in a plugin's surroundings: the proxy that runs it, and the filters beside it.

use serde_json::Value;
use twilio_proxy_wasm::config::{Hold, Mode};
use twilio_proxy_wasm::policy::Policy;

use super::fault::Level::{Error, Note, Warning};
use super::fault::Says;
use super::words::or_hidden;
use super::written::holders;
use crate::plugin::{Environment, Found, Manager};

pub(super) fn faults(found: &Found, policy: &Policy, written: &Value, says: Says<'_>) {
    trusted_headers(found.manager.as_ref(), written, says);
    let Some(environment) = &found.environment else { return };
    hold(found, policy, says);
    failure_policy(found, policy, says);
    variables(environment, written, says);
    if found.is_never_enabled {
        says(Error, "the filter is disabled, and no route enables it: nothing is verified".to_owned());
    }
    if found.is_behind_router {
        says(
            Error,
            "the filter stands behind envoy.filters.http.router, which ends the chain: Envoy refuses that; put it before"
                .to_owned(),
        );
    }
    if let Some(manager) = &found.manager {
        limits(manager, policy, says);
        for option in &manager.changes_url {
            says(
                Warning,
                format!("{option} changes the URL before it is verified; leave it out, or see docs/urls.md"),
            );
        }
    }
}

/// Says why the filter may not be able to read its configuration.
pub(super) fn unread(found: &Found, says: Says<'_>) {
    if found.has_vm_configuration {
        says(
            Error,
            "configuration stands in vm_config, where it is the VM's and not the filter's: put it beside vm_config".to_owned(),
        );
    }
}

/// Says what is wrong between a plugin and those before it.
pub(super) fn twins(found: &Found, earlier: &[Found], says: Says<'_>) {
    let is_twin = |other: &&Found| {
        !found.vm.is_empty() && other.vm == found.vm && other.environment != found.environment
    };
    if let Some(other) = earlier.iter().find(is_twin) {
        says(
            Warning,
            format!(
                "the VM differs from that of {:?} in environment variables alone: before Envoy 1.39 both use one VM, and \
                 one of them misses its variables; list the same variables for both",
                other.place
            ),
        );
    }
}

fn hold(found: &Found, policy: &Policy, says: Says<'_>) {
    // Where nothing is enforced, nothing is held.
    let (level, when) =
        if is_enforced(policy) { (Error, "") } else { (Warning, "once a route is enforced, ") };
    let fails = format!("{when}every request with a body is answered 500");
    match (policy.hold(), found.stop_flag, &found.manager) {
        (Hold::OwnStop, Some(false), _) => says(
            level,
            format!(
                "hold is self, but allow_on_headers_stop_iteration is not true: {fails}; set it to true (Envoy 1.35 or newer)"
            ),
        ),
        (Hold::OwnStop, None, _) => says(
            level,
            format!(
                "hold is self, but this control plane has no allow_on_headers_stop_iteration: {fails}; set hold to \
                 buffer_after and put a buffer filter after this one"
            ),
        ),
        (Hold::BufferAfter, _, Some(Manager { buffer_after: None, buffer_before, .. })) => {
            let remedy = if *buffer_before { "; the one before it must stand behind it" } else { "" };
            says(
                level,
                format!(
                    "hold is buffer_after, but no envoy.filters.http.buffer stands after this filter: {fails}{remedy}"
                ),
            );
        }
        (Hold::BufferAfter, _, None) if !found.has_buffer_somewhere => says(
            Warning,
            "hold is buffer_after, and no buffer is in what was read: see to it that an envoy.filters.http.buffer \
             stands after this filter on every route that is verified"
                .to_owned(),
        ),
        _ => {}
    }
}

pub(super) fn is_enforced(policy: &Policy) -> bool {
    policy.routes().iter().any(|route| route.mode() == Mode::Enforce)
}

fn failure_policy(found: &Found, policy: &Policy, says: Says<'_>) {
    match found.failure_policy.as_deref() {
        Some("FAIL_OPEN") => says(
            if is_enforced(policy) { Error } else { Warning },
            "the failure policy is FAIL_OPEN: while the VM is down, everything passes unverified; set FAIL_RELOAD"
                .to_owned(),
        ),
        None => says(
            Warning,
            "failure_policy is not set: once a VM has failed, its worker answers 503 for ever; set FAIL_RELOAD".to_owned(),
        ),
        _ => {}
    }
}

/// Finds secrets that stand in the file as values of variables.
fn variables(environment: &Environment, written: &Value, says: Says<'_>) {
    let keys = holders(written).flat_map(|(_, holder)| {
        ["auth_tokens", "shared_keys"]
            .into_iter()
            .flat_map(|field| holder[field].as_array().into_iter().flatten())
    });
    let read: Vec<&str> = keys.filter_map(|key| key["env"].as_str()).collect();
    for name in environment.values.keys().filter(|name| read.contains(&name.as_str())) {
        let name = or_hidden(name);
        says(
            Warning,
            format!(
                "the value of the variable {name} stands in the file, and Envoy shows it in its config dump; let the \
                 proxy pass it on from its own environment (host_env_keys, valueFrom: HOST)"
            ),
        );
    }
}

fn limits(manager: &Manager, policy: &Policy, says: Says<'_>) {
    let largest = policy.routes().iter().map(|route| route.max_body_bytes()).max().unwrap_or_default();
    let largest = u64::try_from(largest).unwrap_or(u64::MAX);
    match (policy.hold(), manager.buffer_after) {
        (Hold::BufferAfter, Some(limit)) if limit < largest => says(
            Warning,
            format!(
                "the buffer after this filter takes {limit} bytes and max_body_bytes is {largest}: what lies between is \
                 answered by the buffer, uncounted; raise max_request_bytes above max_body_bytes"
            ),
        ),
        (Hold::OwnStop, _) if manager.connection_limit < largest => says(
            Warning,
            format!(
                "Envoy buffers {} bytes on HTTP/1.1 and max_body_bytes is {largest}: what lies between is answered by \
                 Envoy, uncounted; raise per_connection_buffer_limit_bytes above max_body_bytes",
                manager.connection_limit
            ),
        ),
        _ => {}
    }
}

fn trusted_headers(manager: Option<&Manager>, written: &Value, says: Says<'_>) {
    let is_edge = manager.is_some_and(|manager| manager.is_edge);
    for field in ["trust_forwarded_host", "original_path_header"] {
        let mut rules = holders(written).map(|(_, holder)| &holder["url"][field]);
        if !rules.any(|rule| *rule == true || rule.is_string()) {
            continue;
        }
        if is_edge {
            says(
                Warning,
                format!(
                    "url.{field} trusts a header, and with use_remote_address: true clients are connected directly and \
                     can send it; remove it, or see to it that something in front sets it on every request"
                ),
            );
        } else {
            says(
                Note,
                format!(
                    "url.{field} trusts a header: who can send it can have a webhook accepted here that was signed for \
                     another of your URLs; see to it that something in front sets or removes it on every request"
                ),
            );
        }
    }
}
