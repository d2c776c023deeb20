//! `google.protobuf.Struct` in its binary form, turned into JSON text.
//!
//! Envoy passes a configuration of type `Struct` on as it travels, not as JSON. Only the five messages and
//! scalars of `struct.proto` are known here, and anything else makes the whole not a `Struct`.

use serde_json::{Number, Value};

/// JSON text of a binary `Struct`; `None` if the bytes are none. JSON text itself never is: after its `{`, which
/// may follow a newline, comes what no field of a `Struct` begins with.
pub(super) fn json_of_struct(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.first() != Some(&FIELDS) || serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() {
        return None;
    }
    let mut json = Vec::with_capacity(bytes.len());
    write_struct(bytes, &mut json, DEPTH)?;
    Some(json)
}

/// How deep a configuration may nest; the real ones have five levels.
const DEPTH: u8 = 32;

/// Tag of field 1, length-delimited: `Struct.fields`, an entry's key, `ListValue.values`.
const FIELDS: u8 = 0x0A;
/// Tag of field 2, length-delimited: an entry's value.
const ENTRY_VALUE: u8 = 0x12;
/// Tags of the members of `Value`.
const NULL: u8 = 0x08;
const NUMBER: u8 = 0x11;
const STRING: u8 = 0x1A;
const BOOL: u8 = 0x20;
const STRUCT: u8 = 0x2A;
const LIST: u8 = 0x32;

/// Writes an object. Entries are written as they come, so that a key that stands twice is found by the reader
/// of the JSON.
fn write_struct(mut bytes: &[u8], json: &mut Vec<u8>, depth: u8) -> Option<()> {
    json.push(b'{');
    let mut first = true;
    while let Some(entry) = next_message(&mut bytes)? {
        if !std::mem::take(&mut first) {
            json.push(b',');
        }
        write_entry(entry, json, depth)?;
    }
    json.push(b'}');
    Some(())
}

fn write_entry(mut entry: &[u8], json: &mut Vec<u8>, depth: u8) -> Option<()> {
    let (mut key, mut value): (&[u8], &[u8]) = (b"", b"");
    while let Some((tag, rest)) = entry.split_first() {
        entry = rest;
        let content = delimited(&mut entry)?;
        match *tag {
            FIELDS => key = content,
            ENTRY_VALUE => value = content,
            _ => return None,
        }
    }
    write_json(&Value::from(std::str::from_utf8(key).ok()?), json)?;
    json.push(b':');
    write_value(value, json, depth.checked_sub(1)?)
}

fn write_value(bytes: &[u8], json: &mut Vec<u8>, depth: u8) -> Option<()> {
    let Some((tag, mut rest)) = bytes.split_first() else {
        return write_json(&Value::Null, json);
    };
    match *tag {
        NULL if varint(&mut rest)? == 0 => write_json(&Value::Null, json)?,
        BOOL => write_json(&Value::Bool(varint(&mut rest)? != 0), json)?,
        NUMBER => {
            let (number, after) = rest.split_first_chunk::<8>()?;
            rest = after;
            write_json(&number_of(f64::from_le_bytes(*number))?, json)?;
        }
        STRING => {
            let text = std::str::from_utf8(delimited(&mut rest)?).ok()?;
            write_json(&Value::from(text), json)?;
        }
        STRUCT => write_struct(delimited(&mut rest)?, json, depth)?,
        LIST => write_list(delimited(&mut rest)?, json, depth)?,
        _ => return None,
    }
    rest.is_empty().then_some(())
}

fn write_list(mut bytes: &[u8], json: &mut Vec<u8>, depth: u8) -> Option<()> {
    json.push(b'[');
    let mut first = true;
    while let Some(value) = next_message(&mut bytes)? {
        if !std::mem::take(&mut first) {
            json.push(b',');
        }
        write_value(value, json, depth.checked_sub(1)?)?;
    }
    json.push(b']');
    Some(())
}

fn write_json(value: &Value, json: &mut Vec<u8>) -> Option<()> {
    serde_json::to_writer(json, value).ok()
}

/// A whole number is written as one: the protocol knows doubles alone.
fn number_of(number: f64) -> Option<Value> {
    let whole = format!("{number:.0}")
        .parse::<i64>()
        .ok()
        .filter(|_| number.fract() == 0.0);
    whole
        .map(Value::from)
        .or_else(|| Number::from_f64(number).map(Value::Number))
}

/// The next field 1 of a message whose only field it is; `Some(None)` at its end.
fn next_message<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let Some((tag, rest)) = bytes.split_first() else {
        return Some(None);
    };
    *bytes = rest;
    if *tag == FIELDS {
        delimited(bytes).map(Some)
    } else {
        None
    }
}

fn delimited<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(bytes)?).ok()?;
    let (content, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(content)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64u32).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F).checked_shl(shift)?;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

//TEST
//MODTESTS
