//! What the manifests of one overlay say of the same thing.

use serde_json::Value;
use twilio_proxy_wasm::config::{Hold, Mode};
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm_harness::manifests;

use crate::{OVERLAYS, is, is_from_file, of_kind, strings};

/// A plugin as some object configures it.
struct Plugin {
    /// The configuration, as JSON text.
    configuration: String,
    /// The variables of the proxy that it may read.
    variables: Vec<String>,
    /// Whether it may stop requests at their headers.
    may_stop: bool,
    fails_closed: bool,
}

/// The strings of a list, if there is one.
fn names(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|name| name.as_str().unwrap().to_owned()).collect()
}

pub fn configuration(objects: &[Value]) -> Value {
    serde_json::from_str(&plugin(objects).configuration).expect("JSON")
}

fn plugin(objects: &[Value]) -> Plugin {
    let of_istio = |wasm: &Value| Plugin {
        configuration: wasm["pluginConfig"].to_string(),
        variables: wasm["vmConfig"]["env"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|variable| variable["name"].as_str().unwrap().to_owned())
            .collect(),
        may_stop: false,
        fails_closed: wasm["failStrategy"] != "FAIL_OPEN",
    };
    let found = objects.iter().find_map(|object| match object["kind"].as_str()? {
        "WasmPlugin" => Some(of_istio(&object["spec"])),
        "TrafficExtension" => Some(of_istio(&object["spec"]["wasm"])),
        "EnvoyExtensionPolicy" => {
            let wasm = &object["spec"]["wasm"][0];
            Some(Plugin {
                configuration: wasm["config"].to_string(),
                variables: names(&wasm["env"]["hostKeys"]),
                may_stop: false,
                fails_closed: wasm["failOpen"] == false,
            })
        }
        "EnvoyFilter" => {
            let patches = object["spec"]["configPatches"].as_array()?;
            let patch = patches.iter().find(|patch| patch["applyTo"] == "EXTENSION_CONFIG")?;
            let config = &patch["patch"]["value"]["typed_config"]["config"];
            Some(Plugin {
                // A plugin gets a `Struct` as JSON.
                configuration: config["configuration"]["value"].to_string(),
                variables: names(&config["vm_config"]["environment_variables"]["host_env_keys"]),
                may_stop: config["allow_on_headers_stop_iteration"] == true,
                fails_closed: config["failure_policy"] == "FAIL_RELOAD",
            })
        }
        _ => None,
    });
    found.expect("a plugin")
}

#[test]
fn every_plugin_reads_its_configuration_and_fails_closed() {
    for overlay in OVERLAYS {
        let plugin = plugin(&manifests::build(overlay));
        // Only the variables that the proxy hands on are there.
        let environment =
            |name: &str| plugin.variables.iter().any(|known| known == name).then(|| b"token".to_vec());
        let policy = Policy::parse(plugin.configuration.as_bytes(), &environment)
            .unwrap_or_else(|error| panic!("{overlay}: {error}"));
        assert_eq!(policy.hold() == Hold::OwnStop, plugin.may_stop, "{overlay}");
        assert_eq!(policy.routes()[0].mode(), Mode::Enforce, "{overlay}");
        // Written, so that `kubectl apply` and `kubectl patch` mean the same field.
        assert_eq!(configuration(&manifests::build(overlay))["mode"], "enforce", "{overlay}");
        assert_eq!(policy.routes().len(), 1, "{overlay}");
        assert!(plugin.fails_closed, "{overlay}");
    }
}

/// The guides begin with `mode: report` beside `hold`.
#[test]
fn every_plugin_can_be_told_to_report() {
    for overlay in OVERLAYS {
        let mut configuration: Value =
            serde_json::from_str(&plugin(&manifests::build(overlay)).configuration).expect("JSON");
        configuration["mode"] = "report".into();
        let policy = Policy::parse(configuration.to_string().as_bytes(), &|_| Some(b"token".to_vec()));
        assert_eq!(policy.expect("a policy").routes()[0].mode(), Mode::Report, "{overlay}");
    }
}

