//! The manifests in `deploy/`: each is of its published API, they agree with one another, and the plugin reads what they
//! configure it with. What Envoy makes of them is seen in `tests/e2e/mesh.rs`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test fails at once"
)]

mod agreement;
mod gate;
mod probe;
mod tokens;
#[cfg(feature = "e2e")]
mod types;

use std::fs;
use std::process::Command;

use serde_json::Value;
use twilio_proxy_wasm_harness::manifests;
use twilio_proxy_wasm_harness::sample::repository;

/// What a user applies.
const OVERLAYS: [&str; 12] = [
    "deploy/istio/overlays/wasm-plugin",
    "deploy/istio/overlays/traffic-extension",
    "deploy/istio/overlays/tokens-from-file",
    "deploy/istio/overlays/envoy-filter",
    "deploy/istio/overlays/envoy-filter-tokens-from-file",
    "deploy/istio/overlays/gateway-api",
    "deploy/istio/overlays/shared-gateway",
    "deploy/istio/overlays/shared-gateway-tokens-from-file",
    "deploy/istio/overlays/sidecar",
    "deploy/istio/overlays/sidecar-tokens-from-file",
    "deploy/envoy-gateway/overlay",
    "deploy/envoy-gateway/shared-gateway",
];

/// What a user patches objects with that are there already.
const PATCHES: [&str; 5] = [
    "deploy/istio/overlays/shared-gateway/proxy-env.yaml",
    "deploy/istio/overlays/sidecar/proxy-env.yaml",
    "deploy/istio/overlays/shared-gateway-tokens-from-file/proxy-tokens.yaml",
    "deploy/istio/overlays/sidecar-tokens-from-file/proxy-tokens.yaml",
    "deploy/envoy-gateway/shared-gateway/proxy.yaml",
];

/// Whether an overlay is the one of this name, or the same with tokens from a file.
fn is(overlay: &str, name: &str) -> bool {
    overlay.strip_suffix("-tokens-from-file").unwrap_or(overlay).ends_with(name)
}

fn is_from_file(overlay: &str) -> bool {
    overlay.ends_with("tokens-from-file")
}

/// The overlay whose `kustomization.yaml` has what a user changes.
fn changed(overlay: &str) -> String {
    if !is_from_file(overlay) {
        return overlay.to_owned();
    }
    let kustomization = manifests::read(&format!("{overlay}/kustomization.yaml")).remove(0);
    let [base] = kustomization["resources"].as_array().expect("resources").as_slice() else {
        panic!("{overlay}: {kustomization}")
    };
    format!(
        "deploy/istio/overlays{}",
        base.as_str().and_then(|base| base.strip_prefix("..")).expect("a path")
    )
}

/// An object, in words.
fn name_of(object: &Value) -> String {
    format!("{} {}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
}

/// The objects of a kind.
fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

/// Calls `look` for every string in a value, with its path.
fn strings(value: &Value, path: &str, look: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::String(text) => look(path, text),
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(at, value)| strings(value, &format!("{path}/{at}"), look));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| strings(value, &format!("{path}/{name}"), look));
        }
        _ => {}
    }
}

#[test]
fn every_manifest_is_part_of_an_overlay() {
    let read: Vec<String> = OVERLAYS.iter().flat_map(|overlay| manifests::files(overlay)).collect();
    let listed = Command::new("find")
        .args(["deploy/istio", "deploy/envoy-gateway", "-name", "*.yaml"])
        .current_dir(repository())
        .output();
    let listed = String::from_utf8(listed.expect("find").stdout).expect("names");
    for file in listed.lines().filter(|file| !PATCHES.contains(file)) {
        assert!(read.iter().any(|name| name == file), "{file} is in no overlay");
    }
}

/// Kustomize itself, where it is installed, builds what these tests read.
#[test]
fn kustomize_builds_what_is_tested() {
    let mut built_by = None;
    for program in [&["kustomize", "build"], &["kubectl", "kustomize"]] {
        let is_there = Command::new(program[0]).arg(program[1]).arg("--help").output();
        if is_there.is_ok_and(|output| output.status.success()) {
            built_by = Some(program);
            break;
        }
    }
    let Some(program) = built_by else {
        eprintln!(
            "neither kustomize nor kubectl is here: the manifests were read by the tests' own reader alone"
        );
        return;
    };
    for overlay in OVERLAYS {
        let output = Command::new(program[0]).arg(program[1]).arg(overlay).current_dir(repository()).output();
        let output = output.expect("its output");
        assert!(output.status.success(), "{overlay}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        let mut theirs = manifests::parse(&text).expect("YAML");
        let mut ours = manifests::build(overlay);
        theirs.sort_by_key(name_of);
        ours.sort_by_key(name_of);
        assert_eq!(ours, theirs, "{overlay}");
    }
}

/// All that a user has to do is to change two values of one file. What may have to be changed besides is in that file too.
#[test]
fn a_user_changes_two_values_of_one_file() {
    for overlay in OVERLAYS {
        let name = format!("{}/kustomization.yaml", changed(overlay));
        let text = fs::read_to_string(repository().join(&name)).expect("the file");
        assert_eq!(text.matches("# CHANGE: ").count(), 2, "{name}");
        for other in manifests::files(overlay).iter().filter(|other| **other != name) {
            let text = fs::read_to_string(repository().join(other)).expect("the file");
            assert!(!text.contains("CHANGE"), "{other}");
        }
        let mut patched: Vec<String> = manifests::read(&name)[0]["patches"]
            .as_array()
            .expect("patches")
            .iter()
            .map(|patch| manifests::parse(patch["patch"].as_str().unwrap()).unwrap().remove(0))
            .flat_map(|operations| operations.as_array().unwrap().clone())
            .map(|operation| operation["path"].as_str().unwrap().to_owned())
            .collect();
        patched.sort();
        // Wherever one of these values stands, a patch puts it there.
        for object in manifests::build(overlay) {
            strings(&object, "", &mut |path, text| {
                let is_secret = path.ends_with("secretRef/name") || path.ends_with("secretKeyRef/name");
                let is_service = path.contains("/destination/host") || path.contains("/backendRefs/");
                let is_meant = text == "hooks.example.com" || text.contains("registry.example.com");
                if is_meant || is_secret || is_service {
                    let is_patched = patched.iter().any(|patch| path.starts_with(patch));
                    assert!(is_patched, "{overlay}: {path} is not patched");
                }
            });
        }
    }
}

#[test]
fn all_images_are_one() {
    let image = format!("registry.example.com/twilio-proxy-wasm:{}", env!("CARGO_PKG_VERSION"));
    for overlay in OVERLAYS {
        let mut images = Vec::new();
        for object in manifests::build(overlay) {
            strings(&object, "", &mut |path, text| {
                if path.ends_with("/url") || path.ends_with("/uri") {
                    images.push(text.trim_start_matches("oci://").to_owned());
                }
            });
        }
        assert_eq!(images, [image.as_str()], "{overlay}");
    }
}
