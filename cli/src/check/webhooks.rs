//! Routes of the proxy that webhooks come on, and that no plugin verifies.

use super::coverage::{Checked, takes};
use super::fault::{Fault, Level};
use super::words::{or_hidden, plain};
use super::written::items;
use crate::plugin::Entry;

pub(super) fn faults(plugins: &[Checked<'_>], faults: &mut Vec<Fault>) {
    let Some(first) = plugins.first() else { return };
    let inline = plugins.iter().filter_map(|plugin| plugin.found.manager.as_ref()?.entries.as_ref());
    let mut all: Vec<&Entry> = first.found.around.entries.iter().collect();
    if all.is_empty() {
        all.extend(inline.flat_map(|entries| entries.iter()));
    }
    let makers: Vec<_> = plugins.iter().map(|plugin| plugin.found.maker).collect();
    let is_known =
        |entry: &&&Entry| makers.iter().any(|maker| maker.is_none_or(|maker| maker == entry.maker));
    let open = all
        .iter()
        .filter(is_known)
        .filter(|entry| entry.leads && !entry.is_shut)
        .filter(|entry| !plugins.iter().any(|plugin| plugin.covers(entry)));
    let mut told: Vec<(String, String)> = Vec::new();
    for entry in open {
        let Some((level, text)) = in_front(plugins, &all, entry).or_else(|| alike(plugins, entry)) else {
            continue;
        };
        let place = entry.table.clone();
        // Of a rule with several matches one is enough.
        if !told.contains(&(place.clone(), text.clone())) {
            faults.push(Fault { level, place: plain(&place), text: plain(&text) });
            told.push((place, text));
        }
    }
}

/// What a route is called in words, with the path that it is for where it has no name.
fn called(entry: &Entry) -> String {
    match (&entry.name, entry.path.written()) {
        (Some(name), _) => format!("route {}", or_hidden(&name.to_string())),
        (None, Some(path)) => format!("the route without a name for {}", or_hidden(path)),
        (None, None) => "the route without a name".to_owned(),
    }
}

/// Says that a route takes requests of another one that is verified by its name.
fn in_front(plugins: &[Checked<'_>], all: &[&Entry], entry: &Entry) -> Option<(Level, String)> {
    for plugin in plugins.iter().filter(|plugin| plugin.is_open() && plugin.found.switch.is_none()) {
        for (index, route) in plugin.routes() {
            let matches = &route["match"];
            if matches["route_names"].is_null() || !matches["path"].is_null() || route["mode"] == "off" {
                continue;
            }
            let named = all.iter().enumerate().filter(|(_, named)| {
                !named.is_upgrade && !named.is_shut && plugin.is_on(named) && takes(matches, named)
            });
            for (position, named) in named {
                if goes_before(all, entry, position, named) {
                    let route = plugin.policy.route(index).map(|route| or_hidden(route.name()).to_owned());
                    return Some((
                        Level::Warning,
                        format!(
                            "{} takes requests of {} too, and no route_names of the plugin's route {} names it: they pass \
                             unverified (unmatched: allow); match by hosts and path, which hold whatever the route is called",
                            called(entry),
                            called(named),
                            route.unwrap_or_default()
                        ),
                    ));
                }
            }
        }
    }
    None
}

fn goes_before(all: &[&Entry], entry: &Entry, position: usize, named: &Entry) -> bool {
    let shares = entry.hosts.is_empty()
        || named.hosts.is_empty()
        || entry
            .hosts
            .iter()
            .any(|host| named.hosts.iter().any(|other| super::coverage::hosts_meet(host, other)));
    if entry.maker != named.maker || !shares || !entry.path.meets(&named.path) {
        return false;
    }
    if entry.is_of_gateway_api() && named.is_of_gateway_api() {
        let is_more_exact = !named.path.is_as_exact_as(&entry.path);
        return is_more_exact || (entry.path.is_as_exact_as(&named.path) && entry.is_conditional);
    }
    let is_before = all.iter().take(position).any(|other| std::ptr::eq(*other, entry));
    entry.is_beside(named) && is_before
}

/// Says that a route looks like one for webhooks.
fn alike(plugins: &[Checked<'_>], entry: &Entry) -> Option<(Level, String)> {
    let name = entry.name.as_ref().map(ToString::to_string).unwrap_or_default();
    let path = entry.path.written().unwrap_or_default();
    let words: Vec<String> = format!("{name} {path}")
        .split(|character: char| !character.is_ascii_alphanumeric())
        .map(str::to_ascii_lowercase)
        .collect();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    let level = if has(&["twilio"]) {
        Level::Warning
    } else if has(&["webhook", "webhooks", "sms", "mms", "whatsapp"]) {
        Level::Note
    } else {
        return None;
    };
    let here: Vec<&Checked<'_>> = plugins.iter().filter(|plugin| plugin.is_on(entry)).collect();
    let outcome = match &here[..] {
        [] => "the filter does not run there: it passes unverified",
        here if here.iter().any(|plugin| !plugin.is_open()) => {
            "no route of the plugin is for it: it is denied (no_route)"
        }
        _ => "no route of the plugin is for it: it passes unverified",
    };
    let by_name = here.iter().any(|plugin| {
        plugin.routes().any(|(_, route)| items(&route["match"]["route_names"]).next().is_some())
    });
    let remedy = match (&entry.name, by_name) {
        (None, true) => "; nothing can match it by name: match by hosts and path",
        _ => "; if it is not for webhooks, give it a route of mode off",
    };
    let remedy = if here.is_empty() { "" } else { remedy };
    Some((level, format!("{} looks like one for webhooks, and {outcome}{remedy}", called(entry))))
}