#[test]
fn the_proxies_have_the_variables_that_their_plugins_read() {
    for overlay in OVERLAYS {
        let objects = manifests::build(overlay);
        let all = ["TWILIO_AUTH_TOKEN", "TWILIO_AUTH_TOKEN_NEXT"];
        let wanted = if is_from_file(overlay) { &[][..] } else { &all };
        assert_eq!(plugin(&objects).variables, wanted, "{overlay}");
        for proxy in of_kind(&objects, "EnvoyProxy") {
            let container = &proxy["spec"]["provider"]["kubernetes"]["envoyDeployment"]["container"];
            for (variable, name) in
                container["env"].as_array().unwrap().iter().zip(plugin(&objects).variables)
            {
                assert_eq!(variable["name"], name.as_str());
                assert_eq!(variable["valueFrom"]["secretKeyRef"]["key"], name.as_str());
            }
        }
    }
}

#[test]
fn a_plugin_names_the_routes_that_there_are() {
    for overlay in OVERLAYS {
        let objects = manifests::build(overlay);
        let configuration: Value = serde_json::from_str(&plugin(&objects).configuration).expect("JSON");
        let named = &configuration["routes"][0]["match"]["route_names"];
        let mut there: Vec<String> = of_kind(&objects, "VirtualService")
            .flat_map(|service| service["spec"]["http"].as_array().expect("routes"))
            .map(|route| route["name"].as_str().expect("a name").to_owned())
            .filter(|name| name != "twilio-verified")
            .collect();
        if is(overlay, "gateway-api") {
            let text = |value: &Value| value.as_str().expect("a name").to_owned();
            let name = |route: &Value| {
                let metadata = &route["metadata"];
                format!("{}.{}.0", text(&metadata["namespace"]), text(&metadata["name"]))
            };
            there.extend(of_kind(&objects, "HTTPRoute").map(name).filter(|name| !name.contains("verified")));
        }
        if !there.is_empty() {
            there.sort();
            if is(overlay, "shared-gateway") {
                // Names are not to be relied on where others change routes too.
                assert!(named.is_null(), "{overlay}");
                assert_eq!(configuration["unmatched"], "allow", "{overlay}");
            } else {
                let mut named = names(named);
                named.sort();
                assert_eq!(named, there, "{overlay}");
                // Only webhooks come to this gateway, so that a name that is wrong here is seen at once.
                assert_eq!(configuration["unmatched"], "deny", "{overlay}");
            }
            there.retain(|name| !name.contains("websocket"));
            // Where the plugin holds a request itself, the whole listener has room for its body.
            if !is(overlay, "envoy-filter") {
                assert_eq!(buffered(&objects), there, "{overlay}");
            }
        }
        for policy in of_kind(&objects, "EnvoyExtensionPolicy") {
            let targets = policy["spec"]["targetRefs"].as_array().unwrap();
            let targets: Vec<&Value> = targets.iter().map(|target| &target["name"]).collect();
            let routes: Vec<&Value> = of_kind(&objects, "HTTPRoute")
                .map(|route| &route["metadata"]["name"])
                .filter(|name| *name != "twilio-verified")
                .collect();
            assert_eq!(targets, routes, "{overlay}");
        }
    }
}

/// The routes that an EnvoyFilter gives room for a body.
fn buffered(objects: &[Value]) -> Vec<&str> {
    of_kind(objects, "EnvoyFilter")
        .flat_map(|filter| filter["spec"]["configPatches"].as_array().expect("patches"))
        .filter(|patch| {
            let value = &patch["patch"]["value"];
            value["typed_per_filter_config"].is_object()
        })
        .map(|patch| &patch["match"]["routeConfiguration"]["vhost"]["route"]["name"])
        .map(|name| name.as_str().expect("a name"))
        .collect()
}

