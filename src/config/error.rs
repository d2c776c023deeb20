//! What is wrong with a configuration.

use std::fmt;

/// The one thing that made a configuration be rejected: where it is and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    path: String,
    problem: String,
}

impl ConfigError {
    /// `path` is the field, as in `routes[1].mode`; empty for the configuration as a whole.
    pub(crate) fn new(path: impl Into<String>, problem: impl Into<String>) -> ConfigError {
        ConfigError {
            path: path.into(),
            problem: problem.into(),
        }
    }

    /// Tells what serde found, without the value that it found: that may be a secret in the wrong place.
    pub(crate) fn from_serde(error: &serde_path_to_error::Error<serde_json::Error>) -> ConfigError {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        let message = error.inner().to_string();
        let (message, position) = split_position(&message);
        if error.inner().is_syntax() || error.inner().is_eof() {
            return ConfigError::new(String::new(), format!("is not JSON: {message}{position}"));
        }
        ConfigError::new(path, without_value(message))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "configuration"
        } else {
            &self.path
        };
        write!(f, "{path}: {}", self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// Parts serde_json's ` at line 1 column 2` from the message.
fn split_position(message: &str) -> (&str, &str) {
    message
        .rfind(" at line ")
        .and_then(|at| message.split_at_checked(at))
        .unwrap_or((message, ""))
}

/// Rewrites serde's messages, which quote the offending value, into ones that name its kind alone.
fn without_value(message: &str) -> String {
    let expected = message
        .rfind(", expected ")
        .and_then(|at| message.get(at..)?.strip_prefix(", expected "));
    let unexpected = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "));
    match (expected, unexpected) {
        (Some(expected), Some(unexpected)) => {
            let kind = unexpected.split([' ', ',']).next().unwrap_or_default();
            format!("must be {expected}, not {}", json_kind(kind))
        }
        (Some(expected), None) if message.starts_with("unknown variant") => format!("must be {expected}"),
        (Some(expected), None) if message.starts_with("unknown field") => {
            format!(
                "is not a field here; the fields are {}",
                expected.trim_start_matches("one of ")
            )
        }
        _ if message.starts_with("missing field") || message.starts_with("duplicate field") => {
            let (what, field) = message.split_once(" field ").unwrap_or((message, ""));
            let what = if what == "missing" {
                "is required but missing"
            } else {
                "stands there twice"
            };
            format!("the field {field} {what}")
        }
        _ => "cannot be read".to_owned(),
    }
}

fn json_kind(kind: &str) -> &str {
    match kind {
        "string" => "a string",
        "integer" => "an integer",
        "floating" => "a fraction",
        "boolean" => "a boolean",
        "null" => "null",
        "sequence" => "an array",
        "map" => "an object",
        _ => "this",
    }
}
