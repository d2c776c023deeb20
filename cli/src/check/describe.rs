//! What a configuration means, in words.

use std::fmt::Write as _;

use serde_json::Value;
use twilio_proxy_wasm::config::{Hold, Mode, Unmatched};
use twilio_proxy_wasm::policy::{Policy, Route};
use twilio_proxy_wasm::signature::Key;

use super::words::{counted, or_hidden, plain};
use crate::plugin::Found;

pub(super) fn plugin(out: &mut String, found: &Found, policy: &Policy, written: &Value) {
    let indent = if found.place.is_empty() { "" } else { "  " };
    if !found.place.is_empty() {
        let _ = writeln!(out, "{}", plain(&found.place));
    }
    for (name, value) in [
        ("hold", hold(policy)),
        ("unmatched", unmatched(policy)),
        ("verified_header", policy.verified_header().unwrap_or("none").to_owned()),
        ("explain", if policy.explain() { "on" } else { "off" }.to_owned()),
    ] {
        let _ = writeln!(out, "{indent}{name}: {}", plain(&value));
    }
    for (index, route) in policy.routes().iter().enumerate() {
        let own = &written["routes"][index];
        let _ = writeln!(out, "{indent}route {}", or_hidden(route.name()));
        for (name, value) in [
            ("match", matches(&own["match"])),
            ("mode", mode(route.mode()).to_owned()),
            ("keys", keys(route)),
            ("url", url(if own["url"].is_null() { &written["url"] } else { &own["url"] })),
            ("body", format!("up to {}", counted(route.max_body_bytes(), "byte"))),
            ("gate", gate(found, policy, index)),
        ] {
            let _ = writeln!(out, "{indent}  {name}: {}", plain(&value));
        }
    }
}

fn hold(policy: &Policy) -> String {
    match policy.hold() {
        Hold::OwnStop => "self (the filter stops requests itself)",
        Hold::BufferAfter => "buffer_after (a buffer filter after this one holds requests)",
    }
    .to_owned()
}

/// Says whether a request that no route matches passes.
fn unmatched(policy: &Policy) -> String {
    match policy.unmatched() {
        Unmatched::Allow => "allow (what no route matches passes unverified)",
        Unmatched::Deny => "deny (what no route matches is denied)",
    }
    .to_owned()
}

/// What a route of the proxy may ask for.
fn gate(found: &Found, policy: &Policy, position: usize) -> String {
    if !policy.clear_route_cache(Some(position)) {
        return "none (clear_route_cache is false)".to_owned();
    }
    let state = super::gate::shown_state(policy, position);
    match &found.name {
        Some(name) => format!("filter state {} is {state}", super::gate::key(or_hidden(name))),
        None => format!("filter state is {state}"),
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Report => "report (denies nothing)",
        Mode::Off => "off (verifies nothing)",
    }
}

fn matches(written: &Value) -> String {
    let mut parts = Vec::new();
    let names = |value: &Value| -> Vec<String> {
        let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.map(|name| or_hidden(name).to_owned()).collect()
    };
    let hosts = names(&written["hosts"]);
    if !hosts.is_empty() {
        parts.push(format!("host {}", hosts.join(" or ")));
    }
    let path = &written["path"];
    let case = if path["ignore_case"] == true { " in any case" } else { "" };
    if let Some(exact) = path["exact"].as_str() {
        parts.push(format!("path {exact}{case}"));
    }
    if let Some(prefix) = path["prefix"].as_str() {
        parts.push(format!("path {prefix} and below{case}"));
    }
    let routes = names(&written["route_names"]);
    if !routes.is_empty() {
        parts.push(format!("the proxy's route {}", routes.join(" or ")));
    }
    if parts.is_empty() { "every request".to_owned() } else { parts.join(", ") }
}

fn keys(route: &Route) -> String {
    let keys: Vec<String> = route.keys().iter().map(key).collect();
    if keys.is_empty() { "none".to_owned() } else { keys.join("; ") }
}

fn key(key: &Key) -> String {
    match (key.shared_key_id(), key.account_sid()) {
        (Some(id), _) => format!("shared key {} ({})", or_hidden(id), key.algorithm().name()),
        (None, Some(sid)) => format!("auth token {} for {sid} alone", or_hidden(key.label())),
        (None, None) => format!("auth token {}", or_hidden(key.label())),
    }
}

fn url(written: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(base) = written["base"].as_str() {
        parts.push(format!("{base} and the request's path"));
    }
    if written["trust_forwarded_host"] == true {
        parts.push("host and port of X-Forwarded-Host and -Port".to_owned());
    }
    if let Some(header) = written["original_path_header"].as_str() {
        parts.push(format!("path of {}", or_hidden(header)));
    }
    if parts.is_empty() { "as it arrives".to_owned() } else { parts.join(", ") }
}
