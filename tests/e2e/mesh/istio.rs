//! What istiod and istio-agent make of the manifests in `deploy/istio`.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::manifests;
use twilio_proxy_wasm_harness::sample::module;

use super::gateway_api;
use super::xds::Generated;
use crate::site::merge;

const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const RBAC: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";

/// The objects of an overlay, with the tests' own paths in its routes.
pub fn objects(overlay: &str) -> Vec<Value> {
    let mut objects = manifests::build(overlay);
    objects.iter_mut().for_each(use_our_paths);
    objects
}

fn use_our_paths(value: &mut Value) {
    match value {
        Value::String(text) if text == "/twilio" || text == "/twilio/" => {
            *text = text.replace("twilio", "hook")
        }
        Value::Array(values) => values.iter_mut().for_each(use_our_paths),
        Value::Object(fields) => fields.values_mut().for_each(use_our_paths),
        _ => {}
    }
}

/// The proxy of a gateway.
pub fn gateway(objects: &[Value]) -> Generated {
    let routes = objects.iter().filter(|object| object["kind"] == "VirtualService").flat_map(|service| {
        service["spec"]["http"].as_array().expect("routes").iter().map(route).collect::<Vec<_>>()
    });
    let mut generated = Generated {
        manager: manager(true),
        filters: ["grpc_stats", "fault", "cors", "router"].map(own_filter).into(),
        routes: routes.chain(gateway_api::routes(objects)).collect(),
        ..base(objects)
    };
    for object in objects {
        let spec = &object["spec"];
        match object["kind"].as_str().expect("a kind") {
            "WasmPlugin" => add_plugin(&mut generated, object, "wasmplugin", spec, spec),
            "TrafficExtension" => {
                add_plugin(&mut generated, object, "trafficextension", spec, &spec["wasm"]);
            }
            "EnvoyFilter" => patch(&mut generated, spec, "GATEWAY"),
            _ => {}
        }
    }
    agent(&mut generated);
    generated
}

/// The same gateway with `connectionSettings` of the profile `EDGE`.
pub fn at_the_edge(mut gateway: Generated) -> Generated {
    gateway.listener["per_connection_buffer_limit_bytes"] = json!(32_768);
    let edge = json!({
        "common_http_protocol_options": { "headers_with_underscores_action": "REJECT_REQUEST" },
        "http2_protocol_options": {
            "initial_stream_window_size": 65_536,
            "initial_connection_window_size": 1_048_576,
            "max_concurrent_streams": 100,
        },
        "merge_slashes": true,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "stream_idle_timeout": "300s",
        "request_timeout": "300s",
        "request_headers_timeout": "60s",
    });
    merge(&mut gateway.manager, edge);
    gateway
}

/// The proxy of an application: what comes in has one route, whatever it is.
pub fn sidecar(objects: &[Value]) -> Generated {
    let mut generated = Generated {
        manager: manager(false),
        filters: ["grpc_stats", "fault", "cors", "router"].map(own_filter).into(),
        routes: vec![json!({ "name": "default", "match": { "prefix": "/" },
            "route": { "cluster": "upstream", "timeout": "0s" } })],
        ..base(objects)
    };
    for object in objects.iter().filter(|object| object["kind"] == "EnvoyFilter") {
        patch(&mut generated, &object["spec"], "SIDECAR_INBOUND");
    }
    agent(&mut generated);
    generated
}

/// What is the same for all proxies of the mesh. The labels of counters come from the pods' annotation.
fn base(objects: &[Value]) -> Generated {
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment");
    let deployment = deployment
        .cloned()
        .or_else(|| gateway_api::deployment(objects))
        .unwrap_or_else(|| manifests::read("deploy/istio/overlays/sidecar/proxy-env.yaml").remove(0));
    let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
    let config = annotations["proxy.istio.io/config"].as_str().expect("the proxy's configuration");
    let config = manifests::parse(config).expect("YAML").remove(0);
    let tags = config["extraStatTags"].as_array().expect("tags").iter().map(|tag| {
        let tag = tag.as_str().expect("a name");
        json!({ "tag_name": tag, "regex": format!(r"({tag}=\.=(.*?);\.;)") })
    });
    let kept = ["cluster_manager", "listener_manager", "server", "wasm", "component"];
    let stats = json!({
        "use_all_default_tags": false,
        "stats_tags": tags.collect::<Vec<_>>(),
        "stats_matcher": { "inclusion_list": { "patterns":
            kept.iter().map(|prefix| json!({ "prefix": prefix })).collect::<Vec<_>>() }},
    });
    Generated { listener: json!({}), stats, ..Generated::default() }
}

fn manager(is_gateway: bool) -> Value {
    json!({
        "use_remote_address": is_gateway,
        "normalize_path": true,
        "proxy_100_continue": true,
        "stream_idle_timeout": "0s",
        "upgrade_configs": [{ "upgrade_type": "websocket" }],
    })
}

