//! From a tree to the raw configuration, with errors that say where and never what: the value that stands in
//! the wrong place may be a secret.

use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Expected, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::error::ConfigError;
use super::tree::Tree;

/// Reads a type from a tree.
pub(super) fn read<T: de::DeserializeOwned>(tree: Tree) -> Result<T, ConfigError> {
    T::deserialize(tree).map_err(|error| ConfigError::new(error.path(), error.problem))
}

/// An error on its way up: each level adds its step in front.
#[derive(Debug)]
pub(super) struct ReadError {
    steps: Vec<String>,
    problem: String,
}

impl ReadError {
    fn new(problem: String) -> ReadError {
        ReadError { steps: Vec::new(), problem }
    }

    fn under(mut self, step: String) -> ReadError {
        self.steps.push(step);
        self
    }

    fn path(&self) -> String {
        let path: String = self.steps.iter().rev().map(String::as_str).collect();
        path.strip_prefix('.').map(str::to_owned).unwrap_or(path)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(_: T) -> ReadError {
        // Nobody calls this with a text of ours, and any other may quote the value.
        ReadError::new("cannot be read".to_owned())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> ReadError {
        ReadError::new(format!("must be {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> ReadError {
        ReadError::new(format!("must be {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> ReadError {
        ReadError::new(format!("must be one of {}", expected.join(", ")))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> ReadError {
        ReadError::new(format!("is not a field here; the fields are {}", expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> ReadError {
        ReadError::new("is missing".to_owned()).under(format!(".{field}"))
    }

    fn duplicate_field(field: &'static str) -> ReadError {
        ReadError::new("stands here twice; keep one of them".to_owned()).under(format!(".{field}"))
    }
}

/// Each shape is read by its own method and no other, which keeps the code that serde derives small: a structure
/// is written as an object, never as the list of its values.
impl<'de> Deserializer<'de> for Tree {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        Err(self.is_not(&visitor))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Tree::Bool(value) => visitor.visit_bool(value),
            other => Err(other.is_not(&visitor)),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Tree::Whole(value) => visitor.visit_u64(value),
            other => Err(other.is_not(&"a whole number that is not negative")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Tree::Text(text) => visitor.visit_string(text),
            other => Err(other.is_not(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Tree::Null => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Tree::List(items) => visitor.visit_seq(Items { items: items.into_iter(), index: 0 }),
            other => Err(other.is_not(&"an array")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self {
            Tree::Object(fields) => visitor.visit_map(Fields { fields: fields.into_iter(), current: None }),
            other => Err(other.is_not(&visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self {
            Tree::Text(word) => visitor.visit_enum(StringDeserializer::new(word)),
            _ => Err(de::Error::unknown_variant("", variants)),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 u8 u16 u32 f32 f64 char str bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct map identifier ignored_any
    }
}

impl Tree {
    fn is_not(&self, expected: &dyn Expected) -> ReadError {
        let kind = match self {
            Tree::Null => "null",
            Tree::Bool(_) => "a boolean",
            Tree::Whole(_) => "a number",
            Tree::OtherNumber => "another number",
            Tree::Text(_) => "a string",
            Tree::List(_) => "an array",
            Tree::Object(_) => "an object",
        };
        ReadError::new(format!("must be {expected}, not {kind}"))
    }
}

struct Items {
    items: std::vec::IntoIter<Tree>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index = index.saturating_add(1);
        seed.deserialize(item).map(Some).map_err(|error| error.under(format!("[{index}]")))
    }
}

struct Fields {
    fields: std::vec::IntoIter<(String, Tree)>,
    current: Option<(String, Tree)>,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some((name, value)) = self.fields.next() else {
            return Ok(None);
        };
        let key = StringDeserializer::<ReadError>::new(name.clone());
        let read = seed.deserialize(key).map_err(|error| error.under(format!(".{}", shown(&name))));
        self.current = Some((name, value));
        read.map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ReadError> {
        let (name, value) = self.current.take().unwrap_or((String::new(), Tree::Null));
        seed.deserialize(value).map_err(|error| error.under(format!(".{name}")))
    }
}

/// A name that is no field may be a secret that a brace went missing for. What is written like a field is shown.
fn shown(name: &str) -> &str {
    let is_plain = name.len() <= 24 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_plain { name } else { "(a name that is not repeated here)" }
}
