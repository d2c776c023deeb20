//! `google.protobuf.Struct` in its binary form.
//!
//! Envoy passes a configuration of type `Struct` on as it travels, not as JSON. The messages are those of `struct.proto`,
//! but for one thing: an object's fields are a list here. On the wire a map is the same, and of two fields with one name
//! it would keep one.

use prost::{Message, Oneof};

use super::tree::Tree;

/// How deep a configuration may nest; the real ones have five levels.
const DEPTH: u8 = 32;

/// Returns the tree of a binary `Struct`; `None` if the bytes are none.
pub(super) fn read_struct(bytes: &[u8]) -> Option<Tree> {
    let message = Struct::decode(bytes).ok()?;
    // Whatever else was there has been dropped, and would be missing if the message were written again.
    let is_whole = message.encoded_len() == bytes.len();
    if is_whole { message.tree(DEPTH) } else { None }
}

#[derive(Clone, PartialEq, Message)]
struct Struct {
    #[prost(message, repeated, tag = "1")]
    fields: Vec<Field>,
}

#[derive(Clone, PartialEq, Message)]
struct Field {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(message, optional, tag = "2")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Kind {
    #[prost(int32, tag = "1")]
    Null(i32),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    String(String),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(message, tag = "5")]
    Struct(Struct),
    #[prost(message, tag = "6")]
    List(ListValue),
}

#[derive(Clone, PartialEq, Message)]
struct ListValue {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

impl Struct {
    fn tree(self, depth: u8) -> Option<Tree> {
        let field = |field: Field| {
            let value = field.value.unwrap_or_default();
            Some((field.name.unwrap_or_default(), value.tree(depth)?))
        };
        self.fields.into_iter().map(field).collect::<Option<_>>().map(Tree::Object)
    }
}

impl Value {
    fn tree(self, depth: u8) -> Option<Tree> {
        let depth = depth.checked_sub(1)?;
        match self.kind {
            None | Some(Kind::Null(0)) => Some(Tree::Null),
            Some(Kind::Null(_)) => None,
            Some(Kind::Number(number)) => Some(whole(number).map_or(Tree::OtherNumber, Tree::Whole)),
            Some(Kind::String(text)) => Some(Tree::Text(text)),
            Some(Kind::Bool(value)) => Some(Tree::Bool(value)),
            Some(Kind::Struct(object)) => object.tree(depth),
            Some(Kind::List(list)) => {
                list.values.into_iter().map(|value| value.tree(depth)).collect::<Option<_>>().map(Tree::List)
            }
        }
    }
}

/// Returns the integer that a double is, if it is one from 0 to below 2^53.
#[expect(clippy::as_conversions, reason = "what a cast loses is found by casting back")]
fn whole(number: f64) -> Option<u64> {
    let whole = number as u64;
    let is_whole = number.is_sign_positive() && whole < 1 << 53 && whole as f64 == number;
    is_whole.then_some(whole)
}
