//! The gate: whether the routes to the application exist only for what the filter let go on, and what leads round it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use twilio_proxy_wasm::config::Mode;
use twilio_proxy_wasm::policy::{Policy, Route};
use twilio_proxy_wasm::record::{gate_key, gate_state};
use twilio_proxy_wasm::verdict::Pass;

use super::coverage::path;
use super::fault::Level::{Error, Note, Warning};
use super::fault::Says;
use super::words::{counted, or_hidden};
use super::written::items;
use crate::plugin::{Found, PathRule, Wanted, Way};

/// What the keys of all gates begin with.
const KEYS: &str = "wasm.twilio_webhook.";

/// The key by which routes ask for this plugin's verdict.
pub(super) fn key(name: &str) -> String {
    format!("wasm.{}", gate_key(name))
}

/// The text that they ask for, of what the route at a position lets go on.
fn state(policy: &Policy, position: usize, is_verified: bool) -> String {
    gate_state(policy, Pass { route: Some(position), is_verified })
}

/// The same for people to read, of what is verified.
pub(super) fn shown_state(policy: &Policy, position: usize) -> String {
    let name = policy.route(position).map(Route::name).unwrap_or_default();
    state(policy, position, true).replace(name, or_hidden(name))
}

/// What a way is, in words: `route sms of listener https`.
fn place(way: &Way) -> String {
    let what = match &way.route {
        Some(name) => format!("route {}", or_hidden(name)),
        None => "a TCP proxy".to_owned(),
    };
    if way.table.is_empty() { what } else { format!("{what} of {}", way.table) }
}

pub(super) fn faults(found: &Found, earlier: &[Found], policy: &Policy, written: &Value, says: Says<'_>) {
    let Some(name) = &found.name else { return };
    let key = key(name);
    let asking: Vec<(&Way, Option<&Wanted>)> = found
        .ways
        .iter()
        .filter_map(|way| Some((way, way.asks.iter().find(|ask| ask.key == key)?.text.as_ref())))
        .collect();
    // What is shown of it.
    let key = self::key(or_hidden(name));
    if asking.is_empty() {
        without(found, policy, &key, says);
        return;
    }
    if name.is_empty() {
        says(Warning, "the plugin has no name of its own for its gate: set name beside vm_config".to_owned());
    }
    let shares =
        |other: &&Found| !name.is_empty() && other.name.as_ref() == Some(name) && other.place != found.place;
    if let Some(other) = earlier.iter().find(shares) {
        says(
            Warning,
            format!(
                "has the name of the plugin of {}, and so opens its gates, where their routes have the same names too: give \
                 each plugin a name of its own",
                other.place
            ),
        );
    }
    for (way, wanted) in &asking {
        match wanted {
            Some(wanted) => gate(way, wanted, policy, written, says),
            None => says(
                Note,
                format!(
                    "{} asks for filter state {key} in a way that is not looked into here; use exact",
                    place(way)
                ),
            ),
        }
    }
    unasked(&asking, policy, &key, says);
    named(&asking, written, says);
    around(found, &asking, says);
}

/// Routes of the plugin whose verdict no route asks for, while others are behind gates.
fn unasked(asking: &[(&Way, Option<&Wanted>)], policy: &Policy, key: &str, says: Says<'_>) {
    let Some(texts) = asking.iter().map(|(_, wanted)| *wanted).collect::<Option<Vec<_>>>() else { return };
    let takes = |wanted: &Wanted, position| {
        [true, false].iter().any(|is_verified| wanted.takes(&state(policy, position, *is_verified)))
    };
    let positions = || 0..policy.routes().len();
    if texts.iter().any(|wanted| !positions().any(|position| takes(wanted, position))) {
        // It is told of that route already.
        return;
    }
    for (position, route) in policy.routes().iter().enumerate() {
        let is_asked = texts.iter().any(|wanted| takes(wanted, position));
        if route.clear_route_cache() && route.mode() != Mode::Off && !is_asked {
            says(
                Warning,
                format!(
                    "no route asks for {} of filter state {key}, so that what is verified there has no way on by a gate: compare \
                     key and text of the routes",
                    shown_state(policy, position)
                ),
            );
        }
    }
}

/// Routes behind a gate that the plugin's routes go by the names of: no request is on them before its verdict.
fn named(asking: &[(&Way, Option<&Wanted>)], written: &Value, says: Says<'_>) {
    let gated: BTreeSet<&str> = asking.iter().filter_map(|(way, _)| way.route.as_deref()).collect();
    for (position, route) in items(&written["routes"]) {
        let names = items(&route["match"]["route_names"]).filter_map(|(_, name)| name.as_str());
        for name in names.filter(|name| gated.contains(name)) {
            says(
                Warning,
                format!(
                    "routes[{position}].match.route_names has {}, which asks for a verdict, so that no request is on it before: \
                     name the route of the gate that the request is on first",
                    or_hidden(name)
                ),
            );
        }
    }
}

/// Nothing asks for this plugin's verdict.
fn without(found: &Found, policy: &Policy, key: &str, says: Says<'_>) {
    let is_on = policy.routes().iter().any(Route::clear_route_cache);
    let others: BTreeSet<&str> = keys(&found.ways).collect();
    if is_on && !found.ways.is_empty() {
        let instead = match others.first() {
            Some(other) => {
                let name = other.strip_prefix(KEYS).unwrap_or_default();
                format!("; one asks for {KEYS}{}, which is another plugin's", or_hidden(name))
            }
            None => String::new(),
        };
        says(Warning, format!("clear_route_cache is on, and no route asks for filter state {key}{instead}"));
        return;
    }
    let is_enforced = policy.routes().iter().any(|route| route.mode() == Mode::Enforce);
    let table = found.place.split(", ").next().unwrap_or_default();
    let clusters: BTreeSet<&str> = found
        .ways
        .iter()
        .filter(|way| way.table == table)
        .flat_map(|way| way.clusters.iter().filter_map(Option::as_deref))
        .collect();
    if is_enforced && !clusters.is_empty() {
        says(
            Note,
            format!(
                "{} can be reached whether this filter is there or not: put a gate before what Twilio calls, \
                 docs/gate.md says how",
                listed("cluster", &clusters)
            ),
        );
    }
}

