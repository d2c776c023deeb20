//! What reads keys for the filter on Istio's proxies: whether it stands before the filter, and is in their build.

use std::collections::BTreeSet;

use serde_json::Value;

use super::coverage::Checked;
use super::fault::{Fault, Level};
use super::filter_states::keys;
use super::patches::puts_filter;
use super::words::plain;
use super::written::items;
use crate::plugin::{Around, Command, Maker, Object, Written, written};

/// The filter that ends a chain.
const ROUTER: &str = "envoy.filters.http.router";

/// A patch of an EnvoyFilter that puts a filter into chains.
struct Patch<'a> {
    object: &'a Object,
    index: usize,
    patch: &'a Value,
}

impl Patch<'_> {
    fn operation(&self) -> &str {
        self.patch["patch"]["operation"].as_str().unwrap_or_default()
    }

    fn is_first(&self) -> bool {
        self.operation() == "INSERT_FIRST"
    }

    /// Whether it puts its filter behind all plugins.
    fn is_last(&self) -> bool {
        let by = &self.patch["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"];
        self.operation() == "ADD" || (!self.is_first() && by == ROUTER)
    }

    /// Whether it is applied after another one for certain. Where two objects have one priority, the older one is first.
    fn is_after(&self, other: &Self) -> bool {
        let priority = |patch: &Self| patch.object.spec()["priority"].as_i64().unwrap_or_default();
        if self.object.place() == other.object.place() {
            self.index > other.index
        } else {
            priority(self) > priority(other)
        }
    }
}

pub(super) fn faults(around: &Around, plugins: &[Checked<'_>], faults: &mut Vec<Fault>) {
    let own = plugins.iter().filter(|plugin| plugin.found.maker == Some(Maker::Istio));
    let keys: BTreeSet<&str> = own.flat_map(|plugin| keys(&plugin.policy)).collect();
    let filters = around.objects.iter().filter(|object| object.kind == "EnvoyFilter");
    let patches: Vec<Patch<'_>> = filters
        .flat_map(|object| {
            let patches = items(&object.spec()["configPatches"]);
            patches.map(move |(index, patch)| Patch { object, index, patch })
        })
        .filter(|patch| patch.patch["applyTo"] == "HTTP_FILTER")
        .collect();
    for reader in &patches {
        let read: Vec<Written> = written(&reader.patch["patch"]["value"])
            .into_iter()
            .filter(|written| keys.contains(written.key.as_str()))
            .collect();
        let mut says = |text: String| {
            let text = plain(&format!("configPatches[{}]: {text}", reader.index));
            faults.push(Fault { level: Level::Warning, place: plain(&reader.object.place()), text });
        };
        let Some(first) = read.first() else { continue };
        place(reader, &first.key, &patches, &mut says);
        let commands = || read.iter().flat_map(Written::commands);
        if let Some(command) = commands().find(Command::reads_keys) {
            says(format!(
                "Istio's own proxies are built without the formatter of %{}(...)%, and refuse what needs it; read the file by \
                 the script of deploy/istio/tokens-from-file, unless your proxies are of another build",
                command.name
            ));
        }
    }
}

/// Whether a reader stands before the filter.
fn place(reader: &Patch<'_>, key: &str, patches: &[Patch<'_>], says: &mut dyn FnMut(String)) {
    if reader.is_last() {
        says(format!(
            "{} puts what writes filter_state {key} behind the filter, for which there is no key then (unknown_key); use \
             INSERT_FIRST",
            reader.operation()
        ));
        return;
    }
    let plugins = patches.iter().filter(|patch| patch.is_first() && puts_filter(patch.patch, patch.object));
    let not_before = plugins.into_iter().find(|plugin| reader.is_first() && !reader.is_after(plugin));
    if let Some(plugin) = not_before {
        says(format!(
            "what writes filter_state {key} has to stand before the filter, which configPatches[{}] of {} puts first as well; \
             what is put first last stands first: give this EnvoyFilter a higher `priority`, or write this patch behind the \
             other one",
            plugin.index,
            plugin.object.place()
        ));
    }
}