/// What is about the Gateway names it, and its pods get the variables.
#[test]
fn everything_is_about_the_one_gateway() {
    let objects = manifests::build("deploy/istio/overlays/gateway-api");
    let one = |kind| {
        let mut found = of_kind(&objects, kind);
        let object = found.next().unwrap_or_else(|| panic!("expected a {kind}"));
        assert!(found.next().is_none(), "{kind}");
        object
    };
    let gateway = one("Gateway");
    let name = &gateway["metadata"]["name"];
    for kind in ["WasmPlugin", "Telemetry"] {
        let target = &one(kind)["spec"]["targetRefs"][0];
        assert_eq!((&target["kind"], &target["name"]), (&"Gateway".into(), name), "{kind}");
    }
    for route in of_kind(&objects, "HTTPRoute") {
        assert_eq!(route["spec"]["parentRefs"][0]["name"], *name);
    }
    for filter in of_kind(&objects, "EnvoyFilter") {
        let labels = &filter["spec"]["workloadSelector"]["labels"];
        assert_eq!(labels["gateway.networking.k8s.io/gateway-name"], *name);
    }
    let parameters = one("ConfigMap");
    let reference = &gateway["spec"]["infrastructure"]["parametersRef"];
    assert_eq!(
        (&reference["kind"], &reference["name"]),
        (&"ConfigMap".into(), &parameters["metadata"]["name"])
    );
    let patch = manifests::parse(parameters["data"]["deployment"].as_str().expect("YAML")).expect("YAML");
    let container = &patch[0]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["name"], "istio-proxy");
    assert_eq!(container["envFrom"][0]["secretRef"]["name"], "twilio-webhook");
}

/// Everything that selects pods selects those of the one gateway.
#[test]
fn selectors_meet_the_labels_of_the_gateway() {
    let others = ["gateway-api", "shared-gateway", "sidecar", "envoy-gateway"];
    for overlay in OVERLAYS.iter().filter(|overlay| others.iter().all(|other| !overlay.contains(other))) {
        let objects = manifests::build(overlay);
        let mut found = 0;
        for object in &objects {
            strings(object, "", &mut |path, text| {
                if path.ends_with("/istio") {
                    assert_eq!(text, "twilio-gateway", "{overlay}: {path}");
                    found += 1;
                }
            });
        }
        assert!(found >= 5, "{overlay}: {found}");
    }
}

/// What holds a body back has room for all that the plugin takes.
#[test]
fn buffers_are_larger_than_the_largest_body() {
    for overlay in OVERLAYS {
        let objects = manifests::build(overlay);
        let configuration: Value = serde_json::from_str(&plugin(&objects).configuration).expect("JSON");
        let most = configuration["max_body_bytes"].as_u64().expect("a limit");
        assert_eq!(most, 262_144, "{overlay}");
        let mut rooms = Vec::new();
        for filter in of_kind(&objects, "EnvoyFilter") {
            for patch in filter["spec"]["configPatches"].as_array().unwrap() {
                let value = &patch["patch"]["value"];
                let buffer = &value["typed_per_filter_config"]["envoy.filters.http.buffer"]["buffer"];
                rooms.extend(buffer["max_request_bytes"].as_u64());
                rooms.extend(value["per_connection_buffer_limit_bytes"].as_u64());
            }
        }
        for policy in of_kind(&objects, "BackendTrafficPolicy") {
            let limit = policy["spec"]["requestBuffer"]["limit"].as_str().unwrap();
            rooms.push(limit.strip_suffix("Ki").unwrap().parse::<u64>().unwrap().saturating_mul(1024));
        }
        assert_eq!(rooms.len(), usize::from(!overlay.contains("sidecar")), "{overlay}");
        assert!(rooms.iter().all(|room| *room > most), "{overlay}: {rooms:?}");
    }
}
