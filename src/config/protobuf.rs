//! `google.protobuf.Struct` in its binary form.
//!
//! Envoy passes a configuration of type `Struct` on as it travels, not as JSON. Only the four messages of
//! `struct.proto` are known here; anything else makes the whole not a `Struct`.

use super::tree::Tree;

/// The tree of a binary `Struct`; `None` if the bytes are none.
pub(super) fn read_struct(bytes: &[u8]) -> Option<Tree> {
    object(bytes, DEPTH)
}

/// How deep a configuration may nest; the real ones have five levels.
const DEPTH: u8 = 32;

/// Tag of field 1, length-delimited: `Struct.fields`, an entry's key, `ListValue.values`.
const FIRST: u8 = 0x0A;
/// Tag of field 2, length-delimited: an entry's value.
const ENTRY_VALUE: u8 = 0x12;
/// Tags of the members of `Value`.
const NULL: u8 = 0x08;
const NUMBER: u8 = 0x11;
const STRING: u8 = 0x1A;
const BOOL: u8 = 0x20;
const STRUCT: u8 = 0x2A;
const LIST: u8 = 0x32;

fn object(bytes: &[u8], depth: u8) -> Option<Tree> {
    messages(bytes)?.into_iter().map(|bytes| entry(bytes, depth)).collect::<Option<_>>().map(Tree::Object)
}

fn list(bytes: &[u8], depth: u8) -> Option<Tree> {
    messages(bytes)?.into_iter().map(|bytes| value(bytes, depth)).collect::<Option<_>>().map(Tree::List)
}

fn entry(mut bytes: &[u8], depth: u8) -> Option<(String, Tree)> {
    let (mut name, mut content): (&[u8], &[u8]) = (b"", b"");
    while let Some((tag, rest)) = bytes.split_first() {
        bytes = rest;
        let field = delimited(&mut bytes)?;
        match *tag {
            FIRST => name = field,
            ENTRY_VALUE => content = field,
            _ => return None,
        }
    }
    Some((text(name)?, value(content, depth)?))
}

fn value(bytes: &[u8], depth: u8) -> Option<Tree> {
    let depth = depth.checked_sub(1)?;
    let Some((tag, mut rest)) = bytes.split_first() else {
        return Some(Tree::Null);
    };
    let tree = match *tag {
        NULL if varint(&mut rest)? == 0 => Tree::Null,
        BOOL => Tree::Bool(varint(&mut rest)? != 0),
        NUMBER => {
            let (number, after) = rest.split_first_chunk::<8>()?;
            rest = after;
            whole(f64::from_le_bytes(*number)).map_or(Tree::OtherNumber, Tree::Whole)
        }
        STRING => Tree::Text(text(delimited(&mut rest)?)?),
        STRUCT => object(delimited(&mut rest)?, depth)?,
        LIST => list(delimited(&mut rest)?, depth)?,
        _ => return None,
    };
    rest.is_empty().then_some(tree)
}

/// The integer that a double is, if it is one from 0 to below 2^53.
fn whole(number: f64) -> Option<u64> {
    let bits = number.to_bits();
    if bits == 0 {
        return Some(0);
    }
    let exponent = bits.checked_shr(52)?; // With the sign above it, which makes negative numbers too large.
    let mantissa = (bits & 0x000F_FFFF_FFFF_FFFF) | 0x0010_0000_0000_0000;
    let fraction_bits = u32::try_from(52u64.checked_sub(exponent.checked_sub(1023)?)?).ok()?;
    if mantissa.trailing_zeros() >= fraction_bits { mantissa.checked_shr(fraction_bits) } else { None }
}

/// The messages in field 1, the only field that a message has.
fn messages(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut messages = Vec::new();
    while let Some((tag, rest)) = bytes.split_first() {
        bytes = rest;
        if *tag != FIRST {
            return None;
        }
        messages.push(delimited(&mut bytes)?);
    }
    Some(messages)
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
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
