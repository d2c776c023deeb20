//! The Kubernetes manifests of `deploy/`, as they would be applied.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::sample::repository;

/// The objects in a YAML file; `name` is its path from the root of the repository.
///
/// # Panics
/// When it cannot be read, or is not YAML.
pub fn read(name: &str) -> Vec<Value> {
    let path = repository().join(name);
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("expected the manifest {}: {error}", path.display()));
    parse(&text).unwrap_or_else(|error| panic!("expected YAML in {name}: {error}"))
}

/// The documents in a YAML text.
///
/// # Errors
/// When it is not YAML.
pub fn parse(text: &str) -> Result<Vec<Value>, serde_yaml_ng::Error> {
    serde_yaml_ng::Deserializer::from_str(text).map(Value::deserialize).collect()
}

/// What `kubectl apply -k` would apply of a directory with a `kustomization.yaml`.
///
/// Only what `deploy/` uses is known: `namespace`, `resources`, and `patches` that replace values that are there.
///
/// # Panics
/// When the directory uses anything else, or a patch matches nothing.
pub fn build(directory: &str) -> Vec<Value> {
    let name = format!("{directory}/kustomization.yaml");
    let kustomization = read(&name).remove(0);
    let mut objects = Vec::new();
    let fields = kustomization.as_object().unwrap_or_else(|| panic!("expected an object in {name}"));
    for field in fields.keys() {
        let known = ["apiVersion", "kind", "namespace", "resources", "patches"];
        assert!(known.contains(&field.as_str()), "{name}: {field} is not known here");
    }
    for resource in list(&kustomization["resources"]) {
        let path = normal(&format!("{directory}/{}", text(resource)));
        let is_directory = repository().join(&path).is_dir();
        objects.extend(if is_directory { build(&path) } else { read(&path) });
    }
    for patch in list(&kustomization["patches"]) {
        let target = &patch["target"];
        let is_meant = |object: &Value| {
            object["kind"] == target["kind"]
                && (target["name"].is_null() || object["metadata"]["name"] == target["name"])
        };
        let meant: Vec<&mut Value> = objects.iter_mut().filter(|object| is_meant(object)).collect();
        assert!(!meant.is_empty(), "{name}: no object is {target}");
        let operations = parse(text(&patch["patch"])).unwrap_or_else(|error| panic!("{name}: {error}"));
        for object in meant {
            list(&operations[0]).iter().for_each(|operation| replace(object, operation, &name));
        }
    }
    if let Some(namespace) = kustomization["namespace"].as_str() {
        objects.iter_mut().for_each(|object| object["metadata"]["namespace"] = namespace.into());
    }
    objects
}

/// The files that [`build`] reads of a directory, the `kustomization.yaml` itself among them.
///
/// # Panics
/// As [`build`] does.
pub fn files(directory: &str) -> Vec<String> {
    let name = format!("{directory}/kustomization.yaml");
    let mut files = Vec::new();
    for resource in list(&read(&name)[0]["resources"]) {
        let path = normal(&format!("{directory}/{}", text(resource)));
        let is_directory = repository().join(&path).is_dir();
        files.extend(if is_directory { self::files(&path) } else { vec![path] });
    }
    files.push(name);
    files
}

fn replace(object: &mut Value, operation: &Value, name: &str) {
    assert_eq!(operation["op"], "replace", "{name}: {operation}");
    let place = object.pointer_mut(text(&operation["path"]));
    *place.unwrap_or_else(|| panic!("{name}: nothing is at {operation}")) = operation["value"].clone();
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a string, not {value}"))
}

/// A path without `..`.
fn normal(path: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    for step in path.split('/') {
        match step {
            ".." => drop(steps.pop()),
            "." | "" => {}
            step => steps.push(step),
        }
    }
    Path::new(&steps.join("/")).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::{build, normal};

    #[test]
    fn an_overlay_is_its_base_with_what_it_patches() {
        let objects = build("deploy/istio/overlays/wasm-plugin");
        let kinds: Vec<_> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
        assert!(kinds.contains(&"WasmPlugin") && kinds.contains(&"EnvoyFilter"), "{kinds:?}");
        assert!(objects.iter().all(|object| object["metadata"]["namespace"] == "istio-ingress"));
    }

    #[test]
    fn a_path_is_followed_upwards() {
        assert_eq!(normal("deploy/a/../b/./c"), "deploy/b/c");
    }
}
