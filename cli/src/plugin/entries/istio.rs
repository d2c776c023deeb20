//! The routes that istiod makes of VirtualServices, Ingresses and what EnvoyFilters put beside them.
//!
//! Each match of an entry becomes a route, called by the entry's name, with a dot and the match's name behind it if that
//! has one. A delegate's entries come in the place of the root's, called by both names with a dash between.

use serde_json::{Value, json};

use super::entry::{Entry, GATES, Maker};
use super::envoy;
use super::name::Name;
use super::path::PathRule;
use crate::plugin::objects::Object;
use crate::plugin::place::{field, list, strings, text};

pub(super) fn entries(objects: &[Object]) -> Vec<Entry> {
    let mut found = Vec::new();
    let services = || objects.iter().filter(|object| object.kind == "VirtualService");
    let mut delegates: Vec<*const Object> = Vec::new();
    for service in services().filter(|service| !list(&service.spec()["hosts"]).is_empty()) {
        for entry in list(&service.spec()["http"]) {
            let delegate = &entry["delegate"];
            if delegate.is_null() {
                found.extend(of_entry(service, entry, None));
                continue;
            }
            let namespace = text(&delegate["namespace"]).or_else(|| service.namespace.clone());
            let to = services().find(|other| {
                other.name == delegate["name"].as_str().unwrap_or_default()
                    && other.may_be_in(namespace.as_deref())
            });
            match to {
                Some(to) => {
                    delegates.push(to);
                    for own in list(&to.spec()["http"]) {
                        if let Some(merged) = merged(entry, own) {
                            found.extend(of_entry(service, &merged, text(&own["name"])));
                        }
                    }
                }
                None => found.push(unknown(service, entry)),
            }
        }
    }
    // A delegate whose root is not in the files.
    for service in services().filter(|service| list(&service.spec()["hosts"]).is_empty()) {
        if delegates.iter().any(|used| std::ptr::eq(*used, service)) {
            continue;
        }
        for entry in list(&service.spec()["http"]) {
            for own in of_entry(service, entry, text(&entry["name"])) {
                let name = text(&entry["name"]).unwrap_or_default();
                let name =
                    Name::whole(String::new()).then_maybe(None, "the root's name").then(&format!("-{name}"));
                found.push(Entry { name: Some(name), ..own });
            }
        }
    }
    for ingress in objects.iter().filter(|object| object.kind == "Ingress") {
        found.extend(of_ingress(ingress));
    }
    for filter in objects.iter().filter(|object| object.kind == "EnvoyFilter") {
        found.extend(inserted(filter));
    }
    let gated: Vec<String> =
        objects.iter().filter(|object| object.kind == "EnvoyFilter").flat_map(gates).collect();
    for entry in &mut found {
        let is_gated = |name: &Name| gated.iter().any(|gated| name.may_be(gated));
        entry.is_shut |= entry.name.as_ref().is_some_and(is_gated);
    }
    found
}

fn of_entry(service: &Object, entry: &Value, written: Option<String>) -> Vec<Entry> {
    let everything = [Value::Null];
    let matches = match list(&entry["match"]) {
        [] => &everything[..],
        matches => matches,
    };
    let leads = !list(&entry["route"]).is_empty();
    let name = text(&entry["name"]).unwrap_or_default();
    matches
        .iter()
        .map(|matched| {
            let name = match matched["name"].as_str() {
                Some(own) if !own.is_empty() => format!("{name}.{own}"),
                _ => name.clone(),
            };
            let path = path(&matched["uri"]);
            let written = written.clone().or_else(|| text(&entry["name"])).filter(|written| *written != name);
            let conditions = ["headers", "method", "queryParams", "scheme", "withoutHeaders", "authority"];
            Entry {
                maker: Maker::Istio,
                name: Some(name).filter(|name| !name.is_empty()).map(Name::whole),
                written,
                table: service.place(),
                hosts: strings(&service.spec()["hosts"]),
                is_conditional: conditions.iter().any(|name| !matched[name].is_null()),
                is_upgrade: is_upgrade(&matched["headers"]),
                leads,
                is_shut: path.written().is_some_and(is_impossible),
                path,
                enables: Vec::new(),
            }
        })
        .collect()
}

/// Whether no request has such a path: one with a fragment, which a gate puts where it is shut.
fn is_impossible(path: &str) -> bool {
    path.contains('#')
}

fn is_upgrade(headers: &Value) -> bool {
    headers.as_object().is_some_and(|headers| headers.keys().any(|name| name.eq_ignore_ascii_case("upgrade")))
}

fn path(uri: &Value) -> PathRule {
    if let Some(path) = text(&uri["exact"]) {
        return PathRule::Exact(path);
    }
    match text(&uri["prefix"]) {
        Some(prefix) if prefix == "/" => PathRule::Any,
        Some(prefix) => PathRule::Prefix(prefix),
        None if uri.is_null() => PathRule::Any,
        None => PathRule::Pattern,
    }
}

