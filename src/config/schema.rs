//! What a JSON Schema is made of, in draft 7, which is what editors know best. Not in the module.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

/// The schemas that others refer to, by name.
#[derive(Default)]
pub(super) struct Definitions(BTreeMap<&'static str, Json>);

impl Definitions {
    /// Defines an object, in which none of `conflicts` may be found, and returns a reference to it.
    pub(super) fn object(
        &mut self,
        name: &'static str,
        about: &str,
        conflicts: &[Json],
        describe: fn(&mut Object<'_>),
    ) -> Json {
        let mut object =
            Object { definitions: self, properties: Map::new(), required: Vec::new(), one_of: None };
        describe(&mut object);
        let Object { properties, required, one_of, .. } = object;
        let mut schema = json!({
            "type": "object", "description": about, "properties": properties, "additionalProperties": false,
        });
        if !required.is_empty() {
            schema = with(schema, "required", json!(required));
        }
        if let Some(one_of) = one_of {
            schema = with(schema, "oneOf", one_of);
        }
        if let [conflict] = conflicts {
            schema = with(schema, "not", conflict.clone());
        }
        self.define(name, schema)
    }

    /// Defines a choice of words, each with what it means, and returns a reference to it.
    pub(super) fn words(&mut self, name: &'static str, about: &str, words: &[(&str, &str)]) -> Json {
        let word = |(word, meaning): &(&str, &str)| json!({ "const": word, "description": meaning });
        let words: Vec<Json> = words.iter().map(word).collect();
        self.define(name, json!({ "type": "string", "description": about, "oneOf": words }))
    }

    /// Returns the schema of this name as one that stands alone, with the others beside it.
    pub(super) fn root(mut self, name: &'static str, title: &str) -> Json {
        let root = self.0.remove(name).unwrap_or_default();
        let root = with(root, "$schema", "http://json-schema.org/draft-07/schema#".into());
        with(with(root, "title", title.into()), "definitions", json!(self.0))
    }

    fn define(&mut self, name: &'static str, schema: Json) -> Json {
        self.0.insert(name, schema);
        json!({ "$ref": format!("#/definitions/{name}") })
    }
}

/// The schema of an object, while its fields are added.
pub(super) struct Object<'d> {
    definitions: &'d mut Definitions,
    properties: Map<String, Json>,
    required: Vec<&'static str>,
    one_of: Option<Json>,
}

impl Object<'_> {
    /// Returns the schemas that those of its fields may refer to.
    pub(super) fn definitions(&mut self) -> &mut Definitions {
        self.definitions
    }

    /// Adds a field.
    pub(super) fn add(&mut self, name: &'static str, meaning: &str, schema: Json, is_required: bool) {
        // Beside a reference nothing else is looked at.
        let property = if schema.get("$ref").is_none() { schema } else { json!({ "allOf": [schema] }) };
        self.properties.insert(name.to_owned(), with(property, "description", meaning.into()));
        if is_required {
            self.required.push(name);
        }
    }

    /// Exactly one of these fields is written; `null` is the same as not written.
    pub(super) fn takes_one_of(&mut self, names: &[&str]) {
        let alone = |name: &&str| {
            let kind = |other: &&str| {
                ((*other).to_owned(), json!({ "type": if other == name { "string" } else { "null" } }))
            };
            json!({ "required": [name], "properties": names.iter().map(kind).collect::<Map<_, _>>() })
        };
        self.one_of = Some(names.iter().map(alone).collect());
    }
}

/// Returns a schema that says one thing more.
pub(super) fn with(mut schema: Json, name: &str, value: Json) -> Json {
    if let Some(object) = schema.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
    schema
}

/// Returns the schema of what has this schema or is `null`.
pub(super) fn nullable(schema: Json) -> Json {
    match schema.get("type").cloned() {
        None => json!({ "anyOf": [schema, { "type": "null" }] }),
        Some(kind) => with(schema, "type", json!([kind, "null"])),
    }
}
