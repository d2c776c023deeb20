//! From the configuration as written to a policy: defaults, and all that one field cannot say of itself.

use super::keys::{Environment, auth_tokens, shared_keys};
use super::matcher::{matcher, url};
use super::{Policy, Route};
use crate::config::{Config, ConfigError, MaxBodyBytes, Mode, Unmatched, read};
use crate::config::{Route as WrittenRoute, Settings as WrittenSettings};
use crate::route::Match;
use crate::signature::{Key, Keys};
use crate::url::UrlRule;

/// The name of the only route of a configuration without `routes`.
const DEFAULT_ROUTE: &str = "default";

type Compiled<T> = Result<T, ConfigError>;

impl Policy {
    /// Reads a configuration: JSON text, or a binary `google.protobuf.Struct`, which is how Envoy hands over a
    /// configuration that was written as one.
    ///
    /// # Errors
    /// The first thing that is wrong, with the path of its field and the remedy. No secret is in it.
    pub fn parse(configuration: &[u8], environment: Environment<'_>) -> Result<Policy, ConfigError> {
        read(configuration).and_then(|written| policy(&written, environment))
    }
}

fn policy(written: &Config, environment: Environment<'_>) -> Compiled<Policy> {
    let Config { settings, hold, unmatched, verified_header, explain, routes } = written;
    let mut warnings = Vec::new();
    let top = Top::new(Settings::compile("", settings, environment, &mut warnings)?);
    let routes = match routes {
        None => vec![top.route("", DEFAULT_ROUTE, Match::default(), Settings::default())?],
        Some(written) => compile_routes(written, &top, environment, &mut warnings)?,
    };
    one_original_path_header(&routes)?;
    Ok(Policy {
        hold: hold.unwrap_or_default(),
        unmatched: unmatched_or_none(*unmatched, &routes)?,
        verified_header: verified_header.as_ref().map(|name| name.as_str().to_ascii_lowercase()),
        clear_route_cache: top.settings.clear_route_cache.unwrap_or_default(),
        explain: explain.unwrap_or(true),
        routes,
        top_keys: top.keys,
        warnings,
    })
}

/// Returns what becomes of requests that no route matches. It must be written if every route has a `match`: a slip in one must
/// not let webhooks pass in silence.
fn unmatched_or_none(written: Option<Unmatched>, routes: &[Route]) -> Compiled<Unmatched> {
    let is_needed = !routes.iter().any(|route| route.matcher.is_everything());
    match written {
        None if is_needed => Err(ConfigError::new(
            "unmatched",
            "must be said, because every route has a match: deny answers a request that is on none of them with 403, allow \
             lets it pass unverified",
        )),
        // There is no such request.
        None => Ok(Unmatched::Allow),
        Some(unmatched) => Ok(unmatched),
    }
}

/// What may stand at the top and on a route; `None` where nothing is written.
#[derive(Default)]
struct Settings {
    auth_tokens: Option<Vec<Key>>,
    shared_keys: Option<Vec<Key>>,
    url: Option<UrlRule>,
    mode: Option<Mode>,
    max_body_bytes: Option<MaxBodyBytes>,
    clear_route_cache: Option<bool>,
}

impl Settings {
    /// `at` stands before the names of the fields in errors and warnings.
    fn compile(
        at: &str,
        written: &WrittenSettings,
        environment: Environment<'_>,
        warnings: &mut Vec<String>,
    ) -> Compiled<Settings> {
        let WrittenSettings {
            auth_tokens: tokens,
            shared_keys: shared,
            url: rule,
            mode,
            max_body_bytes,
            clear_route_cache,
        } = written;
        let tokens = tokens
            .as_deref()
            .map(|tokens| auth_tokens(&format!("{at}auth_tokens"), tokens, environment, warnings));
        let shared =
            shared.as_deref().map(|shared| shared_keys(&format!("{at}shared_keys"), shared, environment));
        Ok(Settings {
            auth_tokens: tokens.transpose()?,
            shared_keys: shared.transpose()?,
            url: rule.as_ref().map(|rule| url(&format!("{at}url"), rule)).transpose()?,
            mode: *mode,
            max_body_bytes: *max_body_bytes,
            clear_route_cache: *clear_route_cache,
        })
    }
}

