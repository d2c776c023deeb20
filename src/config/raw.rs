//! The configuration as it is written. Every field is known, and none may stand twice.

use super::error::ConfigError;
use super::protobuf;
use super::read::{Fields, Read, boolean, text, whole, word};
use super::tree::Tree;

/// The plugin's configuration.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields, rename = "Configuration"))]
pub(super) struct Config {
    /// The auth tokens, any of which may have signed; several while one is rotated.
    pub(super) auth_tokens: Option<Vec<AuthToken>>,
    /// The SharedKeys that Twilio may sign with.
    pub(super) shared_keys: Option<Vec<SharedKey>>,
    /// How the URL that Twilio dials differs from what arrives; by default it does not.
    pub(super) url: Option<Url>,
    /// What a verdict does; `enforce` by default.
    pub(super) mode: Option<Mode>,
    /// The largest body that is verified, in bytes; 262144 by default.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 67_108_864)))]
    pub(super) max_body_bytes: Option<u64>,
    /// How a request is held back until it is verified; `self` by default.
    pub(super) hold: Option<Hold>,
    /// What happens to a request that no route matches; `allow` by default.
    pub(super) unmatched: Option<Unmatched>,
    /// A header that is set to `true` towards the upstream when a request has been verified. Whatever a client sends in it is removed.
    #[cfg_attr(
        feature = "schema",
        schemars(
            regex(pattern = r"^[Xx]-[A-Za-z0-9_-]*$"),
            extend("not" = super::schema::taken_header())
        )
    )]
    pub(super) verified_header: Option<String>,
    /// Whether the log names the cause of a mismatch and the setting that makes it right; `true` by default.
    pub(super) explain: Option<bool>,
    /// The routes, of which the first that matches counts. Without them every request is verified, on a route called `default`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub(super) routes: Option<Vec<Route>>,
}

/// A route. What it says of keys, `url`, `mode` and `max_body_bytes` replaces the whole of what stands at the top.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
pub(super) struct Route {
    /// The route's label in counters and logs.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[A-Za-z0-9_.-]{1,64}$"), extend("not" = super::schema::taken_name())))]
    pub(super) name: String,
    /// Which requests are on it; by default every request.
    #[cfg_attr(feature = "schema", schemars(rename = "match"))]
    pub(super) matches: Option<Match>,
    /// The auth tokens, any of which may have signed; several while one is rotated.
    pub(super) auth_tokens: Option<Vec<AuthToken>>,
    /// The SharedKeys that Twilio may sign with.
    pub(super) shared_keys: Option<Vec<SharedKey>>,
    /// How the URL that Twilio dials differs from what arrives; by default it does not.
    pub(super) url: Option<Url>,
    /// What a verdict does; `enforce` by default.
    pub(super) mode: Option<Mode>,
    /// The largest body that is verified, in bytes; 262144 by default.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 67_108_864)))]
    pub(super) max_body_bytes: Option<u64>,
}

/// Which requests are on a route: all that is given must match.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
pub(super) struct Match {
    /// `hooks.example.com`, or `*.example.com`; in any case, with any port.
    #[cfg_attr(
        feature = "schema",
        schemars(
            length(min = 1),
            inner(regex(pattern = r"^(\*\.)?(\[.*\]\.?|[A-Za-z0-9._-]*[A-Za-z0-9_-]|[A-Za-z0-9._-]+\.)$"))
        )
    )]
    pub(super) hosts: Option<Vec<String>>,
    /// The path; by default any.
    pub(super) path: Option<Path>,
    /// Names of the proxy's own routes.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), inner(length(min = 1))))]
    pub(super) route_names: Option<Vec<String>>,
}

