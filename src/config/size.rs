//! Numbers within bounds.

use super::read::{Read, ReadError};
use super::tree::Tree;
use super::value::Value;

/// The largest body that is verified.
#[derive(Clone, Copy)]
pub(crate) struct MaxBodyBytes(usize);

impl MaxBodyBytes {
    /// The most that the configuration may ask for: 64 MiB, which the sandbox's memory still holds several times.
    const MOST: u64 = 67_108_864;

    pub(crate) fn get(self) -> usize {
        self.0
    }
}

/// 256 KiB.
impl Default for MaxBodyBytes {
    fn default() -> MaxBodyBytes {
        MaxBodyBytes(262_144)
    }
}

impl Value for MaxBodyBytes {
    fn read(tree: Tree) -> Read<MaxBodyBytes> {
        let Tree::Whole(bytes) = tree else { return Err(tree.is_not("a whole number that is not negative")) };
        let size = usize::try_from(bytes).ok().filter(|_| (1..=MaxBodyBytes::MOST).contains(&bytes));
        let problem = || ReadError::new(format!("must be from 1 to {}", MaxBodyBytes::MOST));
        size.map(MaxBodyBytes).ok_or_else(problem)
    }

    #[cfg(feature = "schema")]
    fn schema(_: &mut super::schema::Definitions) -> serde_json::Value {
        serde_json::json!({ "type": "integer", "minimum": 1, "maximum": MaxBodyBytes::MOST })
    }
}
