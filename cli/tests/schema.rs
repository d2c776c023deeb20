//! The JSON Schema of the configuration: it is what the types say, takes all that the filter takes, and refuses what it can.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};
use twilio_proxy_wasm::config::Policy;
use twilio_webhook::plugin;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The schema that is shipped.
fn schema() -> Value {
    let text = fs::read_to_string(repository("docs/configuration.schema.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The schema, ready to judge.
struct Judge {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Judge {
    fn new() -> Judge {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("configuration.json", schema()).unwrap();
        let index = compiler.compile("configuration.json", &mut schemas).unwrap();
        Judge { schemas, index }
    }

    /// What is wrong; empty if it is valid.
    fn problems(&self, configuration: &Value) -> String {
        self.schemas
            .validate(configuration, self.index)
            .err()
            .map(|error| format!("{error:#}"))
            .unwrap_or_default()
    }
}

/// The files of a directory and those below it with this extension.
fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let (mut directories, mut files) = (vec![repository(directory)], Vec::new());
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|own| own == extension) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn takes(configuration: &Value) -> bool {
    let environment = |name: &str| (!name.is_empty()).then(|| b"test-token".to_vec());
    Policy::parse(configuration.to_string().as_bytes(), &environment).is_ok()
}

#[test]
fn the_schema_that_is_shipped_is_that_of_the_types() {
    let output = Command::new(env!("CARGO_BIN_EXE_twilio-webhook")).arg("schema").output().unwrap();
    assert!(output.status.success());
    let generated: Value = serde_json::from_slice(&output.stdout).unwrap();
    let remedy = "run: cargo run -p twilio-webhook -- schema >docs/configuration.schema.json";
    assert!(generated == schema(), "{remedy}");
}

#[test]
fn every_configuration_of_the_repository_is_valid() {
    let judge = Judge::new();
    let valid = |configuration: &Value, place: &Path| {
        let problems = judge.problems(configuration);
        assert!(problems.is_empty(), "{}: {problems}", place.display());
    };
    let mut read = 0;
    for path in files("tests/config/good", "json") {
        valid(&serde_json::from_slice(&fs::read(&path).unwrap()).unwrap(), &path);
        read += 1;
    }
    let directories = ["envoy", "docker", "deploy"].iter();
    for path in directories.flat_map(|directory| files(directory, "yaml")) {
        for found in plugin::read(std::slice::from_ref(&path)).unwrap_or_default() {
            valid(&serde_json::from_slice(&found.configuration).unwrap(), &path);
            read += 1;
        }
    }
    for path in files("docs", "md").into_iter().chain([repository("README.md")]) {
        let text = fs::read_to_string(&path).unwrap();
        for block in text.split("\n```json\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()) {
            valid(&serde_json::from_str(block).unwrap(), &path);
            read += 1;
        }
    }
    assert!(read >= 20, "{read}");
}

/// What cannot be said without a look at two places at once, at the environment, or at how a number is written.
const NOT_SAID: [&str; 6] = ["hidden_", "key_none", "key_unset", "key_variable_", "shadowed_", "twice_field"];
const NOT_SAID_EITHER: [&str; 5] = [
    "key_id_twice",
    "max_body_bytes_exponent",
    "max_body_bytes_whole_fraction",
    "route_name_twice",
    "url_original_path_header_two",
];

#[test]
fn every_bad_configuration_is_invalid_where_a_schema_can_say_so() {
    let judge = Judge::new();
    let mut said = 0;
    for path in files("tests/config/bad", "json") {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let Ok(configuration) = serde_json::from_slice(&fs::read(&path).unwrap()) else { continue };
        let is_sayable = !NOT_SAID.iter().any(|start| name.starts_with(start))
            && !NOT_SAID_EITHER.contains(&name.as_str());
        assert_eq!(!judge.problems(&configuration).is_empty(), is_sayable, "{name}");
        said += usize::from(is_sayable);
    }
    assert!(said > 90, "{said}");
}

#[test]
fn the_fields_are_those_that_are_read() {
    let schema = schema();
    let key = json!({ "env": "T" });
    let shared = json!({ "id": "a", "algorithm": "HMAC_SHA1", "env": "T" });
    let with = |pointer: &str| {
        let mut configuration = json!({
            "auth_tokens": [key], "shared_keys": [shared], "url": {},
            "routes": [{ "name": "a", "match": { "path": { "exact": "/" } } }],
        });
        configuration.pointer_mut(pointer).unwrap()["another"] = Value::Null;
        configuration
    };
    for (pointer, definition) in [
        ("", "/properties"),
        ("/url", "/definitions/Url/properties"),
        ("/auth_tokens/0", "/definitions/AuthToken/properties"),
        ("/shared_keys/0", "/definitions/SharedKey/properties"),
        ("/routes/0", "/definitions/Route/properties"),
        ("/routes/0/match", "/definitions/Match/properties"),
        ("/routes/0/match/path", "/definitions/Path/properties"),
    ] {
        let error = Policy::parse(with(pointer).to_string().as_bytes(), &|_| None).unwrap_err().to_string();
        let (_, names) = error.split_once("is not a field here; the fields are ").unwrap();
        let read: BTreeSet<String> = names.split(", ").map(str::to_owned).collect();
        let fields = schema.pointer(definition).unwrap().as_object().unwrap();
        assert_eq!(fields.keys().cloned().collect::<BTreeSet<_>>(), read, "{pointer}");
        assert!(fields.values().all(|field| field["description"].is_string()), "{pointer}");
    }
}

/// Every tree that differs from this one in one place, which holds this value.
fn edited(tree: &Value, value: &Value) -> Vec<Value> {
    let mut all = vec![value.clone()];
    match tree {
        Value::Object(fields) => {
            for name in fields.keys() {
                let inner = edited(&fields[name], value).into_iter().map(|inner| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), inner);
                    Value::Object(fields)
                });
                all.extend(inner);
            }
        }
        Value::Array(items) => {
            for index in 0..items.len() {
                let inner = edited(&items[index], value).into_iter().map(|inner| {
                    let mut items = items.clone();
                    items[index] = inner;
                    Value::Array(items)
                });
                all.extend(inner);
            }
        }
        _ => {}
    }
    all
}

#[test]
fn whatever_the_filter_takes_is_valid() {
    let judge = Judge::new();
    let mut taken = 0;
    for path in files("tests/config/good", "json") {
        let tree: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let values = [
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(1),
            json!(67_108_864),
            json!(-1),
            json!(1.5),
            json!(""),
            json!("a"),
            json!("X-A"),
            json!("x-a_b"),
            json!("/"),
            json!("/a;b%zz/\u{e9}\\"),
            json!("*.a"),
            json!("a."),
            json!("[::1]"),
            json!("*.[a b]."),
            json!("http://a"),
            json!("https://a:1/b\"<>|"),
            json!("\u{e9}"),
            json!([]),
            json!({}),
            json!(["a"]),
            json!([null]),
            json!("deny"),
            json!("off"),
            json!("buffer_after"),
            json!("HMAC_SHA1"),
        ];
        for edited in values.iter().flat_map(|value| edited(&tree, value)) {
            if takes(&edited) {
                let problems = judge.problems(&edited);
                assert!(problems.is_empty(), "{edited}: {problems}");
                taken += 1;
            }
        }
    }
    assert!(taken > 300, "{taken}");
}
