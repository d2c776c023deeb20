//! Patches that stand beside a plugin: the gate, the buffer, and the filter's own place in the chain.

use serde_json::Value;

use super::coverage::Checked;
use super::fault::{Fault, Level};
use super::near::did_you_mean;
use super::words::{or_hidden, plain};
use crate::plugin::{Around, Entry, Maker, Name, Object, PathRule, written};

/// What the keys of all gates begin with.
const GATES: &str = "wasm.twilio_webhook.";

pub(super) fn faults(around: &Around, plugins: &[Checked<'_>], faults: &mut Vec<Fault>) {
    for object in &around.objects {
        let mut says = |level, text: String| {
            faults.push(Fault { level, place: plain(&object.place()), text: plain(&text) });
        };
        match object.kind.as_str() {
            "EnvoyFilter" => {
                for (index, patch) in list(&object.spec()["configPatches"]).iter().enumerate() {
                    let at = format!("configPatches[{index}]");
                    route(&at, patch, &around.entries, &mut says);
                    place(&at, patch, object, &mut says);
                    discovered(&at, patch, &around.objects, &mut says);
                    gate(&at, &patch["patch"]["value"], plugins, Maker::Istio, &mut says);
                }
            }
            "EnvoyPatchPolicy" => {
                for (index, patch) in list(&object.spec()["jsonPatches"]).iter().enumerate() {
                    let at = format!("jsonPatches[{index}]");
                    patched_route(&at, patch, &around.objects, &mut says);
                    resource(&at, patch, &around.objects, &mut says);
                    gate(&at, &patch["operation"]["value"], plugins, Maker::EnvoyGateway, &mut says);
                }
            }
            _ => {}
        }
    }
}

type Says<'a> = &'a mut dyn FnMut(Level, String);

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The route that a patch changes.
fn route(at: &str, patch: &Value, entries: &[Entry], says: Says<'_>) {
    let Some(name) = patch["match"]["routeConfiguration"]["vhost"]["route"]["name"].as_str() else { return };
    let names: Vec<String> = entries
        .iter()
        .filter(|entry| entry.maker == Maker::Istio)
        .filter_map(|entry| entry.name.as_ref())
        .map(ToString::to_string)
        .collect();
    let is_there = |entry: &Entry| {
        entry.maker == Maker::Istio && entry.name.as_ref().is_some_and(|own| own.may_be(name))
    };
    if !names.is_empty() && name != "default" && !entries.iter().any(is_there) {
        let near = did_you_mean(name, names.iter().map(String::as_str));
        says(
            Level::Warning,
            format!("{at}: the files have no route {}: nothing is patched{near}", or_hidden(name)),
        );
    }
}

/// Where in the chain of filters a patch puts the filter, or the buffer that holds requests for it.
fn place(at: &str, patch: &Value, object: &Object, says: Says<'_>) {
    if patch["applyTo"] != "HTTP_FILTER" {
        return;
    }
    let (operation, value) =
        (patch["patch"]["operation"].as_str().unwrap_or_default(), &patch["patch"]["value"]);
    let by =
        patch["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"].as_str().unwrap_or_default();
    let is_buffer = value.to_string().contains("filters.http.buffer.v3.Buffer");
    let is_filter = puts_filter(patch, object);
    let is_last = operation == "ADD" || (operation == "INSERT_AFTER" && by == "envoy.filters.http.router");
    if (is_filter || is_buffer) && is_last {
        let what = if is_filter { "the filter" } else { "the buffer" };
        says(
            Level::Error,
            format!(
                "{at}: {operation} puts {what} behind envoy.filters.http.router, which ends the chain: the proxy refuses that; \
                 use INSERT_BEFORE and the router, or INSERT_FIRST"
            ),
        );
    } else if is_buffer && operation == "INSERT_FIRST" {
        says(
            Level::Warning,
            format!(
                "{at}: INSERT_FIRST puts the buffer before the filter, where it holds nothing back for it; use INSERT_BEFORE \
                 and envoy.filters.http.router"
            ),
        );
    }
}

/// Whether a patch for filters is for the filter, configured in it or elsewhere in its object.
pub(super) fn puts_filter(patch: &Value, object: &Object) -> bool {
    let value = &patch["patch"]["value"];
    is_ours(value)
        || list(&object.spec()["configPatches"]).iter().any(|other| {
            other["applyTo"] == "EXTENSION_CONFIG"
                && other["patch"]["value"]["name"] == value["name"]
                && is_ours(&other["patch"]["value"])
        })
}

/// The configuration that a filter waits for, by its name.
fn discovered(at: &str, patch: &Value, objects: &[Object], says: Says<'_>) {
    let value = &patch["patch"]["value"];
    let name = value["name"].as_str().unwrap_or_default();
    if patch["applyTo"] != "HTTP_FILTER" || value["config_discovery"].is_null() {
        return;
    }
    let patches = objects.iter().filter(|object| object.kind == "EnvoyFilter");
    let names: Vec<&str> = patches
        .flat_map(|object| list(&object.spec()["configPatches"]))
        .filter(|patch| patch["applyTo"] == "EXTENSION_CONFIG")
        .filter_map(|patch| patch["patch"]["value"]["name"].as_str())
        .collect();
    if !names.is_empty() && !names.contains(&name) {
        let near = did_you_mean(name, names);
        says(
            Level::Warning,
            format!(
                "{at}: the filter waits for the configuration {}, which no EXTENSION_CONFIG of the files has: the listener \
                 does not come up{near}",
                or_hidden(name)
            ),
        );
    }
}

fn is_ours(value: &Value) -> bool {
    let text = value.to_string();
    // What reads keys for it names them too.
    ["auth_tokens", "shared_keys"].iter().any(|field| text.contains(field)) && written(value).is_empty()
}

/// The plugin whose verdict a gate asks for, and the paths that it opens for.
fn gate(at: &str, value: &Value, plugins: &[Checked<'_>], maker: Maker, says: Says<'_>) {
    let own: Vec<(&Checked<'_>, &Name)> = plugins
        .iter()
        .filter(|plugin| plugin.found.maker == Some(maker))
        .filter_map(|plugin| Some((plugin, plugin.found.gate.as_ref()?)))
        .collect();
    let states = list(&value["match"]["filter_state"]).iter().chain(list(&value["filter_state"]));
    for key in states.filter_map(|state| state["key"].as_str()) {
        let Some(name) = key.strip_prefix(GATES).filter(|_| !own.is_empty()) else { continue };
        let Some((plugin, _)) = own.iter().find(|(_, own)| own.may_be(name)) else {
            let keys: Vec<String> =
                own.iter().map(|(_, name)| format!("{GATES}{}", or_hidden(&name.to_string()))).collect();
            says(
                Level::Warning,
                format!(
                    "{at}: the gate asks for filter state {GATES}{}, which no plugin of the files writes: it stays shut; write {}",
                    or_hidden(name),
                    keys.join(" or ")
                ),
            );
            continue;
        };
        let matches = if value["match"].is_object() { &value["match"] } else { value };
        let rule = PathRule::of_envoy(matches);
        let guarded: Vec<&Entry> =
            plugin.entries().into_iter().filter(|entry| !entry.is_shut && plugin.covers(entry)).collect();
        if !guarded.is_empty() && !guarded.iter().any(|entry| rule.meets(&entry.path)) {
            let paths = guarded.iter().filter_map(|entry| entry.path.written());
            let written = rule.written().unwrap_or_default();
            let near =
                did_you_mean(written.trim_end_matches('/'), paths.map(|path| path.trim_end_matches('/')));
            says(
                Level::Warning,
                format!(
                    "{at}: the gate opens for {}, which is on no route that the plugin verifies: nothing passes{near}",
                    or_hidden(written)
                ),
            );
        }
    }
}

/// The HTTPRoute whose routes a patch of Envoy Gateway's changes.
fn patched_route(at: &str, patch: &Value, objects: &[Object], says: Says<'_>) {
    let path = patch["operation"]["jsonPath"].as_str().unwrap_or_default();
    let Some((_, rest)) = path.split_once("httproute/") else { return };
    let mut parts = rest.split('/');
    let (Some(namespace), Some(name)) = (parts.next(), parts.next()) else { return };
    let routes: Vec<&Object> = objects.iter().filter(|object| object.kind == "HTTPRoute").collect();
    let is_it = |route: &&Object| route.name == name && route.may_be_in(Some(namespace));
    if !routes.is_empty() && !routes.iter().any(is_it) {
        let names: Vec<String> = routes
            .iter()
            .map(|route| format!("{}/{}", route.namespace.as_deref().unwrap_or(namespace), route.name))
            .collect();
        let own = format!("{namespace}/{name}");
        let near = did_you_mean(&own, names.iter().map(String::as_str));
        says(
            Level::Warning,
            format!("{at}: the files have no HTTPRoute {}: nothing is patched{near}", or_hidden(&own)),
        );
    }
}

/// The listener that a patch of Envoy Gateway's is for: `<namespace>/<Gateway>/<listener>`.
fn resource(at: &str, patch: &Value, objects: &[Object], says: Says<'_>) {
    let name = patch["name"].as_str().unwrap_or_default();
    let gateways = objects.iter().filter(|object| {
        object.kind == "Gateway"
            && object.document["apiVersion"]
                .as_str()
                .is_some_and(|version| version.starts_with("gateway.networking"))
    });
    let mut names = Vec::new();
    for gateway in gateways {
        let own = name.split('/').next().unwrap_or_default();
        let namespace = gateway.namespace.as_deref().unwrap_or(own);
        for listener in
            list(&gateway.spec()["listeners"]).iter().filter_map(|listener| listener["name"].as_str())
        {
            names.push(format!("{namespace}/{}/{listener}", gateway.name));
        }
    }
    if !names.is_empty() && !names.iter().any(|other| other == name) {
        let near = did_you_mean(name, names.iter().map(String::as_str));
        says(
            Level::Warning,
            format!("{at}: no Gateway of the files makes {}: nothing is patched{near}", or_hidden(name)),
        );
    }
}
