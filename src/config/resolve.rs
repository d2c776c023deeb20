//! From what is written to a policy: defaults, secrets, and all that one field cannot say of itself.

use super::error::ConfigError;
use super::fields::{
    account_sid, is_variable_name, matcher, max_body_bytes, mode, route_name, shared_key_id, url,
    verified_header,
};
use super::raw;
use super::{Environment, Hold, Policy, Unmatched};
use crate::route::{Match, Mode, Route};
use crate::secret::Secret;
use crate::signature::{Algorithm, Key, Keys};
use crate::url::UrlRule;

/// The largest body that is verified, unless the configuration says otherwise: 256 KiB.
const MAX_BODY_BYTES: u64 = 262_144;
/// The name of the only route of a configuration without `routes`.
const DEFAULT_ROUTE: &str = "default";

pub(super) type Resolved<T> = Result<T, ConfigError>;

pub(super) fn policy(raw: raw::Config, environment: Environment<'_>) -> Resolved<Policy> {
    let resolver = Resolver { environment };
    let auth_tokens = resolver.auth_tokens("auth_tokens", raw.auth_tokens.as_deref())?.unwrap_or_default();
    let shared_keys = resolver.shared_keys("shared_keys", raw.shared_keys.as_deref())?.unwrap_or_default();
    let defaults = Defaults {
        keys: Keys::new([&auth_tokens[..], &shared_keys].concat()),
        auth_tokens,
        shared_keys,
        url: url("url", raw.url.as_ref())?.unwrap_or_default(),
        mode: raw.mode.map_or(Mode::Enforce, mode),
        max_body_bytes: max_body_bytes("max_body_bytes", Some(raw.max_body_bytes.unwrap_or(MAX_BODY_BYTES)))?,
    };
    let routes = match &raw.routes {
        None => vec![defaults.only_route()?],
        Some(routes) if routes.is_empty() => {
            return Err(ConfigError::new(
                "routes",
                "is empty; give a route, or leave routes out to verify every request",
            ));
        }
        Some(routes) => resolver.routes(routes, &defaults)?,
    };
    one_original_path_header(&routes)?;
    Ok(Policy {
        hold: raw.hold.map_or(Hold::OwnStop, |hold| match hold {
            raw::Hold::OwnStop => Hold::OwnStop,
            raw::Hold::BufferAfter => Hold::BufferAfter,
        }),
        unmatched: raw.unmatched.map_or(Unmatched::Allow, |unmatched| match unmatched {
            raw::Unmatched::Allow => Unmatched::Allow,
            raw::Unmatched::Deny => Unmatched::Deny,
        }),
        verified_header: raw.verified_header.as_deref().map(verified_header).transpose()?,
        explain: raw.explain.unwrap_or(true),
        routes,
        top_keys: defaults.keys,
    })
}

/// What routes take over where they say nothing themselves.
struct Defaults {
    auth_tokens: Vec<Key>,
    shared_keys: Vec<Key>,
    /// Both of them, for who has no keys of its own.
    keys: Keys,
    url: UrlRule,
    mode: Mode,
    max_body_bytes: Option<usize>,
}

impl Defaults {
    fn only_route(&self) -> Resolved<Route> {
        Ok(Route {
            name: DEFAULT_ROUTE.to_owned(),
            matcher: Match::default(),
            mode: self.mode,
            url: self.url.clone(),
            keys: sufficient("", self.mode, self.keys.clone())?,
            max_body_bytes: self.max_body_bytes.unwrap_or_default(),
        })
    }
}

struct Resolver<'a> {
    environment: Environment<'a>,
}

