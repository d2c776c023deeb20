//! A scenario file. The documentation of [`crate::scenario`] shows its fields.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::client::Version;
use crate::failure::Failure;
use crate::fixtures::Kind;
use crate::forge::Forge;
use crate::key::Algorithm;

/// A scenario file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The rows, in the order in which they are run.
    #[serde(rename = "scenario")]
    pub scenarios: Vec<Scenario>,
}

/// One request and what is expected of it. The fields are those of the file: see the module's documentation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the module's documentation shows each field")]
pub struct Scenario {
    pub name: String,
    #[serde(default = "default_target")]
    pub target: String,
    pub webhook: Option<Kind>,
    #[serde(default)]
    pub params: BTreeMap<String, Values>,
    pub json: Option<String>,
    pub method: Option<String>,
    pub url: String,
    pub path: Option<String>,
    pub request_url: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub http: Version,
    pub key: Option<KeySource>,
    pub shared_key: Option<SharedKey>,
    pub forge: Option<Forge>,
    pub too_large_bytes: Option<usize>,
    #[serde(default)]
    pub query_in_url: bool,
    #[serde(default)]
    pub frames: Vec<String>,
    pub expect: Expect,
}

/// One value, or several of the same name.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Values {
    One(String),
    Many(Vec<String>),
}

/// Where an auth token is kept: one of the two.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct KeySource {
    pub env: Option<String>,
    pub file: Option<PathBuf>,
}

/// A shared key and where it is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SharedKey {
    pub id: String,
    #[serde(default)]
    pub algorithm: Algorithm,
    pub env: Option<String>,
    pub file: Option<PathBuf>,
}

/// What is expected of a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the module's documentation shows each field")]
pub struct Expect {
    pub status: u16,
    pub reason: Option<String>,
    pub verdict: Option<String>,
    pub upstream: Option<Upstream>,
}

/// What the application behind the proxy saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Upstream {
    /// No request at all.
    Nothing,
    /// This request, once, with its body byte for byte.
    Received,
}

impl Suite {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// [`Failure::File`], with the line that is wrong.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::File(format!("cannot read {}: {error}", path.display())))?;
        text.parse().map_err(|error| Failure::File(format!("{}, {error}", path.display())))
    }
}

impl std::str::FromStr for Suite {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            Failure::File(format!("line {}: {}", before.matches('\n').count() + 1, error.message()))
        })
    }
}

pub(super) fn default_target() -> String {
    "envoy".to_owned()
}
