//! What a field may hold.

use super::read::{Read, ReadError};
use super::tree::Tree;

#[cfg(feature = "schema")]
use super::schema::{Definitions, nullable, with};
#[cfg(feature = "schema")]
use serde_json::{Value as Json, json};

/// What a field may hold: how it is read, and what the schema says of it.
pub(super) trait Value: Sized {
    /// What is wrong with a list of none of it, where that is wrong.
    const EMPTY_LIST: Option<&'static str> = None;

    /// Reads it.
    fn read(tree: Tree) -> Read<Self>;

    /// Returns what it is where it is not written, if it need not be.
    fn absent() -> Option<Self> {
        None
    }

    /// Returns its schema; what others refer to goes into the definitions.
    #[cfg(feature = "schema")]
    fn schema(definitions: &mut Definitions) -> Json;
}

/// `null` is the same as not written.
impl<T: Value> Value for Option<T> {
    fn read(tree: Tree) -> Read<Option<T>> {
        if tree == Tree::Null { Ok(None) } else { T::read(tree).map(Some) }
    }

    fn absent() -> Option<Option<T>> {
        Some(None)
    }

    #[cfg(feature = "schema")]
    fn schema(definitions: &mut Definitions) -> Json {
        nullable(T::schema(definitions))
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(tree: Tree) -> Read<Vec<T>> {
        let Tree::List(trees) = tree else { return Err(tree.is_not("an array")) };
        if let (true, Some(problem)) = (trees.is_empty(), T::EMPTY_LIST) {
            return Err(ReadError::new(problem));
        }
        let item = |(index, tree)| T::read(tree).map_err(|error| error.under(format!("[{index}]")));
        trees.into_iter().enumerate().map(item).collect()
    }

    #[cfg(feature = "schema")]
    fn schema(definitions: &mut Definitions) -> Json {
        let list = json!({ "type": "array", "items": T::schema(definitions) });
        if T::EMPTY_LIST.is_some() { with(list, "minItems", 1.into()) } else { list }
    }
}

/// It is off where it is not written.
impl Value for bool {
    fn read(tree: Tree) -> Read<bool> {
        match tree {
            Tree::Bool(value) => Ok(value),
            other => Err(other.is_not("a boolean")),
        }
    }

    fn absent() -> Option<bool> {
        Some(false)
    }

    #[cfg(feature = "schema")]
    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "boolean" })
    }
}
