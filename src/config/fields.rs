//! Every field of the configuration, once. What follows `Default: ` in a description is what a field means where it is not
//! written.

use super::object::{Conflict, choice, group, object};
use super::size::MaxBodyBytes;
use super::text::{
    AccountSid, BaseUrl, FilterStateKey, HeaderName, Host, Inline, PathText, ProxyRouteName, RouteName,
    SharedKeyId, Variable, VerifiedHeader,
};
use super::word::{Algorithm, Hold, Mode, Unmatched};

object! {
    /// The plugin's configuration.
    Config is "an object with the fields of the plugin's configuration" {
        settings: Settings,
        /// How a request is held back until it is verified: `self` or `buffer_after`. Default: `self`.
        hold: Option<Hold>,
        /// What happens to a request that no route matches: `allow` lets it pass unverified, `deny` answers it with
        /// 403. It is required if every route has a `match`. Default: none.
        unmatched: Option<Unmatched>,
        /// A header that the filter sets to `true` for the upstream when a request has been verified. Clients
        /// cannot send it: the filter removes it, and every spelling of it with another character for a `-`, such
        /// as `x_twilio_verified`. What another of these filters in the same chain has set stays. If any route
        /// matches by `route_names`, a request whose client sends it is denied with `no_route`. It is set only with
        /// `hold: self`, and only on routes in `enforce`. Default: none.
        verified_header: Option<VerifiedHeader>,
        /// When a signature does not fit, try what commonly goes wrong, and log which setting would make it fit.
        /// This never changes a verdict. It runs at most as often as lines are written, 20 times at once and then
        /// once a second on each worker, for bodies of up to 64 KiB. Default: `true`.
        explain: Option<bool>,
        /// The routes, of which the first that matches counts. Without them every request that reaches the filter is
        /// verified, on a route called `default`. Default: none.
        routes: Option<Vec<Route>>,
    }
}

group! {
    /// The fields that stand at the top, and on a route in the place of what stands at the top.
    Settings {
        /// The auth tokens. Twilio may have signed with any of them; give two while you rotate one. Default: none;
        /// where something is verified, there must be a key.
        auth_tokens: Option<Vec<AuthToken>>,
        /// The SharedKeys that Twilio may sign with. Default: none.
        shared_keys: Option<Vec<SharedKey>>,
        /// How the URL that Twilio dials differs from what arrives. Default: it does not.
        url: Option<Url>,
        /// What a verdict does: `enforce`, `report` (nothing is denied or held back; counters and logs tell what would
        /// have been denied) or `off` (nothing is verified). Default: `enforce`.
        mode: Option<Mode>,
        /// The largest body that is verified, in bytes, from 1 to 67108864; a larger one is denied with 413. A body
        /// needs up to five times its size while it is verified, on each worker: keep it small. A form of more than
        /// 65,536 parameters is not read, and is denied unless the `bodySHA256` in its URL vouches for it. Default:
        /// `262144`.
        max_body_bytes: Option<MaxBodyBytes>,
        /// For the gate: when a request may go on, write the verdict to filter state, where Envoy's own routes can
        /// match on it, and let Envoy choose the route again. Default: `false`.
        clear_route_cache: Option<bool>,
    }
}

object! {
    /// A route. What it says of the fields that stand at the top as well replaces the whole of what stands there.
    Route is "an object: a route with name and match",
    of which there must be one: "is empty; give a route, or leave routes out to verify every request" {
        /// The route's label in counters and logs: 1 to 64 letters, digits, `-`, `_`, `.`.
        name: RouteName,
        /// Which requests are on the route; all that is given must match. Default: every request.
        r#match: Option<Match>,
        settings: Settings,
    }
}

