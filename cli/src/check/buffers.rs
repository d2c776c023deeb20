//! Whether the buffers of control planes hold back what is verified: `hold: buffer_after`.

use serde_json::Value;
use twilio_proxy_wasm::config::Hold;

use super::around::is_enforced;
use super::coverage::Checked;
use super::fault::Level::Warning;
use super::fault::Says;
use super::words::or_hidden;
use crate::plugin::{Entry, Maker, Object};

const BUFFER: &str = "envoy.filters.http.buffer";

pub(super) fn faults(plugin: &Checked<'_>, says: Says<'_>) {
    if plugin.policy.hold() != Hold::BufferAfter || !is_enforced(&plugin.policy) {
        return;
    }
    match plugin.found.maker {
        Some(Maker::Istio) => by_patches(plugin, says),
        Some(Maker::EnvoyGateway) => by_policies(plugin, says),
        _ => {}
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The routes that the plugin verifies and whose requests may have bodies.
fn verified<'a>(plugin: &'a Checked<'_>) -> impl Iterator<Item = &'a Entry> {
    let entries = plugin.entries().into_iter();
    entries.filter(|entry| !entry.is_upgrade && !entry.is_shut && plugin.covers(entry))
}

/// EnvoyFilters that put a buffer into the chain, switched off, and switch it on for routes by their names.
fn by_patches(plugin: &Checked<'_>, says: Says<'_>) {
    let patches: Vec<&Value> = plugin
        .found
        .around
        .objects
        .iter()
        .filter(|object| object.kind == "EnvoyFilter")
        .flat_map(|object| list(&object.spec()["configPatches"]))
        .collect();
    let is_buffer = |patch: &&&Value| {
        patch["applyTo"] == "HTTP_FILTER" && patch.to_string().contains("filters.http.buffer.v3.Buffer")
    };
    let buffers: Vec<&&Value> = patches.iter().filter(is_buffer).collect();
    if buffers.is_empty() || buffers.iter().any(|patch| patch["patch"]["value"]["disabled"] != true) {
        return;
    }
    let on: Vec<&Value> = patches
        .iter()
        .filter(|patch| !patch["patch"]["value"]["typed_per_filter_config"][BUFFER].is_null())
        .map(|patch| &patch["match"]["routeConfiguration"]["vhost"]["route"]["name"])
        .collect();
    let is_on = |entry: &Entry| {
        on.iter().any(|name| match name.as_str() {
            Some(name) => entry.name.as_ref().is_some_and(|own| own.may_be(name)),
            None => true,
        })
    };
    let held: Vec<(usize, &Entry)> = verified(plugin).enumerate().filter(|(_, entry)| is_on(entry)).collect();
    // Behind one that is held and has no conditions, a wider route gets none of its requests.
    let is_behind = |position: usize, entry: &Entry| {
        held.iter().any(|(other, own)| {
            let is_first = own.table != entry.table || *other < position;
            is_first && !own.is_conditional && own.path != entry.path && own.path.is_as_exact_as(&entry.path)
        })
    };
    let open = verified(plugin).enumerate();
    for (_, entry) in open.filter(|(position, entry)| !is_on(entry) && !is_behind(*position, entry)) {
        let name = entry.name.as_ref().map_or_else(|| "without a name".to_owned(), ToString::to_string);
        says(
            Warning,
            format!(
                "hold is buffer_after, and no patch switches the buffer on for route {} of {}: each request with a body is \
                 answered 500 there",
                or_hidden(&name),
                entry.table
            ),
        );
    }
}

/// BackendTrafficPolicies with a `requestBuffer`, and the place of the buffer that they make.
fn by_policies(plugin: &Checked<'_>, says: Says<'_>) {
    let objects = &plugin.found.around.objects;
    let of_kind = |kind: &'static str| objects.iter().filter(move |object| object.kind == kind);
    let buffers: Vec<&Object> =
        of_kind("BackendTrafficPolicy").filter(|object| !object.spec()["requestBuffer"].is_null()).collect();
    if buffers.is_empty() {
        return;
    }
    let targets: Vec<&Value> = buffers
        .iter()
        .flat_map(|object| {
            list(&object.spec()["targetRefs"]).iter().chain(std::iter::once(&object.spec()["targetRef"]))
        })
        .collect();
    let is_held = |entry: &Entry| {
        targets.iter().any(|target| {
            target["kind"] == "Gateway"
                || target["name"].as_str().is_some_and(|name| entry.table == format!("HTTPRoute {name}"))
        })
    };
    let mut open: Vec<&str> = verified(plugin)
        .filter(|entry| plugin.is_on(entry) && !is_held(entry))
        .map(|entry| entry.table.as_str())
        .collect();
    open.dedup();
    for table in open {
        says(
            Warning,
            format!(
                "hold is buffer_after, and no BackendTrafficPolicy with a requestBuffer is for {}: each request with a body is \
                 answered 500 there",
                or_hidden(table)
            ),
        );
    }
    let puts_buffer_behind = |order: &Value| {
        let is = |value: &Value, name: &str| value.as_str().is_some_and(|text| text.starts_with(name));
        (order["name"] == BUFFER && is(&order["after"], "envoy.filters.http.wasm"))
            || (is(&order["name"], "envoy.filters.http.wasm") && order["before"] == BUFFER)
    };
    let mut proxies = of_kind("EnvoyProxy").peekable();
    let is_given = proxies.peek().is_some();
    if is_given && !proxies.any(|proxy| list(&proxy.spec()["filterOrder"]).iter().any(puts_buffer_behind)) {
        says(
            Warning,
            "Envoy Gateway puts the buffer before the filter, where it holds nothing back for it: give the EnvoyProxy a \
             filterOrder with envoy.filters.http.buffer after envoy.filters.http.wasm"
                .to_owned(),
        );
    }
}