/// A path without its query, in a canonical spelling.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields,
    extend("oneOf" = super::schema::either("exact", "prefix"))
))]
pub(super) struct Path {
    /// This path alone.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = r"^/[\x00-\x22\x24-\x29\x2B-\x3E\x40-\x7F]*$"), extend("not" = super::schema::escaped_slash()))
    )]
    pub(super) exact: Option<String>,
    /// This path and those below it, by whole segments.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = r"^/[\x00-\x22\x24-\x29\x2B-\x3E\x40-\x7F]*$"), extend("not" = super::schema::escaped_slash()))
    )]
    pub(super) prefix: Option<String>,
    /// Whether it matches in any case.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub(super) ignore_case: bool,
}

/// How the URL that Twilio dials differs from what arrives.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields,
    extend("not" = super::schema::idle_forwarded_host())
))]
pub(super) struct Url {
    /// What Twilio dials: scheme, host, port, and what stands before the request's path.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(
            pattern = r#"^https?://(\[[!"$-.0->A-~]*|[!"$-.0-9;->A-~]+)(:[0-9]+)?(/[!"$->A-~]*)?$"#
        ))
    )]
    pub(super) base: Option<String>,
    /// Whether host and port are those of `X-Forwarded-Host` and `-Port`, which the proxy in front must set or remove on every request.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub(super) trust_forwarded_host: bool,
    /// A header that holds path and query before a rewrite, which the proxy in front must set or remove on every request.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[A-Za-z0-9_-]+$")))]
    pub(super) original_path_header: Option<String>,
}

/// An auth token: the name of a variable that holds it, or the token itself.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields,
    extend("oneOf" = super::schema::either("env", "value"))
))]
pub(super) struct AuthToken {
    /// The name of a variable of the proxy that the plugin is given (`vm_config.environment_variables`).
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", length(min = 1)))]
    pub(super) env: Option<Inline>,
    /// The secret itself, for tests: the proxy shows it in its config dump.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Option<String>", regex(pattern = r"^[^\s\x00-\x1f\x7f]+$"))
    )]
    pub(super) value: Option<Inline>,
    /// The account whose requests alone it is tried for, by their `AccountSid`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^AC[0-9A-Fa-f]{32}$")))]
    pub(super) account_sid: Option<String>,
}

/// A SharedKey, for webhooks whose settings header names it.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields,
    extend("oneOf" = super::schema::either("env", "value"))
))]
pub(super) struct SharedKey {
    /// The id that Twilio shows, like `webhooks_sharedkey_01h...`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[A-Za-z0-9_.-]{1,128}$")))]
    pub(super) id: String,
    /// The hash that Twilio shows for it.
    pub(super) algorithm: Algorithm,
    /// The name of a variable of the proxy that the plugin is given (`vm_config.environment_variables`).
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", length(min = 1)))]
    pub(super) env: Option<Inline>,
    /// The secret itself, for tests: the proxy shows it in its config dump.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Option<String>", regex(pattern = r"^[^\s\x00-\x1f\x7f]+$"))
    )]
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
    ($(#[$doc:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub(super) enum $name {
            $($(#[$meaning])* #[cfg_attr(feature = "schema", schemars(rename = $word))] $variant),*
        }

        impl $name {
            fn read(tree: Tree) -> Read<$name> {
                word(&tree, &[$(($word, $name::$variant)),*])
            }
        }
    };
}

words! { /// The hash under a SharedKey's HMAC.
Algorithm { HmacSha1 = "HMAC_SHA1", HmacSha256 = "HMAC_SHA256" } }
words! { /// How a request is held back until it is verified.
Hold {
    /// The filter stops it at its headers; needs `allow_on_headers_stop_iteration: true`, Envoy 1.35 or newer.
    OwnStop = "self",
    /// An `envoy.filters.http.buffer` after the filter holds it.
    BufferAfter = "buffer_after",
} }
words! { /// What a verdict does.
Mode {
    /// What is not verified is denied.
    Enforce = "enforce",
    /// Nothing is denied; counters and logs tell what would have been.
    Report = "report",
    /// Nothing is verified.
    Off = "off",
} }
words! { /// What happens to a request that no route matches.
Unmatched {
    /// It passes unverified.
    Allow = "allow",
    /// It is denied.
    Deny = "deny",
} }

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
