//! What is wrong with a configuration.

use std::fmt;

/// The one thing that made a configuration be rejected: where it is and what would be right. No value of the
/// configuration or of the environment is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    path: String,
    problem: String,
}

impl ConfigError {
    /// `path` is the field, as in `routes[1].mode`; empty for the configuration as a whole.
    pub(crate) fn new(path: impl Into<String>, problem: impl Into<String>) -> ConfigError {
        ConfigError { path: path.into(), problem: problem.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "configuration" } else { &self.path };
        write!(f, "{path}: {}", self.problem)
    }
}

impl std::error::Error for ConfigError {}
