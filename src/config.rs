//! The plugin's configuration as it is written.
//!
//! Each field stands once, in `fields`: its name, its type, and what it means. How it is read, what is said of anything
//! else, the JSON Schema and the tables in `docs/configuration.md` follow from there. The bounds of a field are those of its
//! type: `word` for one of a few words, `text` for what a text must look like, `size` for numbers. What a policy makes
//! of a field is the next room's, [`policy`](crate::policy), where the compiler asks for it.
//!
//! serde's derive is not used, because of two things that it cannot do. Fields that stand both at the top and on a route
//! are written once, but its `flatten` excludes the refusal of unknown fields. And its errors quote what is written, which may
//! be a secret.

mod error;
mod fields;
mod members;
mod object;
mod protobuf;
mod read;
#[cfg(feature = "schema")]
mod schema;
mod size;
mod text;
mod tree;
mod value;
mod word;

pub use error::ConfigError;
pub use text::UNMATCHED;
pub use word::{Algorithm, Hold, Mode, Unmatched};

pub(crate) use fields::{AuthToken, Config, Match, Path, PathGuard, Route, Settings, SharedKey, Source, Url};
pub(crate) use size::MaxBodyBytes;
pub(crate) use text::{Host, NO_VARIABLE};

use tree::Tree;
use value::Value;

/// Reads JSON text, or a binary `google.protobuf.Struct`.
///
/// # Errors
/// The first thing that is wrong, with the path of its field and the remedy. Nothing that is written is in it.
pub(crate) fn read(configuration: &[u8]) -> Result<Config, ConfigError> {
    if configuration.trim_ascii().is_empty() {
        return Err(ConfigError::new(
            "",
            "is empty; give at least auth_tokens, beside Envoy's vm_config and not in it",
        ));
    }
    let tree: Tree = match serde_json::from_slice(configuration) {
        Ok(tree) => tree,
        // No Struct is JSON: it begins like a newline, but a control character soon follows.
        Err(error) => protobuf::read_struct(configuration).ok_or_else(|| {
            // `auth_tokens:`, or a comment or a `---` before it.
            let first = configuration.trim_ascii().first();
            let is_yaml = first.is_some_and(|first| first.is_ascii_lowercase() || b"#-".contains(first));
            let remedy = if is_yaml { "; YAML is taken in a google.protobuf.Struct alone" } else { "" };
            ConfigError::new("", format!("is not JSON: {error}{remedy}"))
        })?,
    };
    Config::read(tree).map_err(ConfigError::from)
}

/// Returns the JSON Schema of the configuration, for editors.
///
/// It takes everything that the filter takes, and refuses what can be seen without looking at the environment or at two
/// routes at once.
#[cfg(feature = "schema")]
pub fn schema() -> serde_json::Value {
    let mut definitions = schema::Definitions::default();
    Config::schema(&mut definitions);
    definitions.root("Config", "Configuration")
}
