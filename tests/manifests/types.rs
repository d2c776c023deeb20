//! The published APIs, as npm has them for TypeScript: made from the CRDs, with every field and every rule but those in
//! CEL.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::manifests;
use twilio_proxy_wasm_harness::sample::repository;

use crate::{OVERLAYS, name_of};

/// What is wrong with these objects, a line each.
pub fn problems(inputs: &[Value]) -> String {
    let installed = Command::new(repository().join("tools/manifest-types")).output().expect("the script");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let directory = String::from_utf8(installed.stdout).expect("a path").trim().to_owned();
    let mut node = Command::new("node")
        .arg("check.js")
        .current_dir(&directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js");
    let input = Value::Array(inputs.to_vec()).to_string();
    node.stdin.take().expect("its input").write_all(input.as_bytes()).expect("to write it");
    let output = node.wait_with_output().expect("its output");
    assert!(output.status.success(), "Node.js failed");
    String::from_utf8(output.stdout).expect("text")
}

/// An object that a published API knows. No package has TrafficExtension yet: its plugin has the fields of a WasmPlugin,
/// and what is around it is listed here.
fn known(object: &Value) -> Value {
    if object["kind"] != "TrafficExtension" {
        return object.clone();
    }
    let mut plugin = object.clone();
    plugin["kind"] = json!("WasmPlugin");
    let spec = plugin["spec"].as_object_mut().expect("a specification");
    let Some(Value::Object(wasm)) = spec.remove("wasm") else { panic!("expected a plugin") };
    let around = ["selector", "targetRefs", "phase", "priority", "match"];
    assert!(spec.keys().all(|field| around.contains(&field.as_str())), "{spec:?}");
    assert!(wasm.keys().all(|field| !around.contains(&field.as_str())), "{wasm:?}");
    spec.extend(wasm);
    plugin
}

#[test]
fn every_object_is_of_its_published_api() {
    let mut inputs = Vec::new();
    for overlay in OVERLAYS {
        for object in manifests::build(overlay) {
            inputs.push(
                json!({ "where": format!("{overlay}: {}", name_of(&object)), "object": known(&object) }),
            );
        }
    }
    assert_eq!(problems(&inputs), "");
}

/// The judge is awake: a field that nobody knows, a word that is none of the listed ones, a list that is too long.
#[test]
fn an_object_that_is_not_of_its_api_is_told() {
    let plugin = |(index, spec): (usize, Value)| {
        let object = json!({
            "apiVersion": "extensions.istio.io/v1alpha1",
            "kind": "WasmPlugin",
            "metadata": { "name": "x" },
            "spec": spec,
        });
        json!({ "where": index.to_string(), "object": object })
    };
    let targets = vec![json!({ "kind": "Gateway", "name": "x" }); 17];
    let wrong = [
        json!({ "url": "oci://x", "configuration": {} }),
        json!({ "url": "oci://x", "phase": "FIRST" }),
        json!({ "url": "oci://x", "targetRefs": targets }),
    ];
    let told = problems(&wrong.into_iter().enumerate().map(plugin).collect::<Vec<_>>()).replace('"', "");
    for expected in [
        "0: Object literal may only specify known properties, and 'configuration' does not exist",
        "1: data/spec/phase must be equal to one of the allowed values",
        "2: data/spec/targetRefs must NOT have more than 16 items",
    ] {
        assert!(told.lines().any(|line| line.starts_with(expected)), "{expected:?} in:\n{told}");
    }
}