/// Returns an entry of a delegate as istiod puts it into the root's place; `None` if the root's matches leave nothing of it.
fn merged(root: &Value, own: &Value) -> Option<Value> {
    let (roots, owns) = (list(&root["match"]), list(&own["match"]));
    let pairs = owns.iter().flat_map(|own| roots.iter().filter_map(|root| both(root, own)));
    let matches: Vec<Value> = match (roots, owns) {
        ([], matches) | (matches, []) => matches.to_vec(),
        _ => pairs.collect(),
    };
    if matches.is_empty() && !(roots.is_empty() && owns.is_empty()) {
        return None;
    }
    let mut merged = own.clone();
    merged["match"] = matches.into();
    merged["name"] = joined(&root["name"], &own["name"]);
    Some(merged)
}

/// Returns a match of a delegate with what the root's says besides.
fn both(root: &Value, own: &Value) -> Option<Value> {
    if !root["uri"].is_null() && !own["uri"].is_null() && !path(&root["uri"]).meets(&path(&own["uri"])) {
        return None;
    }
    let mut both = root.as_object().cloned().unwrap_or_default();
    for (name, value) in own.as_object().into_iter().flatten() {
        both.insert(name.clone(), value.clone());
    }
    let (root_headers, own_headers) = (root["headers"].as_object(), own["headers"].as_object());
    let mut headers = root_headers.cloned().unwrap_or_default();
    headers.extend(own_headers.cloned().unwrap_or_default());
    if !headers.is_empty() {
        both.insert("headers".to_owned(), headers.into());
    }
    both.insert("name".to_owned(), joined(&root["name"], &own["name"]));
    Some(both.into())
}

/// Returns two names as istiod joins them.
fn joined(root: &Value, own: &Value) -> Value {
    match (root.as_str().unwrap_or_default(), own.as_str().unwrap_or_default()) {
        (name, "") | ("", name) => json!(name),
        (root, own) => json!(format!("{root}-{own}")),
    }
}

/// What stands for the entries of a delegate that is not in the files.
fn unknown(service: &Object, entry: &Value) -> Entry {
    let root = text(&entry["name"]).filter(|name| !name.is_empty());
    let name = root.map_or_else(|| Name::whole(String::new()), |root| Name::whole(format!("{root}-")));
    Entry {
        maker: Maker::Istio,
        name: Some(name.then_maybe(None, "the delegate's name")),
        written: None,
        table: service.place(),
        hosts: strings(&service.spec()["hosts"]),
        path: PathRule::Pattern,
        is_conditional: true,
        is_upgrade: false,
        leads: false,
        is_shut: false,
        enables: Vec::new(),
    }
}

/// Returns the routes of an Ingress, which have no names.
fn of_ingress(ingress: &Object) -> Vec<Entry> {
    let mut found = Vec::new();
    for rule in list(&ingress.spec()["rules"]) {
        for path in list(&rule["http"]["paths"]) {
            let own = path["path"].as_str().unwrap_or("/");
            let exact = path["pathType"] == "Exact";
            found.push(Entry {
                maker: Maker::Istio,
                name: None,
                written: None,
                table: ingress.place(),
                hosts: text(&rule["host"]).into_iter().collect(),
                path: if exact { PathRule::Exact(own.to_owned()) } else { PathRule::segments(own) },
                is_conditional: false,
                is_upgrade: false,
                leads: true,
                is_shut: false,
                enables: Vec::new(),
            });
        }
    }
    found
}

/// Returns the patches of an EnvoyFilter for routes.
fn patches(filter: &Object) -> impl Iterator<Item = &Value> {
    list(&filter.spec()["configPatches"]).iter().filter(|patch| patch["applyTo"] == "HTTP_ROUTE")
}

/// Returns the routes that an EnvoyFilter puts into tables.
fn inserted(filter: &Object) -> Vec<Entry> {
    let is_new = |patch: &&Value| {
        let operation = patch["patch"]["operation"].as_str().unwrap_or_default();
        operation == "ADD" || operation.starts_with("INSERT_")
    };
    patches(filter)
        .filter(is_new)
        .map(|patch| envoy::entry(&patch["patch"]["value"], &filter.place(), Maker::Istio))
        .collect()
}

/// Returns the names of the routes that an EnvoyFilter makes gates of.
fn gates(filter: &Object) -> Vec<String> {
    let is_gate = |patch: &&Value| {
        let states = field(field(&patch["patch"]["value"], "match"), "filter_state");
        list(states).iter().any(|state| state["key"].as_str().is_some_and(|key| key.starts_with(GATES)))
    };
    patches(filter)
        .filter(is_gate)
        .filter_map(|patch| text(&patch["match"]["routeConfiguration"]["vhost"]["route"]["name"]))
        .collect()
}
