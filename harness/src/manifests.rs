//! The Kubernetes manifests of `deploy/`, as they would be applied.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::sample::repository;

/// Reads the objects in a YAML file; `name` is its path from the root of the repository.
///
/// # Panics
/// When it cannot be read, or is not YAML.
pub fn read(name: &str) -> Vec<Value> {
    let path = repository().join(name);
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("expected the manifest {}: {error}", path.display()));
    parse(&text).unwrap_or_else(|error| panic!("expected YAML in {name}: {error}"))
}

/// Reads the documents in a YAML text.
///
/// # Errors
/// When it is not YAML.
pub fn parse(text: &str) -> Result<Vec<Value>, serde_yaml_ng::Error> {
    serde_yaml_ng::Deserializer::from_str(text).map(Value::deserialize).collect()
}

/// Returns what `kubectl apply -k` would apply of a directory with a `kustomization.yaml`.
///
/// Only what `deploy/` uses is known: `namespace`, `resources`, `components`, and `patches` and `replacements` of what is there.
///
/// # Panics
/// When the directory uses anything else, or a patch matches nothing. One of a component may, since it is for several.
pub fn build(directory: &str) -> Vec<Value> {
    let mut objects = Vec::new();
    let kustomization = kustomization(directory);
    accumulate(directory, &kustomization, &mut objects);
    if let Some(namespace) = kustomization["namespace"].as_str() {
        for object in &mut objects {
            object["metadata"]["namespace"] = namespace.into();
            // As Kustomize does where an account is one of these objects, and has no other namespace.
            let subjects = object.get_mut("subjects").and_then(Value::as_array_mut);
            subjects.into_iter().flatten().for_each(|subject| subject["namespace"] = namespace.into());
        }
    }
    for replacement in list(&kustomization["replacements"]) {
        replace(&mut objects, replacement);
    }
    objects
}

fn kustomization(directory: &str) -> Value {
    let name = format!("{directory}/kustomization.yaml");
    let kustomization = read(&name).remove(0);
    let fields = kustomization.as_object().unwrap_or_else(|| panic!("expected an object in {name}"));
    for field in fields.keys() {
        let known = ["apiVersion", "kind", "namespace", "resources", "components", "patches", "replacements"];
        assert!(known.contains(&field.as_str()), "{name}: {field} is not known here");
    }
    kustomization
}

/// Puts to the objects what a directory has besides, and patches them.
fn accumulate(directory: &str, kustomization: &Value, objects: &mut Vec<Value>) {
    for resource in list(&kustomization["resources"]) {
        let path = normal(&format!("{directory}/{}", text(resource)));
        let is_directory = repository().join(&path).is_dir();
        objects.extend(if is_directory { build(&path) } else { read(&path) });
    }
    for component in list(&kustomization["components"]) {
        let path = normal(&format!("{directory}/{}", text(component)));
        accumulate(&path, &self::kustomization(&path), objects);
    }
    for patch in list(&kustomization["patches"]) {
        let target = &patch["target"];
        let meant: Vec<&mut Value> = objects.iter_mut().filter(|object| is_meant(object, target)).collect();
        let is_component = kustomization["kind"] == "Component";
        assert!(is_component || !meant.is_empty(), "{directory}: no object is {target}");
        let operations = parse(text(&patch["patch"])).unwrap_or_else(|error| panic!("{directory}: {error}"));
        for object in meant {
            list(&operations[0]).iter().for_each(|operation| change(object, operation, directory));
        }
    }
}

fn is_meant(object: &Value, target: &Value) -> bool {
    object["kind"] == target["kind"]
        && (target["name"].is_null() || object["metadata"]["name"] == target["name"])
}

/// Returns the files that [`build`] reads of a directory, the `kustomization.yaml` itself among them.
///
/// # Panics
/// As [`build`] does.
pub fn files(directory: &str) -> Vec<String> {
    let name = format!("{directory}/kustomization.yaml");
    let mut files = Vec::new();
    let kustomization = kustomization(directory);
    for resource in list(&kustomization["resources"]).iter().chain(list(&kustomization["components"])) {
        let path = normal(&format!("{directory}/{}", text(resource)));
        let is_directory = repository().join(&path).is_dir();
        files.extend(if is_directory { self::files(&path) } else { vec![path] });
    }
    files.push(name);
    files
}

fn change(object: &mut Value, operation: &Value, name: &str) {
    let path = text(&operation["path"]);
    let value = operation["value"].clone();
    if operation["op"] == "replace" {
        let place = object.pointer_mut(path);
        *place.unwrap_or_else(|| panic!("{name}: nothing is at {operation}")) = value;
        return;
    }
    let (parent, field) = path.rsplit_once('/').unwrap_or_default();
    let fields = object.pointer_mut(parent).and_then(Value::as_object_mut);
    let fields = fields.unwrap_or_else(|| panic!("{name}: nothing is at {operation}"));
    let is_done = match text(&operation["op"]) {
        "add" => fields.insert(field.to_owned(), value).is_none(),
        "remove" => fields.remove(field).is_some(),
        _ => false,
    };
    assert!(is_done, "{name}: {operation}");
}

/// Writes a value of one object to others.
fn replace(objects: &mut [Value], replacement: &Value) {
    let pointer = |path: &Value| format!("/{}", text(path).replace('.', "/"));
    let source = &replacement["source"];
    let from = objects.iter().find(|object| is_meant(object, source));
    let value = from.and_then(|object| object.pointer(&pointer(&source["fieldPath"]))).cloned();
    let value = value.unwrap_or_else(|| panic!("nothing is at {source}"));
    for target in list(&replacement["targets"]) {
        for object in objects.iter_mut().filter(|object| is_meant(object, &target["select"])) {
            for path in list(&target["fieldPaths"]) {
                let place = object.pointer_mut(&pointer(path));
                *place.unwrap_or_else(|| panic!("nothing is at {target}")) = value.clone();
            }
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a string, not {value}"))
}

/// Returns a path without `..`.
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
