//! What a future version of Envoy Gateway may make of the manifests: nothing that any has made was written down yet.

use serde_json::{Value, json};

use super::xds::Generated;

const WASM: &str = "envoy.filters.http.wasm";

/// The same with the plugin in a chain of filters that each of its routes brings along, for which one filter stands in the
/// place of the plugin: Envoy 1.39 and newer.
pub fn with_chains_of_routes(mut gateway: Generated) -> Generated {
    let kind = "type.googleapis.com/envoy.extensions.filters.http.filter_chain.v3.FilterChainConfig";
    let place = gateway.filters.iter().position(|filter| text(&filter["name"]).starts_with(WASM));
    let place = &mut gateway.filters[place.expect("the plugin")];
    let mut plugin = place.take();
    plugin.as_object_mut().expect("a filter").remove("disabled");
    *place = json!({ "name": WASM, "typed_config": { "@type": kind } });
    for enabled in
        gateway.routes.iter_mut().filter_map(|route| route["typed_per_filter_config"].as_object_mut())
    {
        if enabled.remove(text(&plugin["name"])).is_some() {
            let chain =
                json!({ "@type": format!("{kind}PerRoute"), "filter_chain": { "filters": [plugin] } });
            enabled.insert(WASM.to_owned(), chain);
        }
    }
    gateway
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a string, not {value}"))
}
