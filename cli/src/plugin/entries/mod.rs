//! The routes of proxies, as the files of Envoy make them, and as control planes make them of theirs: what they are called
//! by, and which requests they are for.

mod entry;
mod envoy;
mod gateway_api;
mod istio;
mod name;
mod path;

use serde_json::Value;

use super::objects::Object;
pub use entry::{Entry, Maker};
pub use name::Name;
pub use path::PathRule;

pub(super) use envoy::of_table;

/// Returns the routes of files: of Envoy's tables first, then of objects, each in the order that it has there.
pub(super) fn entries(documents: &[Value], objects: &[Object]) -> Vec<Entry> {
    let mut entries = envoy::entries(documents);
    entries.extend(istio::entries(objects));
    entries.extend(gateway_api::entries(objects));
    entries
}
