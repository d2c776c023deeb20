//! The JSON Schema of the configuration: it is what the types say, takes all that the filter takes, and refuses what it can.

#[path = "../../tests/config/table.rs"]
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};
use table::{Case, cases};
use twilio_proxy_wasm::policy::Policy;
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
const NOT_SAID: [&str; 8] = [
    "hidden_",
    "match_path_other_",
    "key_none",
    "key_unset",
    "key_variable_",
    "shadowed_",
    "twice_field",
    "unmatched_",
];
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
    for Case { name, configuration, message } in cases(&repository("tests/config/bad")) {
        let Ok(configuration) = serde_json::from_slice(&configuration) else { continue };
        let is_sayable = !NOT_SAID.iter().any(|start| name.starts_with(start))
            && !NOT_SAID_EITHER.contains(&name.as_str());
        assert_eq!(!judge.problems(&configuration).is_empty(), is_sayable, "{name}: {message}");
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

/// Adds the rows that the documentation has for an object of the schema and for those in it: path, meaning and default.
fn rows(schema: &Value, object: &Value, prefix: &str, all: &mut BTreeMap<String, (String, String)>) {
    let choice: Vec<_> = object["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| one["required"][0].as_str().unwrap())
        .collect();
    for (name, field) in object["properties"].as_object().unwrap() {
        let (meaning, default) = match field["description"].as_str().unwrap().split_once(" Default: ") {
            Some((meaning, default)) => (meaning, default.strip_suffix('.').unwrap().to_owned()),
            None if choice.contains(&name.as_str()) => (
                field["description"].as_str().unwrap(),
                format!("one of `{}` is required", choice.join("`, `")),
            ),
            None => {
                assert!(object["required"].as_array().unwrap().contains(&json!(name)), "{prefix}{name}");
                (field["description"].as_str().unwrap(), "required".to_owned())
            }
        };
        let row = (meaning.to_owned(), default);
        let before = all.insert(format!("{prefix}{name}"), row.clone());
        assert!(before.is_none_or(|before| before == row), "{prefix}{name}");
        let referred = [(&field["anyOf"][0], "."), (&field["allOf"][0], "."), (&field["items"], "[].")];
        for (place, step) in referred {
            let Some(definition) = place["$ref"].as_str() else { continue };
            let inner = schema.pointer(definition.strip_prefix('#').unwrap()).unwrap();
            // What a route may say is told of without a prefix, as much of it stands at the top too.
            let prefix = if name == "routes" { String::new() } else { format!("{prefix}{name}{step}") };
            if inner["properties"].is_object() {
                rows(schema, inner, &prefix, all);
            }
        }
    }
}

fn documented_fields() -> BTreeMap<String, (String, String)> {
    let (schema, mut all) = (schema(), BTreeMap::new());
    rows(&schema, &schema, "", &mut all);
    all
}

#[test]
fn the_tables_of_fields_in_the_documentation_are_what_the_types_say() {
    let expected: BTreeSet<String> = documented_fields()
        .into_iter()
        .map(|(path, (meaning, default))| format!("| `{path}` | {meaning} | {default} |"))
        .collect();
    let text = fs::read_to_string(repository("docs/configuration.md")).unwrap();
    let tables = text.split("| field | meaning | default |\n|---|---|---|\n").skip(1);
    let said: Vec<&str> =
        tables.flat_map(|table| table.lines().take_while(|line| line.starts_with('|'))).collect();
    assert_eq!(said.iter().map(|row| (*row).to_owned()).collect::<BTreeSet<_>>(), expected);
    assert_eq!(said.len(), expected.len(), "a field stands there twice");
}

/// Calls `visit` with the name and the schema of each property, wherever it stands.
fn each_property(schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    let children: Vec<&Value> = match schema {
        Value::Object(object) => object.values().collect(),
        Value::Array(array) => array.iter().collect(),
        _ => return,
    };
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        visit(name, property);
    }
    children.into_iter().for_each(|child| each_property(child, visit));
}

#[test]
fn a_description_says_the_bounds_of_its_number() {
    let mut numbers = BTreeSet::new();
    each_property(&schema(), &mut |name, property| {
        if property["maximum"].is_number() {
            let bounds = format!("from {} to {};", property["minimum"], property["maximum"]);
            assert!(property["description"].as_str().unwrap().contains(&bounds), "{name}: {bounds}");
            numbers.insert(name.to_owned());
        }
    });
    assert_eq!(numbers.into_iter().collect::<Vec<_>>(), ["max_body_bytes"]);
}

/// Where it is planted in this file, a secret must not be repeated: a field that is not in it would escape that test.
#[test]
fn the_configuration_with_everything_names_each_field() {
    let everything = fs::read_to_string(repository("tests/config/good/everything.json")).unwrap();
    each_property(&schema(), &mut |name, _| {
        assert!(everything.contains(&format!("\"{name}\":")), "{name}");
    });
}

#[test]
fn a_default_is_what_a_field_means_where_it_is_not_written() {
    let least = json!({
        "auth_tokens": [{ "env": "T" }], "url": {}, "unmatched": "deny",
        "routes": [{ "name": "a", "match": { "path": { "exact": "/" } } }],
    });
    let policy = |configuration: &Value| {
        format!(
            "{:?}",
            Policy::parse(configuration.to_string().as_bytes(), &|_| Some(b"a".to_vec())).unwrap()
        )
    };
    let mut written = Vec::new();
    for (path, (_, default)) in documented_fields() {
        let Some(word) = default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else { continue };
        let value = serde_json::from_str(word).unwrap_or_else(|_| json!(word));
        let mut configuration = least.clone();
        let object = match path.split('.').next().unwrap() {
            "match" => configuration.pointer_mut("/routes/0").unwrap(),
            _ => &mut configuration,
        };
        let place = path.split('.').fold(object, |object, name| &mut object[name]);
        *place = value;
        assert_eq!(policy(&configuration), policy(&least), "{path}");
        written.push(path);
    }
    let expected = [
        "clear_route_cache",
        "explain",
        "hold",
        "match.path.ignore_case",
        "max_body_bytes",
        "mode",
        "url.trust_forwarded_host",
    ];
    assert_eq!(written, expected);
}
