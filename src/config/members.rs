//! The members of an object.

use super::read::{Read, ReadError};
use super::tree::Tree;
use super::value::Value;

/// The members of an object that are not read yet, each of which is a field, and stands there once.
pub(super) struct Members(Vec<(String, Tree)>);

impl Members {
    /// Takes an object apart. `expected` says what it is, for one who wrote something else; `names` are its fields.
    pub(super) fn of(tree: Tree, expected: &str, names: &[&str]) -> Read<Members> {
        let Tree::Object(members) = tree else { return Err(tree.is_not(expected)) };
        for (index, (name, _)) in members.iter().enumerate() {
            let problem = if !names.contains(&name.as_str()) {
                format!("is not a field here; the fields are {}", names.join(", "))
            } else if members.iter().take(index).any(|(earlier, _)| earlier == name) {
                "stands here twice; keep one of them".to_owned()
            } else {
                continue;
            };
            return Err(ReadError::new(problem).under(format!(".{}", shown(name))));
        }
        Ok(Members(members))
    }

    /// Reads the field of this name.
    pub(super) fn take<T: Value>(&mut self, name: &str) -> Read<T> {
        let value = match self.0.iter().position(|(member, _)| member == name) {
            Some(position) => T::read(self.0.swap_remove(position).1),
            None => T::absent().ok_or_else(|| ReadError::new("is missing")),
        };
        value.map_err(|error| error.under(format!(".{name}")))
    }
}

/// A name that is no field may be a secret that a brace went missing for. What is written like a field is shown.
fn shown(name: &str) -> &str {
    let is_plain = name.len() <= 24 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_plain { name } else { "(a name that is not repeated here)" }
}
