//! Routes of Envoy's own tables.

use serde_json::Value;

use super::entry::{Entry, GATES, Maker};
use super::name::Name;
use super::path::PathRule;
use crate::plugin::place::{field, list, strings, text};

/// Returns the routes of all tables in documents of Envoy.
pub(super) fn entries(documents: &[Value]) -> Vec<Entry> {
    let mut found = Vec::new();
    for document in documents.iter().filter(|document| document["kind"].is_null()) {
        walk(document, "", &mut found);
    }
    found
}

fn walk(value: &Value, table: &str, found: &mut Vec<Entry>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| walk(value, table, found)),
        Value::Object(_) if field(value, "virtual_hosts").is_array() => {
            let own = format!("routes {}", value["name"].as_str().unwrap_or("without a name"));
            found.extend(of_table(value, if table.is_empty() { &own } else { table }));
        }
        Value::Object(fields) => {
            let is_listener = !field(value, "filter_chains").is_null();
            let own = format!("listener {}", value["name"].as_str().unwrap_or("without a name"));
            let table = if is_listener { &own } else { table };
            fields.values().for_each(|value| walk(value, table, found));
        }
        _ => {}
    }
}

/// Returns the routes of one table.
pub(crate) fn of_table(routes: &Value, table: &str) -> Vec<Entry> {
    let mut found = Vec::new();
    let of_all = enabled(routes);
    for host in list(field(routes, "virtual_hosts")) {
        let hosts = strings(field(host, "domains"));
        let of_host = [of_all.clone(), enabled(host)].concat();
        for part in ["routes", "matcher"] {
            in_host(field(host, part), &mut |route| {
                let enables = [of_host.clone(), enabled(route)].concat();
                found.push(Entry { hosts: hosts.clone(), enables, ..entry(route, table, Maker::Envoy) });
            });
        }
    }
    found
}

fn in_host(value: &Value, push: &mut dyn FnMut(&Value)) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| in_host(value, push)),
        Value::Object(_) if field(value, "match").is_object() => push(value),
        Value::Object(fields) => fields.values().for_each(|value| in_host(value, push)),
        _ => {}
    }
}

/// Returns a route that is written as Envoy has it.
pub(super) fn entry(route: &Value, table: &str, maker: Maker) -> Entry {
    let matches = field(route, "match");
    let states = list(field(matches, "filter_state"));
    let conditions = ["headers", "query_parameters", "filter_state", "cookies", "runtime_fraction"];
    let asks_for_upgrade = list(field(matches, "headers"))
        .iter()
        .any(|header| header["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("upgrade")));
    Entry {
        maker,
        name: text(&route["name"]).filter(|name| !name.is_empty()).map(Name::whole),
        written: None,
        table: table.to_owned(),
        hosts: Vec::new(),
        path: PathRule::of_envoy(matches),
        is_conditional: conditions.iter().any(|name| !field(matches, name).is_null()),
        is_upgrade: asks_for_upgrade || !field(matches, "connect_matcher").is_null(),
        leads: field(route, "route").is_object(),
        is_shut: states.iter().any(|state| state["key"].as_str().is_some_and(|key| key.starts_with(GATES))),
        enables: Vec::new(),
    }
}

fn enabled(value: &Value) -> Vec<String> {
    let filters = field(value, "typed_per_filter_config").as_object();
    let on = filters.into_iter().flatten().filter(|(_, config)| config["disabled"] != true);
    on.map(|(name, _)| name.clone()).collect()
}
