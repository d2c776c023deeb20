//! The roll-out that the guides describe, with the commands that they have: report first, enforce later.

use std::fs;
use std::time::Instant;

use serde_json::Value;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::sample::repository;
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::xds::{Generated, Mesh, start};
use super::{ENVOY_GATEWAY, ModuleServer, SOON, WASM_PLUGIN, istio};
use crate::site::Site;
use crate::webhook::{FORM_BODY, PARAMS, denied, form, passes, send, signature, still_serves};

/// What the guide has `kubectl patch` change, in order.
fn patches(guide: &str) -> Vec<Value> {
    let text = fs::read_to_string(repository().join(guide)).expect("the guide");
    let patches = text.lines().filter_map(|line| line.split("-p '").nth(1)?.strip_suffix('\''));
    patches.map(|patch| serde_json::from_str(patch).expect("JSON")).collect()
}

/// What the API server makes of an object and a patch of it.
fn patch(object: &mut Value, change: &Value) {
    match change {
        // JSON Patch
        Value::Array(operations) => {
            for operation in operations {
                assert_eq!(operation["op"], "add");
                let (parent, name) =
                    operation["path"].as_str().expect("a path").rsplit_once('/').expect("a name");
                object.pointer_mut(parent).expect("an object")[name] = operation["value"].clone();
            }
        }
        // JSON Merge Patch
        Value::Object(members) => members.iter().for_each(|(name, value)| patch(&mut object[name], value)),
        value => *object = value.clone(),
    }
}

/// Sends this until an update has come through.
fn until(site: &Site, signature: &str, status: u16) {
    let started = Instant::now();
    let request = form("/hook/a").header("x-twilio-signature", signature);
    while send(site, Protocol::Http1, &request).status != status {
        assert!(started.elapsed() < SOON, "expected {status}\n{}", site.envoy.log());
    }
}

fn rolls_out(guide: &str, kind: &str, mut objects: Vec<Value>, generate: &dyn Fn(&[Value]) -> Generated) {
    let patches = patches(guide);
    assert_eq!(patches.len(), 2, "{guide}");
    let binary = versions().pop().expect("an Envoy");
    let Mesh { site, control } = start(&binary, &generate(&objects), Protocol::Http2);
    let of_another = signature("/hook/other", &PARAMS);
    let forged = form("/hook/a").header("x-twilio-signature", &of_another);
    denied(&site, Protocol::Http1, &forged, 403, "signature_mismatch");
    for (change, status) in patches.iter().zip([200, 403]) {
        patch(objects.iter_mut().find(|object| object["kind"] == kind).expect("the plugin"), change);
        control.publish_plugin(&generate(&objects));
        until(&site, &of_another, status);
        if status == 200 {
            let before = site.count("reported", "signature_mismatch");
            passes(&site, Protocol::Http2, &forged, FORM_BODY.as_bytes());
            assert_eq!(site.count("reported", "signature_mismatch"), before + 1);
        } else {
            denied(&site, Protocol::Http2, &forged, 403, "signature_mismatch");
        }
        still_serves(&site);
    }
}

#[test]
fn the_roll_out_of_the_guide_for_istio() {
    rolls_out("docs/istio.md", "WasmPlugin", istio::objects(WASM_PLUGIN), &istio::gateway);
}

#[test]
fn the_roll_out_of_the_guide_for_envoy_gateway() {
    let server = ModuleServer::start();
    let objects = istio::objects(ENVOY_GATEWAY);
    rolls_out("docs/envoy-gateway.md", "EnvoyExtensionPolicy", objects, &|objects| server.gateway(objects));
}
