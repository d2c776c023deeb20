//! What is weak in a configuration, wherever it is used.

use std::collections::BTreeSet;

use serde_json::Value;
use twilio_proxy_wasm::config::{Algorithm, Hold, Mode, Unmatched};
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::secret::{is_like_a_token, is_variable_name};

use super::fault::Level::{Note, Warning};
use super::fault::Says;
use super::words::or_hidden;
use super::written::{holders, items};

/// `domains` are those that the proxy sends anywhere, where the files tell.
pub(super) fn faults(policy: &Policy, written: &Value, domains: Option<&[String]>, says: Says<'_>) {
    for (place, holder) in holders(written) {
        secrets(&place, holder, says);
        repeated(&place, holder, says);
        names(&place, holder, says);
    }
    modes(policy, says);
    if policy.unmatched() == Unmatched::Allow {
        matching(policy, written, domains, says);
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

/// Finds what stands where a variable's name belongs and is none, and secrets that stand in the configuration itself.
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

/// Finds sources that a list of auth tokens names twice, as in a rotation that forgot its second one. A token is of one
/// account, so that another `account_sid` is no reason for it.
fn repeated(place: &str, holder: &Value, says: Says<'_>) {
    for (field, what, remedy) in [
        ("env", "variable", "while a token is rotated, the other has a variable of its own"),
        ("filter_state", "filter state", "while a token is rotated, the other has a line of its own there"),
    ] {
        let mut read: Vec<(usize, &str)> = Vec::new();
        for (index, token) in items(&holder["auth_tokens"]) {
            let Some(name) = token[field].as_str() else { continue };
            match read.iter().find(|(_, earlier)| *earlier == name) {
                Some((first, _)) => says(
                    Warning,
                    format!(
                        "{place}auth_tokens[{index}].{field} is the {what} of auth_tokens[{first}] again: {remedy}"
                    ),
                ),
                None => read.push((index, name)),
            }
        }
    }
}

/// Finds names in whose place a token stands.
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

/// Finds ways round the routes, where what no route matches passes.
fn matching(policy: &Policy, written: &Value, domains: Option<&[String]>, says: Says<'_>) {
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
    let hosts: Vec<&str> = routes
        .iter()
        .flat_map(|route| items(&route["match"]["hosts"]))
        .filter_map(|(_, host)| host.as_str())
        .collect();
    let are_limited = domains.is_some_and(|domains| domains.iter().all(|domain| is_within(domain, &hosts)));
    if !by_host.is_empty() && !are_limited {
        says(
            Warning,
            format!(
                "{} by host, and unmatched is allow: who reaches the application under another host is not verified; \
                 set unmatched to deny, or let the proxy send it no other hosts",
                match_verb(&by_host)
            ),
        );
    }
    let by_path = matching_by(&|matches| matches["hosts"].is_null() && !matches["path"].is_null());
    if !by_path.is_empty() {
        says(
            Note,
            format!(
                "{} by path, and unmatched is allow: a path that the application alone takes for such a one (an alias or \
                 a rewrite of its own) is not verified; give it a route, or set unmatched to deny",
                match_verb(&by_path)
            ),
        );
    }
}

/// Whether all that a domain of a virtual host stands for is one of these hosts.
fn is_within(domain: &str, hosts: &[&str]) -> bool {
    // With or without a port, and with `:*` for any.
    let domain = match domain.rsplit_once(':') {
        Some((name, port)) if port == "*" || port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => domain,
    };
    let domain = domain.to_ascii_lowercase();
    hosts.iter().any(|host| {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let suffix = host.strip_prefix('*').filter(|suffix| suffix.starts_with('.'));
        domain == host || suffix.is_some_and(|suffix| domain.len() > suffix.len() && domain.ends_with(suffix))
    })
}

fn match_verb(names: &[&str]) -> String {
    match names {
        [name] => format!("route {name} matches"),
        names => format!("routes {} match", names.join(", ")),
    }
}