/// What routes take over where they say nothing themselves.
struct Top {
    settings: Settings,
    /// Tokens and shared keys, for routes without keys of their own.
    keys: Keys,
}

impl Top {
    fn new(settings: Settings) -> Top {
        let tokens = settings.auth_tokens.as_deref().unwrap_or_default();
        let shared = settings.shared_keys.as_deref().unwrap_or_default();
        Top { keys: Keys::new([tokens, shared].concat()), settings }
    }

    /// Returns a route with what it says itself, and for the rest with what stands at the top.
    fn route(&self, at: &str, name: &str, matcher: Match, own: Settings) -> Compiled<Route> {
        // Both without `..`, so that a new setting cannot be forgotten here.
        let Settings { auth_tokens, shared_keys, url, mode, max_body_bytes, clear_route_cache } = own;
        let Settings {
            auth_tokens: top_tokens,
            shared_keys: top_shared,
            url: top_url,
            mode: top_mode,
            max_body_bytes: top_size,
            clear_route_cache: top_clears,
        } = &self.settings;
        let mode = mode.or(*top_mode).unwrap_or_default();
        let keys = match (auth_tokens, shared_keys) {
            (None, None) => self.keys.clone(),
            (tokens, shared) => {
                let tokens = tokens.or_else(|| top_tokens.clone()).unwrap_or_default();
                let shared = shared.or_else(|| top_shared.clone()).unwrap_or_default();
                Keys::new([tokens, shared].concat())
            }
        };
        if keys.is_empty() && mode != Mode::Off {
            let problem = "there is no key to verify with; give auth_tokens or shared_keys here or at the top, or mode: off";
            return Err(ConfigError::new(format!("{at}auth_tokens"), problem));
        }
        Ok(Route {
            name: name.to_owned(),
            matcher,
            mode,
            url: url.or_else(|| top_url.clone()).unwrap_or_default(),
            keys,
            max_body_bytes: max_body_bytes.or(*top_size).unwrap_or_default().get(),
            clear_route_cache: clear_route_cache.or(*top_clears).unwrap_or_default(),
        })
    }
}

fn compile_routes(
    written: &[WrittenRoute],
    top: &Top,
    environment: Environment<'_>,
    warnings: &mut Vec<String>,
) -> Compiled<Vec<Route>> {
    let mut routes = Vec::with_capacity(written.len());
    for (index, WrittenRoute { name, r#match, settings }) in written.iter().enumerate() {
        let at = format!("routes[{index}]");
        let own = Settings::compile(&format!("{at}."), settings, environment, warnings)?;
        let matcher = r#match.as_ref().map(|written| matcher(&format!("{at}.match"), written)).transpose()?;
        let route = top.route(&format!("{at}."), name.as_str(), matcher.unwrap_or_default(), own)?;
        is_reached(&at, &route, &routes)?;
        routes.push(route);
    }
    Ok(routes)
}

/// Refuses a route that has the name of an earlier one, or that no request is judged on because of one.
fn is_reached(at: &str, route: &Route, earlier: &[Route]) -> Compiled<()> {
    if let Some(other) = earlier.iter().position(|other| other.name == route.name) {
        let problem = format!("is the name of routes[{other}] already; each route needs one of its own");
        return Err(ConfigError::new(format!("{at}.name"), problem));
    }
    for (index, other) in earlier.iter().enumerate() {
        let (why, remedy) = if other.matches_all_of(route) {
            (
                " matches all of it and the first match wins",
                "move it before that one or make that one narrower",
            )
        } else if other.may_deny_all_of(route) {
            (
                " may be what applications read its path as, and it would be denied there",
                "let both have the keys, url and max_body_bytes of the top, or another path",
            )
        } else {
            continue;
        };
        let problem = format!("is never reached, because routes[{index}]{why}; {remedy}");
        return Err(ConfigError::new(format!("{at}.match"), problem));
    }
    Ok(())
}

fn one_original_path_header(routes: &[Route]) -> Compiled<()> {
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
