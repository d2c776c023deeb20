//! The configuration as it is written. Every field is known, and none may stand twice.

use super::error::ConfigError;
use super::protobuf;
use super::read::{Fields, Read, boolean, text, whole, word};
use super::tree::Tree;

#[derive(Debug)]
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

#[derive(Debug)]
pub(super) struct Route {
    pub(super) name: String,
    pub(super) matches: Option<Match>,
    pub(super) auth_tokens: Option<Vec<AuthToken>>,
    pub(super) shared_keys: Option<Vec<SharedKey>>,
    pub(super) url: Option<Url>,
    pub(super) mode: Option<Mode>,
    pub(super) max_body_bytes: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Match {
    pub(super) hosts: Option<Vec<String>>,
    pub(super) path: Option<Path>,
    pub(super) route_names: Option<Vec<String>>,
}

#[derive(Debug)]
pub(super) struct Path {
    pub(super) exact: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) ignore_case: bool,
}

#[derive(Debug)]
pub(super) struct Url {
    pub(super) base: Option<String>,
    pub(super) trust_forwarded_host: bool,
    pub(super) original_path_header: Option<String>,
}

#[derive(Debug)]
pub(super) struct AuthToken {
    pub(super) env: Option<Inline>,
    pub(super) value: Option<Inline>,
    pub(super) account_sid: Option<String>,
}

#[derive(Debug)]
pub(super) struct SharedKey {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    pub(super) env: Option<Inline>,
    pub(super) value: Option<Inline>,
}

/// Text that is a secret, or may be one in the wrong place.
pub(super) struct Inline(pub(super) String);

impl std::fmt::Debug for Inline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inline(…)")
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(super) enum $name { $($variant),* }

        impl $name {
            fn read(tree: Tree) -> Read<$name> {
                word(&tree, &[$(($word, $name::$variant)),*])
            }
        }
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
    super::read::read(tree, Config::read)
}

impl Config {
    fn read(tree: Tree) -> Read<Config> {
        let names = [
            "auth_tokens",
            "shared_keys",
            "url",
            "mode",
            "max_body_bytes",
            "hold",
            "unmatched",
            "verified_header",
            "explain",
            "routes",
        ];
        let mut fields = Fields::of(tree, "an object with the fields of the plugin's configuration", &names)?;
        Ok(Config {
            auth_tokens: fields.list("auth_tokens", AuthToken::read)?,
            shared_keys: fields.list("shared_keys", SharedKey::read)?,
            url: fields.option("url", Url::read)?,
            mode: fields.option("mode", Mode::read)?,
            max_body_bytes: fields.option("max_body_bytes", whole)?,
            hold: fields.option("hold", Hold::read)?,
            unmatched: fields.option("unmatched", Unmatched::read)?,
            verified_header: fields.option("verified_header", text)?,
            explain: fields.option("explain", boolean)?,
            routes: fields.list("routes", Route::read)?,
        })
    }
}

impl Route {
    fn read(tree: Tree) -> Read<Route> {
        let names = ["name", "match", "auth_tokens", "shared_keys", "url", "mode", "max_body_bytes"];
        let mut fields = Fields::of(tree, "an object: a route with name and match", &names)?;
        Ok(Route {
            name: fields.needed("name", text)?,
            matches: fields.option("match", Match::read)?,
            auth_tokens: fields.list("auth_tokens", AuthToken::read)?,
            shared_keys: fields.list("shared_keys", SharedKey::read)?,
            url: fields.option("url", Url::read)?,
            mode: fields.option("mode", Mode::read)?,
            max_body_bytes: fields.option("max_body_bytes", whole)?,
        })
    }
}

impl Match {
    fn read(tree: Tree) -> Read<Match> {
        let names = ["hosts", "path", "route_names"];
        let mut fields = Fields::of(tree, "an object with hosts, path or route_names", &names)?;
        Ok(Match {
            hosts: fields.list("hosts", text)?,
            path: fields.option("path", Path::read)?,
            route_names: fields.list("route_names", text)?,
        })
    }
}

impl Path {
    fn read(tree: Tree) -> Read<Path> {
        let names = ["exact", "prefix", "ignore_case"];
        let mut fields = Fields::of(tree, "an object with exact or prefix", &names)?;
        Ok(Path {
            exact: fields.option("exact", text)?,
            prefix: fields.option("prefix", text)?,
            ignore_case: fields.switch("ignore_case")?,
        })
    }
}

impl Url {
    fn read(tree: Tree) -> Read<Url> {
        let names = ["base", "trust_forwarded_host", "original_path_header"];
        let expected = "an object with base, trust_forwarded_host or original_path_header";
        let mut fields = Fields::of(tree, expected, &names)?;
        Ok(Url {
            base: fields.option("base", text)?,
            trust_forwarded_host: fields.switch("trust_forwarded_host")?,
            original_path_header: fields.option("original_path_header", text)?,
        })
    }
}

impl AuthToken {
    fn read(tree: Tree) -> Read<AuthToken> {
        let names = ["env", "value", "account_sid"];
        let expected = r#"an object: { "env": "NAME" } or { "value": "..." }"#;
        let mut fields = Fields::of(tree, expected, &names)?;
        Ok(AuthToken {
            env: fields.option("env", Inline::read)?,
            value: fields.option("value", Inline::read)?,
            account_sid: fields.option("account_sid", text)?,
        })
    }
}

impl SharedKey {
    fn read(tree: Tree) -> Read<SharedKey> {
        let names = ["id", "algorithm", "env", "value"];
        let mut fields = Fields::of(tree, "an object with id, algorithm, and env or value", &names)?;
        Ok(SharedKey {
            id: fields.needed("id", text)?,
            algorithm: fields.needed("algorithm", Algorithm::read)?,
            env: fields.option("env", Inline::read)?,
            value: fields.option("value", Inline::read)?,
        })
    }
}

impl Inline {
    fn read(tree: Tree) -> Read<Inline> {
        text(tree).map(Inline)
    }
}
