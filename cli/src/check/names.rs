//! Whether what `match` names is there: the proxy's routes, its hosts and its paths.

use std::collections::{BTreeMap, BTreeSet};

use super::coverage::{Checked, hosts_meet, maker, path};
use super::fault::Level::{Note, Warning};
use super::fault::Says;
use super::near::did_you_mean;
use super::words::or_hidden;
use super::written::items;
use crate::plugin::{Entry, Maker};

/// How many names are listed where none is like the one that is missing.
const LISTED: usize = 5;

pub(super) fn faults(plugin: &Checked<'_>, says: Says<'_>) {
    let entries = plugin.entries();
    for (index, route) in plugin.routes() {
        let matches = &route["match"];
        for (number, name) in items(&matches["route_names"]) {
            if let Some(name) = name.as_str() {
                let at = format!("routes[{index}].match.route_names[{number}]");
                route_name(plugin, &entries, &at, name, says);
            }
        }
        for (number, host) in items(&matches["hosts"]) {
            if let Some(host) = host.as_str() {
                self::host(&entries, &format!("routes[{index}].match.hosts[{number}]"), host, says);
            }
        }
        let rule = path(&matches["path"]);
        let paths: Vec<&Entry> = entries.iter().copied().filter(|entry| plugin.is_on(entry)).collect();
        if let Some(own) = rule.written()
            && !paths.is_empty()
            && !paths.iter().any(|entry| rule.meets(&entry.path))
        {
            let written = paths.iter().filter_map(|entry| entry.path.written());
            let near = did_you_mean(own, written.map(|path| path.trim_end_matches('/')));
            says(
                Warning,
                format!("routes[{index}].match.path: no route of the files takes {}{near}", or_hidden(own)),
            );
        }
    }
    shared(plugin, says);
}

fn route_name(plugin: &Checked<'_>, entries: &[&Entry], at: &str, name: &str, says: Says<'_>) {
    let is_there = |entry: &&Entry| entry.name.as_ref().is_some_and(|own| own.may_be(name));
    // What istiod calls the one route of a sidecar's port.
    let is_inbound = name == "default" && plugin.found.maker == Some(Maker::Istio);
    if entries.is_empty() || entries.iter().any(is_there) || is_inbound {
        return;
    }
    let outcome = if plugin.is_open() {
        "what is meant by it passes unverified (unmatched: allow)"
    } else {
        "what is meant by it is denied (unmatched: deny)"
    };
    let names: BTreeSet<String> =
        entries.iter().filter_map(|entry| entry.name.as_ref()).map(ToString::to_string).collect();
    let mut made: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.written.as_deref() == Some(name)) {
        made.entry(maker(entry)).or_default().extend(entry.name.as_ref().map(ToString::to_string));
    }
    let made: Vec<String> = made
        .into_iter()
        .map(|(who, names)| format!("{who} calls it {}", names.into_iter().collect::<Vec<_>>().join(" or ")))
        .collect();
    let mut remedy = match &made[..] {
        [] => did_you_mean(name, names.iter().map(String::as_str)),
        made => format!("; {}", made.join(", ")),
    };
    if remedy.is_empty() {
        remedy = listed(entries, &names);
    }
    says(Warning, format!("{at}: the files have no route {}, and {outcome}{remedy}", or_hidden(name)));
}

/// Says which routes there are.
fn listed(entries: &[&Entry], names: &BTreeSet<String>) -> String {
    let mut shown: Vec<String> = names.iter().take(LISTED).map(|name| or_hidden(name).to_owned()).collect();
    if names.len() > LISTED {
        shown.push("others".to_owned());
    }
    let mut text = if shown.is_empty() { String::new() } else { format!("; there are {}", shown.join(", ")) };
    if entries.iter().any(|entry| entry.name.is_none()) {
        text.push_str("; there are routes without a name, which hosts and path alone can match");
    }
    text
}

fn host(entries: &[&Entry], at: &str, host: &str, says: Says<'_>) {
    if entries.is_empty() || entries.iter().any(|entry| entry.hosts.is_empty()) {
        return;
    }
    let mut hosts = entries.iter().flat_map(|entry| entry.hosts.iter().map(String::as_str));
    if hosts.clone().any(|own| hosts_meet(host, own)) {
        return;
    }
    let near = did_you_mean(host, hosts.by_ref());
    says(Warning, format!("{at}: no route of the files is for the host {}{near}", or_hidden(host)));
}

/// Where what no route matches passes, a name alone guards a path as long as nobody puts another route before it.
fn shared(plugin: &Checked<'_>, says: Says<'_>) {
    let is_by_name = |matches: &serde_json::Value| {
        !matches["route_names"].is_null() && matches["hosts"].is_null() && matches["path"].is_null()
    };
    let named: Vec<&str> = plugin
        .routes()
        .filter(|(_, route)| is_by_name(&route["match"]))
        .filter_map(|(index, _)| plugin.policy.route(index))
        .map(|route| or_hidden(route.name()))
        .collect();
    if !plugin.is_open() || named.is_empty() {
        return;
    }
    says(
        Note,
        format!(
            "{} by the proxy's route alone, and unmatched is allow: where others change the routes, a new one (of a canary \
             controller, a delegate, or without a name) takes the same requests and is not verified; match by hosts and path \
             there",
            match &named[..] {
                [name] => format!("route {name} matches"),
                names => format!("routes {} match", names.join(", ")),
            }
        ),
    );
}