object! {
    /// Which requests are on a route: all that is given must match.
    Match is "an object with hosts, path or route_names" {
        /// Hosts: `hooks.example.com`, or `*.example.com`, in which any number of labels may stand for the `*`; in any
        /// case, with any port. Default: any.
        hosts: Option<Vec<Host>>,
        /// The path, without the query. Default: any.
        path: Option<Path>,
        /// The names of the proxy's own routes: with a gate the gate's, as a request is on no other before the verdict.
        /// Default: any.
        route_names: Option<Vec<ProxyRouteName>>,
    }
}

object! {
    /// A path without its query. There are no wildcards and no escaped slashes, and what is not ASCII is written in
    /// escapes.
    Path is "an object with exact or prefix" {
        guard: PathGuard,
        /// Match in any case. Default: `false`.
        ignore_case: bool,
    }
}

choice! {
    /// What a path must be.
    PathGuard,
    if none: "needs exactly one of exact and prefix",
    if several: "needs exactly one of exact and prefix" {
        /// This path alone.
        exact: Exact(PathText),
        /// This path and those below it, by whole segments: `/a` is `/a` and `/a/b`, not `/ab`.
        prefix: Prefix(PathText),
    }
}

object! {
    /// How the URL that Twilio dials differs from what arrives.
    Url is "an object with base, trust_forwarded_host or original_path_header", unless IDLE_FORWARDED_HOST {
        /// What Twilio dials: scheme, host, port, and what stands before the request's path. Default: what arrives.
        base: Option<BaseUrl>,
        /// Take host and port from `X-Forwarded-Host` and `X-Forwarded-Port`. The proxy in front must set or remove
        /// them on every request. Default: `false`.
        trust_forwarded_host: bool,
        /// A header that holds path and query before a rewrite. The proxy in front must set or remove it on every
        /// request. Default: none.
        original_path_header: Option<HeaderName>,
    }
}

/// `base` names the host already.
const IDLE_FORWARDED_HOST: Conflict<Url> = Conflict {
    is_found: |url| url.base.is_some() && url.trust_forwarded_host,
    field: "trust_forwarded_host",
    problem: "has no effect beside base, which names the host already; remove one of them",
    #[cfg(feature = "schema")]
    schema: || {
        serde_json::json!({
            "required": ["base", "trust_forwarded_host"],
            "properties": { "base": { "type": "string" }, "trust_forwarded_host": { "const": true } },
        })
    },
};

object! {
    /// An auth token, or several of them in one text: where it comes from.
    AuthToken is r#"an object: { "env": "NAME" }, { "filter_state": "KEY" } or { "value": "..." }"# {
        source: Source,
        /// The account whose requests alone the token is tried for, by their `AccountSid`. Default: any.
        account_sid: Option<AccountSid>,
    }
}

object! {
    /// A SharedKey, for webhooks whose settings header names it.
    SharedKey is "an object with id, algorithm, and one of env, filter_state and value" {
        /// The id that Twilio shows, like `webhooks_sharedkey_01h...`.
        id: SharedKeyId,
        /// The hash that Twilio shows for it: `HMAC_SHA256` or `HMAC_SHA1`.
        algorithm: Algorithm,
        source: Source,
    }
}

choice! {
    /// Where a key comes from.
    Source,
    if none: "needs env (the name of a variable), filter_state (the key of one) or value",
    if several: "has several of env, filter_state and value; keep one of them" {
        /// The name of a variable of the proxy that the plugin is given (`vm_config.environment_variables`).
        env: Env(Variable),
        /// The key of the filter state that holds it, for keys that change while the proxy serves: a filter before this one,
        /// as `envoy.filters.http.set_filter_state`, fills it from a file or from SDS (Envoy 1.38 or newer). Its text may hold
        /// several secrets, one a line, of which any may have signed; see docs/tokens.md. 1 to 128 letters, digits, `-`, `_`,
        /// `.`.
        filter_state: FilterState(FilterStateKey),
        /// The secret itself, for tests: the proxy shows it in its config dump.
        value: Value(Inline),
    }
}
