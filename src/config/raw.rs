//! The configuration as it is written. Every field is known, and none may stand twice.

use serde::de::{Deserialize, Deserializer};

use super::error::ConfigError;
use super::protobuf;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with the fields of the plugin's configuration")]
pub(super) struct Config {
    pub(super) auth_tokens: Option<Vec<AuthToken>>,
    pub(super) shared_keys: Option<Vec<SharedKey>>,
    pub(super) url: Option<Url>,
    pub(super) mode: Option<Mode>,
    pub(super) max_body_bytes: Option<u64>,
    pub(super) hold: Option<Hold>,
    pub(super) unmatched: Option<Unmatched>,
    pub(super) verified_header: Option<String>,
    pub(super) explain: Option<bool>,
    pub(super) routes: Option<Vec<Route>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object: a route with name and match")]
pub(super) struct Route {
    pub(super) name: String,
    #[serde(rename = "match")]
    pub(super) matches: Option<Match>,
    pub(super) auth_tokens: Option<Vec<AuthToken>>,
    pub(super) shared_keys: Option<Vec<SharedKey>>,
    pub(super) url: Option<Url>,
    pub(super) mode: Option<Mode>,
    pub(super) max_body_bytes: Option<u64>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with hosts, path or route_names")]
pub(super) struct Match {
    pub(super) hosts: Option<Vec<String>>,
    pub(super) path: Option<Path>,
    pub(super) route_names: Option<Vec<String>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with exact or prefix")]
pub(super) struct Path {
    pub(super) exact: Option<String>,
    pub(super) prefix: Option<String>,
    #[serde(default)]
    pub(super) ignore_case: bool,
}

#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with base, trust_forwarded_host or original_path_header")]
pub(super) struct Url {
    pub(super) base: Option<String>,
    #[serde(default)]
    pub(super) trust_forwarded_host: bool,
    pub(super) original_path_header: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = r#"an object: { "env": "NAME" } or { "value": "..." }"#)]
pub(super) struct AuthToken {
    pub(super) env: Option<Inline>,
    pub(super) value: Option<Inline>,
    pub(super) account_sid: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with id, algorithm, and env or value")]
pub(super) struct SharedKey {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    pub(super) env: Option<Inline>,
    pub(super) value: Option<Inline>,
}

/// Text that is a secret, or may be one in the wrong place.
pub(super) struct Inline(pub(super) String);

impl<'de> Deserialize<'de> for Inline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Inline, D::Error> {
        String::deserialize(deserializer).map(Inline)
    }
}

impl std::fmt::Debug for Inline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inline(…)")
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, serde::Deserialize)]
        pub(super) enum $name { $(#[serde(rename = $word)] $variant),* }
    };
}

words! { Algorithm { HmacSha1 = "HMAC_SHA1", HmacSha256 = "HMAC_SHA256" } }
words! { Hold { OwnStop = "self", BufferAfter = "buffer_after" } }
words! { Mode { Enforce = "enforce", Report = "report", Off = "off" } }
words! { Unmatched { Allow = "allow", Deny = "deny" } }

/// Reads JSON text or a binary `google.protobuf.Struct`.
pub(super) fn read(configuration: &[u8]) -> Result<Config, ConfigError> {
    if configuration.trim_ascii().is_empty() {
        return Err(ConfigError::new("", "is empty; give at least auth_tokens"));
    }
    let tree = match serde_json::from_slice(configuration) {
        Ok(tree) => tree,
        // No Struct is JSON: it begins like a newline, but a control character soon follows.
        Err(error) => protobuf::read_struct(configuration)
            .ok_or_else(|| ConfigError::new("", format!("is not JSON: {error}")))?,
    };
    super::read::read(tree)
}