fn own_filter(name: &str) -> Value {
    let kind = match name {
        "grpc_stats" => "grpc_stats.v3.FilterConfig",
        "fault" => "fault.v3.HTTPFault",
        "cors" => "cors.v3.Cors",
        _ => "router.v3.Router",
    };
    json!({
        "name": format!("envoy.filters.http.{name}"),
        "typed_config": { "@type": format!("type.googleapis.com/envoy.extensions.filters.http.{kind}") },
    })
}

fn route(http: &Value) -> Value {
    let matched = http["match"].as_array().expect("a match");
    assert_eq!(matched.len(), 1, "each match of several has a route of its own");
    let header = |(name, by): (&String, &Value)| json!({ "name": name, "string_match": { "safe_regex": { "regex": by["regex"] } } });
    let headers =
        matched[0]["headers"].as_object().map(|headers| headers.iter().map(header).collect::<Vec<_>>());
    let mut route = json!({
        "name": http["name"],
        "match": { "prefix": matched[0]["uri"]["prefix"], "case_sensitive": true },
        "route": { "cluster": "upstream", "timeout": "0s" },
    });
    if let Some(headers) = headers {
        route["match"]["headers"] = json!(headers);
    }
    route
}

/// A plugin in phase AUTHN comes first; what it is to be is discovered.
fn add_plugin(generated: &mut Generated, object: &Value, kind: &str, spec: &Value, wasm: &Value) {
    assert_eq!(spec["phase"], "AUTHN");
    let (namespace, name) = (&object["metadata"]["namespace"], &object["metadata"]["name"]);
    let name = format!("{}.{}", namespace.as_str().expect("a namespace"), name.as_str().expect("a name"));
    let resource = format!("extensions.istio.io/{kind}/{name}");
    let host = |variable: &Value| {
        assert_eq!(variable["valueFrom"], "HOST");
        variable["name"].clone()
    };
    let variables = wasm["vmConfig"]["env"].as_array().expect("variables").iter().map(host);
    let policy = match wasm["failStrategy"].as_str() {
        Some("FAIL_CLOSE") | None => "FAIL_CLOSED",
        Some(other) => other,
    };
    generated.filters.insert(
        0,
        json!({ "name": resource, "config_discovery": {
            "config_source": { "ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3" },
            "type_urls": [WASM, RBAC],
        }}),
    );
    generated.extensions.push(json!({ "name": resource, "typed_config": { "@type": WASM, "config": {
        "name": name,
        "failure_policy": policy,
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "remote": { "http_uri": { "uri": wasm["url"], "cluster": "_", "timeout": "30s" } } },
            "environment_variables": {
                "host_env_keys": variables.collect::<Vec<_>>(),
                "key_values": { "ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION": "1" },
            },
        },
        "configuration": {
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": wasm["pluginConfig"].to_string(),
        },
    }}}));
}

/// What an EnvoyFilter asks for.
fn patch(generated: &mut Generated, spec: &Value, context: &str) {
    for patch in spec["configPatches"].as_array().expect("patches") {
        let (matched, change) = (&patch["match"], &patch["patch"]);
        assert_eq!(matched["context"], context);
        let value = change["value"].clone();
        let filter = &matched["listener"]["filterChain"]["filter"];
        match (patch["applyTo"].as_str().unwrap(), change["operation"].as_str().unwrap()) {
            ("EXTENSION_CONFIG", "ADD") => generated.extensions.push(value),
            ("HTTP_FILTER", "INSERT_FIRST") => {
                assert_eq!(filter["name"], "envoy.filters.network.http_connection_manager");
                generated.filters.insert(0, value);
            }
            ("HTTP_FILTER", "INSERT_BEFORE") => {
                let before = &filter["subFilter"]["name"];
                let place = generated.filters.iter().position(|filter| filter["name"] == *before);
                generated.filters.insert(place.expect("the filter to insert before"), value);
            }
            ("HTTP_ROUTE", "MERGE") => {
                let name = &matched["routeConfiguration"]["vhost"]["route"]["name"];
                let route = generated.routes.iter_mut().find(|route| route["name"] == *name);
                merge(route.expect("the route to patch"), value);
            }
            ("LISTENER", "MERGE") => merge(&mut generated.listener, value),
            other => panic!("{other:?} is not known here"),
        }
    }
}

/// istio-agent stands between: it fetches the module, and takes its own variables out.
fn agent(generated: &mut Generated) {
    let vm = &mut generated.plugin()["vm_config"];
    let uri = vm["code"]["remote"]["http_uri"]["uri"].as_str().expect("a URI");
    assert!(uri.starts_with("oci://registry.example.com/twilio-proxy-wasm:"), "{uri}");
    vm["code"] = json!({ "local": { "filename": module() } });
    if let Some(variables) = vm["environment_variables"].as_object_mut() {
        variables.remove("key_values");
    }
}
