//! A configuration as it is written.

use serde_json::Value;

use crate::plugin::Found;

/// Returns the configuration as it is written; null if it is no JSON.
pub(super) fn written(found: &Found) -> Value {
    serde_json::from_slice(&found.configuration).unwrap_or_default()
}

/// Returns the top of the configuration and its routes, each with the path to its fields: nothing, or `routes[0].`.
pub(crate) fn holders(written: &Value) -> impl Iterator<Item = (String, &Value)> {
    let routes = written["routes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let routes = routes.iter().enumerate().map(|(index, route)| (format!("routes[{index}]."), route));
    std::iter::once((String::new(), written)).chain(routes)
}

/// Returns the items of a list, each with its index; none if it is no list.
pub(super) fn items(list: &Value) -> impl Iterator<Item = (usize, &Value)> {
    list.as_array().into_iter().flatten().enumerate()
}
