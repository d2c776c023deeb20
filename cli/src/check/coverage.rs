//! Which routes of a proxy a plugin is for, as far as the files tell.

use serde_json::Value;
use twilio_proxy_wasm::config::Unmatched;
use twilio_proxy_wasm::policy::Policy;

use super::written::items;
use crate::plugin::{Entry, Found, Maker, PathRule};

/// A plugin whose configuration can be read.
pub(super) struct Checked<'a> {
    pub(super) found: &'a Found,
    pub(super) policy: Policy,
    /// The configuration as it is written.
    pub(super) written: Value,
}

impl Checked<'_> {
    /// Returns the routes of the proxies that it may be in.
    pub(super) fn entries(&self) -> Vec<&Entry> {
        if let Some(own) = self.found.manager.as_ref().and_then(|manager| manager.entries.as_ref()) {
            return own.iter().collect();
        }
        let is_of_its_maker = |entry: &&Entry| self.found.maker.is_none_or(|maker| maker == entry.maker);
        self.found.around.entries.iter().filter(is_of_its_maker).collect()
    }

    /// Returns the configured routes, each with its index.
    pub(super) fn routes(&self) -> impl Iterator<Item = (usize, &Value)> {
        items(&self.written["routes"])
    }

    /// Returns whether the filter runs for requests of a proxy's route.
    pub(super) fn is_on(&self, entry: &Entry) -> bool {
        let is_switched_on = match &self.found.switch {
            Some(filter) => entry.enables.contains(filter),
            None => true,
        };
        let routes: Vec<&str> = self
            .found
            .targets
            .iter()
            .filter(|(kind, _)| kind == "HTTPRoute")
            .map(|(_, name)| name.as_str())
            .collect();
        let is_target =
            routes.is_empty() || routes.iter().any(|name| entry.table == format!("HTTPRoute {name}"));
        let is_its_maker = self.found.maker.is_none_or(|maker| maker == entry.maker);
        // One of Envoy's own tables may be of another listener.
        let is_its_table = self.found.manager.as_ref().is_none_or(|manager| {
            manager.entries.as_ref().is_none_or(|own| own.iter().any(|own| own.table == entry.table))
        });
        is_switched_on && is_target && is_its_maker && is_its_table
    }

    /// Returns whether some request of a proxy's route may be on one of its routes.
    pub(super) fn covers(&self, entry: &Entry) -> bool {
        let has_routes = self.written["routes"].is_array();
        self.is_on(entry) && (!has_routes || self.routes().any(|(_, route)| takes(&route["match"], entry)))
    }

    /// Returns whether what is on none of its routes passes.
    pub(super) fn is_open(&self) -> bool {
        self.policy.unmatched() == Unmatched::Allow
    }
}

/// Returns who gives a proxy's route its name.
pub(super) fn maker(entry: &Entry) -> &'static str {
    match entry.maker {
        Maker::Envoy => "Envoy",
        Maker::Istio => "istiod",
        Maker::EnvoyGateway => "Envoy Gateway",
    }
}

/// Returns whether a `match` may take a request of a proxy's route.
pub(super) fn takes(matches: &Value, entry: &Entry) -> bool {
    let names = &matches["route_names"];
    let is_named = names.is_null()
        || items(names)
            .filter_map(|(_, name)| name.as_str())
            .any(|name| entry.name.as_ref().is_some_and(|own| own.may_be(name)));
    let hosts = &matches["hosts"];
    let is_hosted = hosts.is_null()
        || entry.hosts.is_empty()
        || items(hosts)
            .filter_map(|(_, host)| host.as_str())
            .any(|host| entry.hosts.iter().any(|own| hosts_meet(host, own)));
    is_named && is_hosted && path(&matches["path"]).meets(&entry.path)
}

/// Returns the rule that a `match.path` is.
pub(super) fn path(path: &Value) -> PathRule {
    match (path["exact"].as_str(), path["prefix"].as_str()) {
        (Some(exact), _) => PathRule::Exact(exact.to_owned()),
        (None, Some(prefix)) => PathRule::segments(prefix),
        (None, None) => PathRule::Any,
    }
}

/// Returns whether some host is meant by both: names, or `*`, or with `*` for what stands before or behind the rest.
pub(super) fn hosts_meet(one: &str, two: &str) -> bool {
    let (one, two) = (host_alone(one), host_alone(two));
    let is_in = |host: &str, pattern: &str| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => host.ends_with(end) && host.len() > end.len(),
        (None, Some(start)) => host.starts_with(start),
        (None, None) => host == pattern,
    };
    one == two || is_in(&one, &two) || is_in(&two, &one)
}

/// Returns a host in small letters, without its port and without a dot at its end.
fn host_alone(host: &str) -> String {
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port == "*" || port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}
