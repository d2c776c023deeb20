//! The routes that istiod and Envoy Gateway make of HTTPRoutes. Each calls them in its own way.

use serde_json::Value;

use super::entry::{Entry, GATES, Maker};
use super::name::Name;
use super::path::PathRule;
use crate::plugin::objects::Object;
use crate::plugin::place::{list, strings, text};

pub(super) fn entries(objects: &[Object]) -> Vec<Entry> {
    let gated = gates(objects);
    let routes = objects.iter().filter(|object| object.kind == "HTTPRoute");
    routes.flat_map(|route| of_route(route, &gated)).collect()
}

fn of_route(route: &Object, gated: &[String]) -> Vec<Entry> {
    let mut found = Vec::new();
    for (index, rule) in list(&route.spec()["rules"]).iter().enumerate() {
        let everything = [Value::Null];
        let matches = match list(&rule["matches"]) {
            [] => &everything[..],
            matches => matches,
        };
        for (number, matched) in matches.iter().enumerate() {
            let entry = entry(route, rule, matched);
            found.push(Entry { name: Some(by_istiod(route, rule, index)), ..entry.clone() });
            let hosts = strings(&route.spec()["hostnames"]);
            let hosts: Vec<Option<String>> =
                if hosts.is_empty() { vec![None] } else { hosts.into_iter().map(Some).collect() };
            for host in hosts {
                found.push(Entry {
                    maker: Maker::EnvoyGateway,
                    name: Some(by_envoy_gateway(route, index, number, host.as_deref())),
                    ..entry.clone()
                });
            }
        }
    }
    for entry in &mut found {
        let is_gated = |name: &Name| gated.iter().any(|gated| name.may_be(gated));
        let is_patched = entry.maker == Maker::EnvoyGateway
            && gated.iter().any(|gated| gated.split('/').any(|part| part == route.name));
        entry.is_shut |= is_patched || entry.name.as_ref().is_some_and(is_gated);
    }
    found
}

fn entry(route: &Object, rule: &Value, matched: &Value) -> Entry {
    let headers = list(&matched["headers"]);
    let is_upgrade = headers
        .iter()
        .any(|header| header["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("upgrade")));
    let path = path(&matched["path"]);
    Entry {
        maker: Maker::Istio,
        name: None,
        written: Some(route.name.clone()),
        table: route.place(),
        hosts: strings(&route.spec()["hostnames"]),
        is_conditional: ["headers", "method", "queryParams"].iter().any(|name| !matched[name].is_null()),
        is_upgrade,
        leads: !list(&rule["backendRefs"]).is_empty(),
        // An escape that a proxy decodes before it looks for a route: no request has such a path.
        is_shut: path.written().is_some_and(|path| path.contains('%')),
        path,
        enables: Vec::new(),
    }
}

fn path(path: &Value) -> PathRule {
    let value = path["value"].as_str().unwrap_or("/");
    match path["type"].as_str() {
        Some("Exact") => PathRule::Exact(value.to_owned()),
        Some("RegularExpression") => PathRule::Pattern,
        _ => PathRule::segments(value),
    }
}

/// `<namespace>.<name>.<index of the rule>`, or the rule's own name.
fn by_istiod(route: &Object, rule: &Value, index: usize) -> Name {
    match text(&rule["name"]) {
        Some(name) => Name::whole(name),
        None => Name::in_namespace(route.namespace.as_deref(), &format!(".{}.{index}", route.name)),
    }
}

/// `httproute/<namespace>/<name>/rule/<index>/match/<index>/<host, with _ for dots>`
fn by_envoy_gateway(route: &Object, index: usize, number: usize, host: Option<&str>) -> Name {
    Name::whole("httproute/".to_owned())
        .then_maybe(route.namespace.as_deref(), "namespace")
        .then(&format!("/{}/rule/{index}/match/{number}/", route.name))
        .then_maybe(host.map(|host| host.replace('.', "_")).as_deref(), "host")
}

/// Returns the names, or the patterns of names, of the routes that objects make gates of.
fn gates(objects: &[Object]) -> Vec<String> {
    let mut found = Vec::new();
    for object in objects {
        let patches = match object.kind.as_str() {
            "EnvoyFilter" => list(&object.spec()["configPatches"]),
            "EnvoyPatchPolicy" => list(&object.spec()["jsonPatches"]),
            _ => continue,
        };
        for patch in patches.iter().filter(|patch| patch.to_string().contains(GATES)) {
            found.extend(text(&patch["match"]["routeConfiguration"]["vhost"]["route"]["name"]));
            found.extend(text(&patch["operation"]["jsonPath"]));
        }
    }
    found
}