/// A route that asks for this plugin's verdict.
fn gate(way: &Way, wanted: &Wanted, policy: &Policy, written: &Value, says: Says<'_>) {
    let routes: Vec<(usize, &Route)> = policy.routes().iter().enumerate().collect();
    let takes = |position, is_verified| wanted.takes(&state(policy, position, is_verified));
    let behind: Vec<_> =
        routes.iter().filter(|(position, _)| takes(*position, true) || takes(*position, false)).collect();
    let place = place(way);
    if behind.is_empty() {
        says(
            Error,
            format!(
                "{place} never exists: it asks for a verdict that the plugin does not give; the texts are \
                 verdict=allowed route=NAME and verdict=reported route=NAME, with the name of one of its routes"
            ),
        );
    }
    let rules: Vec<PathRule> =
        behind.iter().map(|(position, _)| path(&written["routes"][position]["match"]["path"])).collect();
    if let Some(own) = &way.rule
        && !rules.is_empty()
        && !rules.iter().any(|rule| rule.meets(own))
    {
        let guarded: Vec<&str> = rules.iter().filter_map(PathRule::written).map(or_hidden).collect();
        says(
            Warning,
            format!(
                "{place} is for {}, and what it asks for is given on {} alone: it never opens; write the same path in both",
                or_hidden(own.written().unwrap_or_default()),
                guarded.join(", ")
            ),
        );
    }
    for (position, route) in &behind {
        let name = or_hidden(route.name());
        if !route.clear_route_cache() {
            says(Error, format!("{place} never exists for route {name}: set clear_route_cache to true"));
        }
        match route.mode() {
            Mode::Off => says(
                Error,
                format!(
                    "{place} never exists for route {name}, which is off; report is what lets everything through"
                ),
            ),
            Mode::Report if !takes(*position, false) => says(
                Warning,
                format!(
                    "{place} exists for allowed alone, and in report a request with a body is never allowed before it \
                     goes on: as long as route {name} is in report, ask for safe_regex verdict=(allowed|reported) route={name}"
                ),
            ),
            _ => {}
        }
    }
    if let [(_, first), rest @ ..] = &behind[..]
        && rest.iter().any(|(_, route)| labels(route).ne(labels(first)))
    {
        let names: Vec<&str> = behind.iter().map(|(_, route)| or_hidden(route.name())).collect();
        says(
            Note,
            format!(
                "{place} exists for what is verified on any of the routes {}: with exact it would for the one whose path it is",
                names.join(", ")
            ),
        );
    }
}

fn labels(route: &Route) -> impl Iterator<Item = &str> {
    route.keys().iter().map(|key| key.label())
}

/// Ways without a gate to the clusters behind this one.
fn around(found: &Found, asking: &[(&Way, Option<&Wanted>)], says: Says<'_>) {
    let behind: BTreeSet<&str> =
        asking.iter().flat_map(|(way, _)| way.clusters.iter().filter_map(Option::as_deref)).collect();
    let open = found.ways.iter().filter(|way| keys(std::slice::from_ref(way)).next().is_none());
    let mut wide: BTreeMap<&str, Vec<&Way>> = BTreeMap::new();
    for way in open {
        for cluster in &behind {
            if way.clusters.iter().any(|to| to.as_deref().is_none_or(|to| to == *cluster)) {
                wide.entry(cluster).or_default().push(way);
            }
        }
    }
    for (cluster, ways) in wide {
        let (narrow, wide): (Vec<&Way>, Vec<&Way>) = ways.into_iter().partition(|way| way.path.is_some());
        let places = |ways: &[&Way]| ways.iter().map(|way| place(way)).collect::<Vec<_>>().join(", ");
        let cluster = or_hidden(cluster);
        if !wide.is_empty() {
            says(
                Warning,
                format!(
                    "cluster {cluster} can be reached around the gate, by {}: nothing verifies what the application reads there as \
                     a webhook; give webhooks a cluster of their own, or put a gate there too",
                    places(&wide)
                ),
            );
        }
        if !narrow.is_empty() {
            let paths: Vec<&str> = narrow.iter().filter_map(|way| way.path.as_deref()).collect();
            says(
                Note,
                format!(
                    "cluster {cluster} can be reached around the gate, by {}: see to it that {} no webhook for the application",
                    places(&narrow),
                    match &paths[..] {
                        [path] => format!("{path} is"),
                        paths => format!("{} are", paths.join(", ")),
                    }
                ),
            );
        }
    }
}

/// The keys of gates that ways ask for.
fn keys(ways: &[Way]) -> impl Iterator<Item = &str> {
    ways.iter()
        .flat_map(|way| way.asks.iter())
        .map(|ask| ask.key.as_str())
        .filter(|key| key.starts_with(KEYS))
}

/// `cluster a`, or `2 clusters: a, b`.
fn listed(what: &str, names: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = names.iter().map(|name| or_hidden(name)).collect();
    match &shown[..] {
        [name] => format!("{what} {name}"),
        names => format!("{}: {}", counted(names.len(), what), names.join(", ")),
    }
}
