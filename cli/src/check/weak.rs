//! What is weak in a configuration, wherever it is used.

use std::collections::BTreeSet;

use serde_json::Value;
use twilio_proxy_wasm::config::{Hold, Policy, Unmatched, is_variable_name};
use twilio_proxy_wasm::route::Mode;
use twilio_proxy_wasm::secret::is_like_a_token;
use twilio_proxy_wasm::signature::Algorithm;

use super::Level::{Note, Warning};
use super::{Says, or_hidden};

pub(super) fn faults(policy: &Policy, written: &Value, says: Says<'_>) {
    for (place, holder) in holders(written) {
        secrets(&place, holder, says);
        repeated(&place, holder, says);
        names(&place, holder, says);
    }
    modes(policy, says);
    if policy.unmatched() == Unmatched::Allow {
        matching(policy, written, says);
    }
    let keys = policy.routes().iter().flat_map(|route| route.keys().iter());
    let weak: BTreeSet<&str> = keys
        .filter(|key| key.algorithm() == Algorithm::HmacSha1)
        .filter_map(|key| key.shared_key_id())
        .collect();
    for id in weak {
        let id = or_hidden(id);
        says(Note, format!("shared key {id} is of HMAC_SHA1; Twilio makes keys of HMAC_SHA256 as well"));
    }
    if policy.verified_header().is_some() && policy.hold() == Hold::BufferAfter {
        says(
            Warning,
            "verified_header is never set with hold buffer_after, only removed from what clients send: an application \
             behind it must not expect it"
                .to_owned(),
        );
    }
}

/// The top of the configuration and its routes, each with what stands before the path of a field there.
pub(crate) fn holders(written: &Value) -> impl Iterator<Item = (String, &Value)> {
    let routes = written["routes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let routes = routes.iter().enumerate().map(|(index, route)| (format!("routes[{index}]."), route));
    std::iter::once((String::new(), written)).chain(routes)
}

/// What stands where a variable's name belongs and is none, and secrets that stand in the configuration itself.
fn secrets(place: &str, holder: &Value, says: Says<'_>) {
    for field in ["auth_tokens", "shared_keys"] {
        for (index, key) in items(&holder[field]) {
            let at = format!("{place}{field}[{index}]");
            if key["env"].as_str().is_some_and(|name| !is_variable_name(name)) {
                says(
                    Warning,
                    format!(
                        "{at}.env does not look like a variable's name: write NAME without $, in upper case, and no token \
                         here"
                    ),
                );
            }
            let Some(value) = key["value"].as_str() else { continue };
            says(
                Warning,
                format!(
                    "{at}.value is a secret in the configuration, which Envoy shows in its config dump; use env"
                ),
            );
            if value.starts_with(['$', '"', '\'']) {
                says(
                    Warning,
                    format!(
                        "{at}.value begins with a $ or a quote, which the filter takes for a part of the secret: write \
                         the secret alone, or the NAME of its variable as env"
                    ),
                );
            }
        }
    }
}

/// Variables that a list of auth tokens names twice, as in a rotation that forgot its second one. A token is of one
/// account, so that another `account_sid` is no reason for it.
fn repeated(place: &str, holder: &Value, says: Says<'_>) {
    let mut read: Vec<(usize, &str)> = Vec::new();
    for (index, token) in items(&holder["auth_tokens"]) {
        let Some(name) = token["env"].as_str() else { continue };
        match read.iter().find(|(_, earlier)| *earlier == name) {
            Some((first, _)) => says(
                Warning,
                format!(
                    "{place}auth_tokens[{index}].env is the variable of auth_tokens[{first}] again: while a token is \
                     rotated, the other has a variable of its own"
                ),
            ),
            None => read.push((index, name)),
        }
    }
}

/// Names in whose place a token stands.
fn names(place: &str, holder: &Value, says: Says<'_>) {
    let matches = &holder["match"];
    let single =
        [("name", &holder["name"]), ("url.original_path_header", &holder["url"]["original_path_header"])];
    let single = single.map(|(path, name)| (path.to_owned(), name));
    let ids =
        items(&holder["shared_keys"]).map(|(index, key)| (format!("shared_keys[{index}].id"), &key["id"]));
    let matched = ["hosts", "route_names"].into_iter().flat_map(|field| {
        items(&matches[field]).map(move |(index, name)| (format!("match.{field}[{index}]"), name))
    });
    for (path, name) in single.into_iter().chain(matched).chain(ids) {
        if name.as_str().is_some_and(is_like_a_token) {
            says(
                Warning,
                format!(
                    "{place}{path} looks like a token where a name belongs, and Envoy shows it in its config dump; write \
                     the name, and replace the token if it is one"
                ),
            );
        }
    }
}

/// The items of a list, if it is one, each with its index.
fn items(list: &Value) -> impl Iterator<Item = (usize, &Value)> {
    list.as_array().into_iter().flatten().enumerate()
}

fn modes(policy: &Policy, says: Says<'_>) {
    for route in policy.routes() {
        let name = or_hidden(route.name());
        match route.mode() {
            Mode::Enforce => {}
            Mode::Report => says(Note, format!("route {name} is in mode report: nothing is denied there")),
            Mode::Off => says(Note, format!("route {name} is in mode off: nothing is verified there")),
        }
    }
}

/// Ways round routes, where what no route matches passes.
fn matching(policy: &Policy, written: &Value, says: Says<'_>) {
    let Some(routes) = written["routes"].as_array() else { return };
    let is_open =
        |matches: &Value| ["hosts", "path", "route_names"].iter().all(|field| matches[field].is_null());
    if routes.iter().any(|route| is_open(&route["match"])) {
        return;
    }
    let matching_by = |fields: &dyn Fn(&Value) -> bool| -> Vec<&str> {
        let named = policy.routes().iter().zip(routes);
        named.filter(|(_, route)| fields(&route["match"])).map(|(route, _)| or_hidden(route.name())).collect()
    };
    let by_host = matching_by(&|matches| !matches["hosts"].is_null());
    if !by_host.is_empty() {
        says(
            Warning,
            format!(
                "{} by host, and unmatched is allow: who reaches the application under another host is not verified; \
                 match by route_names, or set unmatched to deny",
                match_verb(&by_host)
            ),
        );
    }
    let by_path = matching_by(&|matches| matches["hosts"].is_null() && !matches["path"].is_null());
    if !by_path.is_empty() {
        says(
            Note,
            format!(
                "{} by path, and unmatched is allow: a path that the application alone takes for such a one (/hook.json \
                 for /hook) is not verified; match by route_names, or set unmatched to deny",
                match_verb(&by_path)
            ),
        );
    }
}

fn match_verb(names: &[&str]) -> String {
    match names {
        [name] => format!("route {name} matches"),
        names => format!("routes {} match", names.join(", ")),
    }
}
