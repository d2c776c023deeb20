//! The gate: the way to the application is shut, and what opens it asks for the filter's verdict.

use serde_json::Value;
use twilio_proxy_wasm_harness::manifests;

use crate::agreement::configuration;
use crate::{OVERLAYS, is, of_kind};

/// What a proxy matches of the filter state, as each gate writes it.
const VERDICT: &str = "verdict=(allowed|reported) .*";
/// Paths that no request has once the proxy has decoded it, and has cut the fragment off.
const NEVER: [&str; 2] = ["/#twilio-verified", "/%2e%2e/twilio-verified"];

/// The matches that open the way: by the control plane's own means for patching routes.
fn openings(objects: &[Value]) -> Vec<&Value> {
    let patches = of_kind(objects, "EnvoyFilter")
        .flat_map(|filter| filter["spec"]["configPatches"].as_array().expect("patches"))
        .map(|patch| &patch["patch"]["value"]["match"]);
    let policies = of_kind(objects, "EnvoyPatchPolicy")
        .flat_map(|policy| policy["spec"]["jsonPatches"].as_array().expect("patches"))
        .map(|patch| &patch["operation"]["value"]);
    patches.chain(policies).filter(|matched| matched["filter_state"].is_array()).collect()
}

/// What the proxy calls the plugin, which is a part of the key that it writes its verdict to.
fn plugin_name(objects: &[Value]) -> String {
    if let Some(policy) = of_kind(objects, "EnvoyExtensionPolicy").next() {
        return policy["spec"]["wasm"][0]["name"].as_str().expect("a name").to_owned();
    }
    let plugin = |object: &&Value| {
        let kind = object["kind"].as_str().unwrap_or_default();
        ["WasmPlugin", "TrafficExtension"].contains(&kind)
            || object["spec"]["configPatches"][0]["applyTo"] == "EXTENSION_CONFIG"
    };
    let metadata = &objects.iter().find(plugin).expect("a plugin")["metadata"];
    let text = |name: &str| metadata[name].as_str().expect("text").to_owned();
    format!("{}.{}", text("namespace"), text("name"))
}

/// The path below which webhooks are, without a slash at its end.
fn path(matched: &Value) -> &str {
    let prefix = matched["prefix"].as_str().and_then(|prefix| prefix.strip_suffix('/'));
    prefix.or(matched["path_separated_prefix"].as_str()).expect("a path")
}

#[test]
fn the_way_opens_to_what_was_verified_alone() {
    for overlay in OVERLAYS {
        let objects = manifests::build(overlay);
        let openings = openings(&objects);
        // A sidecar has two virtual hosts for what comes in.
        assert_eq!(openings.len(), 1 + usize::from(is(overlay, "sidecar")), "{overlay}");
        for opening in openings {
            let [state] = opening["filter_state"].as_array().expect("states").as_slice() else {
                panic!("{overlay}: {opening}")
            };
            let key = state["key"].as_str().expect("a key");
            assert_eq!(key, format!("wasm.twilio_webhook.{}", plugin_name(&objects)), "{overlay}");
            assert_eq!(state["string_match"]["safe_regex"]["regex"], VERDICT, "{overlay}");
            assert_eq!(path(opening), "/twilio", "{overlay}");
        }
        assert_eq!(configuration(&objects)["clear_route_cache"], true, "{overlay}");
    }
}

/// Until it is opened, and whatever becomes of the rest, no route that a request can be on leads to the application.
#[test]
fn the_way_is_shut_by_itself() {
    for overlay in OVERLAYS {
        let objects = manifests::build(overlay);
        let mut open = 0;
        for route in of_kind(&objects, "VirtualService")
            .flat_map(|service| service["spec"]["http"].as_array().expect("routes"))
        {
            let leads_on = route["route"].is_array();
            assert_eq!(leads_on, route["name"] == "twilio-verified", "{overlay}");
            assert_eq!(!leads_on, route["directResponse"]["status"] == 403, "{overlay}");
            if leads_on {
                assert_eq!(route["match"][0]["uri"]["exact"], NEVER[0], "{overlay}");
                open += 1;
            } else {
                assert_eq!(route["match"][0]["uri"]["prefix"], "/twilio/", "{overlay}");
            }
        }
        for route in of_kind(&objects, "HTTPRoute") {
            let rule = &route["spec"]["rules"][0];
            let leads_on = rule["backendRefs"].is_array();
            assert_eq!(leads_on, route["metadata"]["name"] == "twilio-verified", "{overlay}");
            let path = &rule["matches"][0]["path"];
            if leads_on {
                assert_eq!((&path["type"], &path["value"]), (&"Exact".into(), &NEVER[1].into()), "{overlay}");
                open += 1;
            } else {
                assert_eq!(path["value"], "/twilio", "{overlay}");
            }
        }
        // What is in front of an application that is there already patches the way that there is.
        assert_eq!(open, usize::from(!is(overlay, "sidecar")), "{overlay}");
    }
}

/// Two installations on one gateway have nothing in common that Envoy knows by one name.
#[test]
fn a_filter_is_called_by_the_namespace_and_the_name_of_its_object() {
    for overlay in OVERLAYS {
        for filter in of_kind(&manifests::build(overlay), "EnvoyFilter") {
            let metadata = &filter["metadata"];
            let (namespace, name) = (metadata["namespace"].as_str(), metadata["name"].as_str());
            let expected = format!("{}.{}", namespace.expect("a namespace"), name.expect("a name"));
            for patch in filter["spec"]["configPatches"].as_array().expect("patches") {
                let value = &patch["patch"]["value"];
                let is_plugin =
                    patch["applyTo"] == "EXTENSION_CONFIG" || value["config_discovery"].is_object();
                if is_plugin {
                    assert_eq!(value["name"], expected.as_str(), "{overlay}");
                }
                if patch["applyTo"] == "EXTENSION_CONFIG" {
                    assert_eq!(value["typed_config"]["config"]["name"], expected.as_str(), "{overlay}");
                }
            }
        }
    }
}
