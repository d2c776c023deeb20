//! From a tree to the raw configuration, with errors that say where and never what: the value that stands in
//! the wrong place may be a secret.
//!
//! By hand: what serde derives for these types is several times the code in the module.

use super::error::ConfigError;
use super::tree::Tree;

/// Reads a type from a tree.
pub(super) fn read<T>(tree: Tree, read: impl FnOnce(Tree) -> Read<T>) -> Result<T, ConfigError> {
    read(tree).map_err(|error| ConfigError::new(error.path(), error.problem))
}

pub(super) type Read<T> = Result<T, ReadError>;

/// An error on its way up: each level adds its step.
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

/// The members of an object, each of which is a field, and stands there once.
pub(super) struct Fields {
    members: Vec<(String, Tree)>,
}

impl Fields {
    /// `expected` says what the object is, for one who wrote something else.
    pub(super) fn of(tree: Tree, expected: &str, names: &[&str]) -> Read<Fields> {
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
        Ok(Fields { members })
    }

    /// The field of this name, as `read` takes it; `null` and no field are the same.
    pub(super) fn option<T>(&mut self, name: &str, read: impl FnOnce(Tree) -> Read<T>) -> Read<Option<T>> {
        match self.take(name) {
            None | Some(Tree::Null) => Ok(None),
            Some(value) => at(name, read(value)).map(Some),
        }
    }

    /// The same of a field that must be there, and be no `null`.
    pub(super) fn needed<T>(&mut self, name: &str, read: impl FnOnce(Tree) -> Read<T>) -> Read<T> {
        let missing = || Err(ReadError::new("is missing".to_owned()));
        at(name, self.take(name).map_or_else(missing, read))
    }

    /// A field that is off where it is not written, and is no `null`.
    pub(super) fn switch(&mut self, name: &str) -> Read<bool> {
        at(name, self.take(name).map_or(Ok(false), boolean))
    }

    /// A list, each item of which `read` takes.
    pub(super) fn list<T>(&mut self, name: &str, read: fn(Tree) -> Read<T>) -> Read<Option<Vec<T>>> {
        self.option(name, |tree| {
            let Tree::List(trees) = tree else { return Err(tree.is_not("an array")) };
            let mut items = Vec::with_capacity(trees.len());
            for (index, tree) in trees.into_iter().enumerate() {
                items.push(read(tree).map_err(|error| error.under(format!("[{index}]")))?);
            }
            Ok(items)
        })
    }

    fn take(&mut self, name: &str) -> Option<Tree> {
        let position = self.members.iter().position(|(member, _)| member == name)?;
        Some(self.members.swap_remove(position).1)
    }
}

pub(super) fn text(tree: Tree) -> Read<String> {
    match tree {
        Tree::Text(text) => Ok(text),
        other => Err(other.is_not("a string")),
    }
}

pub(super) fn boolean(tree: Tree) -> Read<bool> {
    match tree {
        Tree::Bool(value) => Ok(value),
        other => Err(other.is_not("a boolean")),
    }
}

pub(super) fn whole(tree: Tree) -> Read<u64> {
    match tree {
        Tree::Whole(value) => Ok(value),
        other => Err(other.is_not("a whole number that is not negative")),
    }
}

/// One of some words.
pub(super) fn word<T: Copy>(tree: &Tree, words: &[(&str, T)]) -> Read<T> {
    let is_written = |(word, _): &&(&str, T)| matches!(tree, Tree::Text(text) if text == word);
    words.iter().find(is_written).map(|(_, meant)| *meant).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        ReadError::new(format!("must be one of {}", words.join(", ")))
    })
}

impl Tree {
    fn is_not(&self, expected: &str) -> ReadError {
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

fn at<T>(name: &str, read: Read<T>) -> Read<T> {
    read.map_err(|error| error.under(format!(".{name}")))
}

/// A name that is no field may be a secret that a brace went missing for. What is written like a field is shown.
fn shown(name: &str) -> &str {
    let is_plain = name.len() <= 24 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_plain { name } else { "(a name that is not repeated here)" }
}