impl Resolver<'_> {
    fn routes(&self, raw: &[raw::Route], defaults: &Defaults) -> Resolved<Vec<Route>> {
        let mut routes: Vec<Route> = Vec::with_capacity(raw.len());
        for (index, route) in raw.iter().enumerate() {
            let at = format!("routes[{index}]");
            let route = self.route(&at, route, defaults)?;
            if let Some(earlier) = routes.iter().position(|earlier| earlier.name == route.name) {
                let problem =
                    format!("is the name of routes[{earlier}] already; each route needs one of its own");
                return Err(ConfigError::new(format!("{at}.name"), problem));
            }
            for (earlier, other) in routes.iter().enumerate() {
                let (why, remedy) = if other.hides(&route) {
                    (
                        " matches all of it and the first match wins",
                        "move it before that one or make that one narrower",
                    )
                } else if other.shadows(&route) {
                    (
                        " may be what applications read its path as, and it would be denied there",
                        "let both have the keys, url and max_body_bytes of the top, or another path",
                    )
                } else {
                    continue;
                };
                let problem = format!("is never reached, because routes[{earlier}]{why}; {remedy}");
                return Err(ConfigError::new(format!("{at}.match"), problem));
            }
            routes.push(route);
        }
        Ok(routes)
    }

    fn route(&self, at: &str, raw: &raw::Route, defaults: &Defaults) -> Resolved<Route> {
        let mode = raw.mode.map_or(defaults.mode, mode);
        let auth_tokens = self.auth_tokens(&format!("{at}.auth_tokens"), raw.auth_tokens.as_deref())?;
        let shared_keys = self.shared_keys(&format!("{at}.shared_keys"), raw.shared_keys.as_deref())?;
        let keys = match (auth_tokens, shared_keys) {
            (None, None) => defaults.keys.clone(),
            (auth_tokens, shared_keys) => {
                let auth_tokens = auth_tokens.as_deref().unwrap_or(&defaults.auth_tokens);
                let shared_keys = shared_keys.as_deref().unwrap_or(&defaults.shared_keys);
                Keys::new([auth_tokens, shared_keys].concat())
            }
        };
        let body_limit = max_body_bytes(&format!("{at}.max_body_bytes"), raw.max_body_bytes)?;
        Ok(Route {
            name: route_name(&format!("{at}.name"), &raw.name)?,
            matcher: raw
                .matches
                .as_ref()
                .map_or(Ok(Match::default()), |raw| matcher(&format!("{at}.match"), raw))?,
            mode,
            url: url(&format!("{at}.url"), raw.url.as_ref())?.unwrap_or_else(|| defaults.url.clone()),
            keys: sufficient(&format!("{at}."), mode, keys)?,
            max_body_bytes: body_limit.or(defaults.max_body_bytes).unwrap_or_default(),
        })
    }

    fn auth_tokens(&self, at: &str, raw: Option<&[raw::AuthToken]>) -> Resolved<Option<Vec<Key>>> {
        let Some(raw) = raw else { return Ok(None) };
        let key = |(index, raw): (usize, &raw::AuthToken)| {
            let at = format!("{at}[{index}]");
            let (secret, name) = self.secret(&at, raw.env.as_ref(), raw.value.as_ref())?;
            let account_sid = raw.account_sid.as_deref().map(|sid| account_sid(&at, sid)).transpose()?;
            let label = name.unwrap_or_else(|| at.clone());
            Key::auth_token(label, &secret, account_sid)
                .ok_or_else(|| ConfigError::new(at, "cannot be used as a key"))
        };
        raw.iter().enumerate().map(key).collect::<Resolved<_>>().map(Some)
    }

    fn shared_keys(&self, at: &str, raw: Option<&[raw::SharedKey]>) -> Resolved<Option<Vec<Key>>> {
        let Some(raw) = raw else { return Ok(None) };
        let key = |(index, key): (usize, &raw::SharedKey)| {
            let at = format!("{at}[{index}]");
            let is_named = |other: &raw::SharedKey| other.id == key.id;
            if raw.iter().position(is_named) != Some(index) {
                return Err(ConfigError::new(
                    format!("{at}.id"),
                    "is the id of an earlier shared key already",
                ));
            }
            let (secret, _) = self.secret(&at, key.env.as_ref(), key.value.as_ref())?;
            let algorithm = match key.algorithm {
                raw::Algorithm::HmacSha1 => Algorithm::HmacSha1,
                raw::Algorithm::HmacSha256 => Algorithm::HmacSha256,
            };
            let id = shared_key_id(&format!("{at}.id"), &key.id)?;
            Key::shared_key(id, algorithm, &secret)
                .ok_or_else(|| ConfigError::new(at, "cannot be used as a key"))
        };
        raw.iter().enumerate().map(key).collect::<Resolved<_>>().map(Some)
    }

    /// A secret, and the name of the variable that it came from if that may be shown.
    fn secret(
        &self,
        at: &str,
        env: Option<&raw::Inline>,
        value: Option<&raw::Inline>,
    ) -> Resolved<(Secret, Option<String>)> {
        match (env, value) {
            (Some(env), None) => {
                let field = format!("{at}.env");
                // A name that is not written like one may be a token in the wrong field: it is not repeated.
                let name = Some(env.0.clone()).filter(|name| is_variable_name(name));
                let Some(text) = (self.environment)(&env.0) else {
                    let problem = name.map_or_else(
                        || "names no variable of the plugin's environment; write its name alone, without $, and no token here".to_owned(),
                        |name| {
                            format!(
                                "the variable {name} is not set in the plugin's environment; \
                                 list it in vm_config.environment_variables and set it for the proxy"
                            )
                        },
                    );
                    return Err(ConfigError::new(field, problem));
                };
                let shown = name.as_deref().unwrap_or("of this name");
                let secret = Secret::new(text)
                    .map_err(|problem| ConfigError::new(field, format!("the variable {shown} {problem}")))?;
                Ok((secret, name))
            }
            (None, Some(value)) => Secret::new(value.0.clone().into_bytes())
                .map(|secret| (secret, None))
                .map_err(|problem| ConfigError::new(format!("{at}.value"), problem)),
            (None, None) => Err(ConfigError::new(at, "needs env (the name of a variable) or value")),
            (Some(_), Some(_)) => Err(ConfigError::new(at, "has both env and value; keep one of them")),
        }
    }
}

/// The keys, if there is one where something is to be verified.
fn sufficient(at: &str, mode: Mode, keys: Keys) -> Resolved<Keys> {
    if keys.is_empty() && mode != Mode::Off {
        let problem = "there is no key to verify with; give auth_tokens or shared_keys here or at the top, or mode: off";
        return Err(ConfigError::new(format!("{at}auth_tokens"), problem));
    }
    Ok(keys)
}

fn one_original_path_header(routes: &[Route]) -> Resolved<()> {
    let mut names = routes
        .iter()
        .enumerate()
        .filter_map(|(index, route)| route.url.original_path_header.as_deref().map(|name| (index, name)));
    let Some((first, name)) = names.next() else {
        return Ok(());
    };
    match names.find(|(_, other)| *other != name) {
        None => Ok(()),
        Some((index, _)) => Err(ConfigError::new(
            format!("routes[{index}].url.original_path_header"),
            format!("must be the header of routes[{first}]; one proxy writes one such header"),
        )),
    }
}
