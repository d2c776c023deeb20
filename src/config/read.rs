//! Errors that say where and never what: what stands in the wrong place may be a secret.

use super::error::ConfigError;
use super::tree::Tree;

pub(super) type Read<T> = Result<T, ReadError>;

/// An error on its way up: each level adds its step.
#[derive(Debug)]
pub(super) struct ReadError {
    steps: Vec<String>,
    problem: String,
}

impl ReadError {
    pub(super) fn new(problem: impl Into<String>) -> ReadError {
        ReadError { steps: Vec::new(), problem: problem.into() }
    }

    /// Adds the step to the level above: `.field` or `[index]`.
    pub(super) fn under(mut self, step: String) -> ReadError {
        self.steps.push(step);
        self
    }
}

impl From<ReadError> for ConfigError {
    fn from(error: ReadError) -> ConfigError {
        let path: String = error.steps.iter().rev().map(String::as_str).collect();
        ConfigError::new(path.strip_prefix('.').unwrap_or(&path), error.problem)
    }
}

impl Tree {
    /// Returns the error that this is not what is expected.
    pub(super) fn is_not(&self, expected: &str) -> ReadError {
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
