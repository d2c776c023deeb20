//! What Envoy Gateway makes of the manifests in `deploy/envoy-gateway`.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use twilio_proxy_wasm_harness::manifests;

use super::xds::Generated;

const BUFFER: &str = "envoy.filters.http.buffer";
const WASM: &str = "envoy.filters.http.wasm";
const ROUTER: &str = "envoy.filters.http.router";

/// The proxy of a Gateway. `module_port` is where its own server hands out the module.
pub fn gateway(objects: &[Value], module: &[u8], module_port: u16) -> Generated {
    let of_kind =
        |kind: &str| objects.iter().filter(move |object| object["kind"] == kind).collect::<Vec<_>>();
    let (policy, buffer) = (of_kind("EnvoyExtensionPolicy")[0], of_kind("BackendTrafficPolicy")[0]);
    let proxy = &of_kind("EnvoyProxy")[0]["spec"];
    let limit = bytes(&buffer["spec"]["requestBuffer"]["limit"]);
    let wasm = wasm_filter(policy, module);
    // Routes with more headers to match come first.
    let mut routes = of_kind("HTTPRoute");
    routes.sort_by_key(|route| route["spec"]["rules"][0]["matches"][0]["headers"].is_null());
    let routes: Vec<Value> = routes.into_iter().map(|object| {
        let mut enabled = json!({});
        if targets(policy, object) {
            enabled[wasm["name"].as_str().unwrap()] =
                json!({ "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {} });
        }
        if targets(buffer, object) {
            enabled[BUFFER] = json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute",
                "buffer": { "max_request_bytes": limit },
            });
        }
        route(object, enabled)
    }).collect();
    let buffer_filter = json!({ "name": BUFFER, "disabled": true, "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
        "max_request_bytes": limit,
    }});
    let router = json!({ "name": ROUTER, "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        "suppress_envoy_headers": true,
    }});
    // Its default order: the buffer is number 12, plugins come from 200 on.
    let mut filters = vec![buffer_filter, wasm, router];
    for position in proxy["filterOrder"].as_array().into_iter().flatten() {
        put_after(&mut filters, &position["name"], &position["after"]);
    }
    let bootstrap = &proxy["bootstrap"];
    assert_eq!(bootstrap["type"], "Merge");
    let bootstrap = manifests::parse(bootstrap["value"].as_str().expect("text")).expect("YAML");
    Generated {
        listener: json!({ "per_connection_buffer_limit_bytes": 32_768 }),
        manager: json!({
            "use_remote_address": true,
            "normalize_path": true,
            "merge_slashes": true,
            "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
            "common_http_protocol_options": { "headers_with_underscores_action": "REJECT_REQUEST" },
            "http2_protocol_options": {
                "initial_stream_window_size": 65_536,
                "initial_connection_window_size": 1_048_576,
                "max_concurrent_streams": 100,
            },
            "server_header_transformation": "PASS_THROUGH",
        }),
        filters,
        extensions: Vec::new(),
        routes,
        clusters: vec![module_cluster(module_port)],
        stats: bootstrap[0]["stats_config"].clone(),
    }
}

/// The same with the plugin in a chain of filters that each of its routes brings along, for which one filter stands in the
/// place of the plugin: Envoy 1.39 and newer.
pub fn with_chains_of_routes(mut gateway: Generated) -> Generated {
    let kind = "type.googleapis.com/envoy.extensions.filters.http.filter_chain.v3.FilterChainConfig";
    let place = gateway.filters.iter().position(|filter| text(&filter["name"]).starts_with(WASM));
    let place = &mut gateway.filters[place.expect("the plugin")];
    let mut plugin = place.take();
    plugin.as_object_mut().expect("a filter").remove("disabled");
    *place = json!({ "name": WASM, "typed_config": { "@type": kind } });
    for route in &mut gateway.routes {
        let enabled = route["typed_per_filter_config"].as_object_mut().expect("what is enabled");
        if enabled.remove(text(&plugin["name"])).is_some() {
            let chain =
                json!({ "@type": format!("{kind}PerRoute"), "filter_chain": { "filters": [plugin] } });
            enabled.insert(WASM.to_owned(), chain);
        }
    }
    gateway
}

fn wasm_filter(policy: &Value, module: &[u8]) -> Value {
    let (namespace, name) = (text(&policy["metadata"]["namespace"]), text(&policy["metadata"]["name"]));
    let wasm = &policy["spec"]["wasm"][0];
    let id = format!("envoyextensionpolicy/{namespace}/{name}/wasm/0");
    let digest: String = Sha256::digest(module).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "name": format!("{WASM}/{id}"), "disabled": true, "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": wasm["name"],
            "fail_open": wasm["failOpen"],
            "vm_config": {
                "vm_id": id,
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "remote": {
                    "http_uri": {
                        "uri": format!("http://envoy-gateway:18002/{digest}.wasm"),
                        "cluster": "wasm_cluster",
                        "timeout": "10s",
                    },
                    "sha256": digest,
                }},
                "environment_variables": { "host_env_keys": wasm["env"]["hostKeys"] },
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": wasm["config"].to_string(),
            },
        },
    }})
}

fn route(object: &Value, enabled: Value) -> Value {
    let (metadata, spec) = (&object["metadata"], &object["spec"]);
    let matched = &spec["rules"][0]["matches"][0];
    assert_eq!(matched["path"]["type"], "PathPrefix");
    let host = text(&spec["hostnames"][0]).replace('.', "_");
    let mut route = json!({
        "name": format!("httproute/{}/{}/rule/0/match/0/{host}", text(&metadata["namespace"]), text(&metadata["name"])),
        "match": { "path_separated_prefix": matched["path"]["value"] },
        "route": { "cluster": "upstream", "upgrade_configs": [{ "upgrade_type": "websocket" }] },
        "typed_per_filter_config": enabled,
    });
    for header in matched["headers"].as_array().into_iter().flatten() {
        assert_eq!(header["type"], "RegularExpression");
        route["match"]["headers"] = json!([
            { "name": header["name"], "string_match": { "safe_regex": { "regex": header["value"] } } }
        ]);
    }
    route
}

/// Whether a policy is about this object.
fn targets(policy: &Value, object: &Value) -> bool {
    let targets = policy["spec"]["targetRefs"].as_array().expect("targets");
    targets
        .iter()
        .any(|target| target["kind"] == object["kind"] && target["name"] == object["metadata"]["name"])
}

/// Moves the filters of one kind behind those of another. A kind is the beginning of a name.
fn put_after(filters: &mut Vec<Value>, kind: &Value, after: &Value) {
    let is = |filter: &Value, kind: &Value| text(&filter["name"]).starts_with(text(kind));
    let from = filters.iter().position(|filter| is(filter, kind)).expect("a filter to move");
    let moved = filters.remove(from);
    let last = filters.iter().rposition(|filter| is(filter, after)).expect("a filter to move it behind");
    filters.insert(last + 1, moved);
}

fn module_cluster(port: u16) -> Value {
    let mut cluster = crate::site::cluster(port, twilio_proxy_wasm_harness::upstream::Protocol::Http1);
    cluster["name"] = json!("wasm_cluster");
    cluster["load_assignment"]["cluster_name"] = json!("wasm_cluster");
    cluster
}

/// A Kubernetes quantity of bytes.
fn bytes(quantity: &Value) -> u64 {
    let number = text(quantity).strip_suffix("Ki").expect("a quantity in Ki");
    number.parse::<u64>().expect("a whole number") * 1024
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a string, not {value}"))
}
