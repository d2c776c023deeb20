//! `google.protobuf.Struct` as a control plane writes it.

use serde_json::Value;

/// Encodes an object as a `Struct`.
pub(super) fn encode(object: &Value) -> Vec<u8> {
    let entry = |(name, value): (&String, &Value)| {
        field(1, &[field(1, name.as_bytes()), field(2, &encode_value(value))].concat())
    };
    object.as_object().unwrap().iter().flat_map(entry).collect()
}

fn encode_value(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => vec![1 << 3, 0],
        Value::Number(number) => [&[2 << 3 | 1], &number.as_f64().unwrap().to_le_bytes()[..]].concat(),
        Value::String(text) => field(3, text.as_bytes()),
        Value::Bool(value) => vec![4 << 3, u8::from(*value)],
        Value::Object(_) => field(5, &encode(value)),
        Value::Array(items) => {
            let items = items.iter().flat_map(|item| field(1, &encode_value(item)));
            field(6, &items.collect::<Vec<u8>>())
        }
    }
}

/// Encodes a length-delimited field.
pub(super) fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 0x7F {
        bytes.push(0x80 | (length & 0x7F) as u8);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(content);
    bytes
}
