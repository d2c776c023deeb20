//! Tokens from a file: what reads it stands before the plugin, which takes them from there, and the proxies have the file.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::manifests;

use crate::agreement::configuration;
use crate::{OVERLAYS, changed, is, is_from_file, name_of, of_kind};

const KEY: &str = "twilio.auth_tokens";
const DIRECTORY: &str = "/etc/envoy/twilio";

/// What reads the tokens, and the other objects.
fn split(objects: Vec<Value>) -> (Value, Vec<Value>) {
    let (mut own, others): (Vec<_>, Vec<_>) =
        objects.into_iter().partition(|object| name_of(object) == "EnvoyFilter twilio-webhook-tokens");
    assert_eq!(own.len(), 1);
    (own.remove(0), others)
}

fn is_plugin(name: &str) -> bool {
    ["TrafficExtension twilio-webhook", "WasmPlugin twilio-webhook", "EnvoyFilter twilio-webhook"]
        .contains(&name)
}

/// Which proxies an object is for: their labels, and which way of theirs.
fn place(object: &Value) -> (&Value, &Value) {
    let spec = &object["spec"];
    let patch = &spec["configPatches"][0];
    let labels = [&spec["workloadSelector"]["labels"], &spec["selector"]["matchLabels"]];
    (labels.into_iter().find(|labels| labels.is_object()).expect("labels"), &patch["match"]["context"])
}

#[test]
fn what_reads_the_file_is_where_the_plugin_is_and_before_it() {
    for overlay in OVERLAYS.into_iter().filter(|overlay| is_from_file(overlay)) {
        let (reader, others) = split(manifests::build(overlay));
        let plugin = others.iter().find(|object| is_plugin(&name_of(object))).expect("a plugin");
        let (labels, context) = place(&reader);
        assert_eq!(*labels, *place(plugin).0, "{overlay}");
        let expected = if is(overlay, "sidecar") { "SIDECAR_INBOUND" } else { "GATEWAY" };
        assert_eq!(*context, expected, "{overlay}");
        assert_eq!(reader["metadata"]["namespace"], plugin["metadata"]["namespace"], "{overlay}");
        // Of patches that put something first, the last one wins. These are the only ones that have an order.
        assert_eq!(reader["spec"]["configPatches"][0]["patch"]["operation"], "INSERT_FIRST");
        assert_eq!(reader["spec"]["priority"], 10);
        assert!(others.iter().all(|object| object["spec"]["priority"].is_null()), "{overlay}");
        // The plugin asks for what is written, and reads nothing else.
        let script = reader["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]["default_source_code"]
            ["inline_string"]
            .as_str()
            .expect("a script");
        assert!(script.contains(&format!("states:set({KEY:?}, \"envoy.string\", text)")), "{script}");
        assert!(script.contains(&format!("io.open(\"{DIRECTORY}/auth_tokens\", \"rb\")")), "{script}");
        assert_eq!(configuration(&others)["auth_tokens"], json!([{ "filter_state": KEY }]), "{overlay}");
    }
}

/// A template of a pod whose proxy has the Secret as a directory, which changes with it, and not as variables.
fn has_the_file(template: &Value) {
    let pod = &template["spec"];
    let [container] = pod["containers"].as_array().expect("containers").as_slice() else { panic!("{pod}") };
    assert_eq!(container["name"], "istio-proxy");
    let mount = json!({ "name": "twilio-webhook", "mountPath": DIRECTORY, "readOnly": true });
    assert_eq!(container["volumeMounts"], json!([mount]));
    let volume = json!({ "name": "twilio-webhook", "secret": { "secretName": "twilio-webhook" } });
    assert_eq!(pod["volumes"], json!([volume]));
    assert!(container["envFrom"].is_null());
}

#[test]
fn the_proxies_have_the_file() {
    for overlay in OVERLAYS.into_iter().filter(|overlay| is_from_file(overlay)) {
        let objects = manifests::build(overlay);
        let mut deployments: Vec<Value> = of_kind(&objects, "Deployment").cloned().collect();
        // Where the proxies are there already, a patch for them is beside the overlay, in the place of the base's.
        if deployments.is_empty() {
            let patch = manifests::read(&format!("{overlay}/proxy-tokens.yaml")).remove(0);
            let mut without = patch.clone();
            let pod = &mut without["spec"]["template"]["spec"];
            pod.as_object_mut().expect("a pod").remove("volumes");
            let container = pod["containers"][0].as_object_mut().expect("a container");
            container.remove("volumeMounts");
            container.insert("envFrom".to_owned(), json!([{ "secretRef": { "name": "twilio-webhook" } }]));
            assert_eq!(manifests::read(&format!("{}/proxy-env.yaml", changed(overlay))), [without]);
            deployments.push(patch);
        }
        assert_eq!(deployments.len(), 1, "{overlay}");
        has_the_file(&deployments[0]["spec"]["template"]);
    }
}

#[test]
fn all_else_is_as_in_the_overlay_that_reads_variables() {
    let names = |objects: &[Value]| objects.iter().map(name_of).collect::<Vec<_>>();
    for overlay in OVERLAYS.into_iter().filter(|overlay| is_from_file(overlay)) {
        let (_, with) = split(manifests::build(overlay));
        let without = manifests::build(&changed(overlay));
        assert_eq!(names(&with), names(&without), "{overlay}");
        let differ: Vec<String> =
            with.iter().zip(&without).filter(|(one, two)| one != two).map(|(one, _)| name_of(one)).collect();
        let is_expected = |name: &String| is_plugin(name) || name == "Deployment twilio-gateway";
        assert!(!differ.is_empty() && differ.iter().all(is_expected), "{overlay}: {differ:?}");
    }
}
