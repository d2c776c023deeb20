//! Looking into trees whose fields may be written in either of protobuf's two ways.

use serde_json::Value;

static NOTHING: Value = Value::Null;

/// Returns the field of a name in snake case, which protobuf's JSON writes in camel case as well; null if there is none.
pub(super) fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).or_else(|| value.get(camel(name))).unwrap_or(&NOTHING)
}

/// Returns what is at a path of fields; null if nothing is.
pub(super) fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, name| field(value, name))
}

pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn strings(value: &Value) -> Vec<String> {
    list(value).iter().filter_map(text).collect()
}

/// Returns whether a protobuf `Any` is of this type; Istio wraps some in a `TypedStruct`.
pub(super) fn is_type(value: &Value, name: &str) -> bool {
    ["@type", "type_url"].iter().any(|key| value[key].as_str().is_some_and(|kind| kind.ends_with(name)))
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |camel, part| {
        let (head, tail) = part.split_at(part.len().min(1));
        camel + &head.to_ascii_uppercase() + tail
    })
}
