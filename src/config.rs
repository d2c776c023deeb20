//! The plugin's configuration: bytes become a [`Policy`] that cannot be wrong, or one [`ConfigError`].

mod error;
mod fields;
mod protobuf;
mod raw;
mod read;
mod resolve;
#[cfg(feature = "schema")]
mod schema;
mod tree;

pub use error::ConfigError;
pub use fields::is_variable_name;
#[cfg(feature = "schema")]
pub use schema::schema;

use crate::route::{Mode, Route, Selection};
use crate::signature::Keys;

/// How a request is held back until it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// This filter stops it at its headers. Needs `allow_on_headers_stop_iteration: true`, Envoy 1.35 or newer.
    OwnStop,
    /// An `envoy.filters.http.buffer` after this filter holds it.
    BufferAfter,
}

/// What happens to a request that no route matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmatched {
    /// It passes unverified.
    Allow,
    /// It is denied with `no_route`.
    Deny,
}

/// A configuration that has been read, checked, and made ready: all that the request path looks at.
#[derive(Debug)]
pub struct Policy {
    hold: Hold,
    unmatched: Unmatched,
    verified_header: Option<String>,
    explain: bool,
    routes: Vec<Route>,
    top_keys: Keys,
}

/// A request that its readers find on different routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Whether it is denied for that, and not reported alone.
    pub is_denied: bool,
    /// The route that it would have to be judged on; `None` if it is on none for some reader.
    pub route: Option<usize>,
}

/// Looks up an environment variable of the proxy.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

impl Policy {
    /// Reads a configuration: JSON text, or a binary `google.protobuf.Struct`, which is how Envoy hands over a
    /// configuration that was written as one.
    ///
    /// # Errors
    /// The first thing that is wrong, with the path of its field and the remedy. No secret is in it.
    pub fn parse(configuration: &[u8], environment: Environment<'_>) -> Result<Policy, ConfigError> {
        raw::read(configuration).and_then(|raw| resolve::policy(raw, environment))
    }

    /// How requests are held back.
    pub fn hold(&self) -> Hold {
        self.hold
    }

    /// What happens to a request that no route matches.
    pub fn unmatched(&self) -> Unmatched {
        self.unmatched
    }

    /// The header that tells the upstream `true`, in lower case.
    pub fn verified_header(&self) -> Option<&str> {
        self.verified_header.as_deref()
    }

    /// Whether a mismatch is looked into for the log.
    pub fn explain(&self) -> bool {
        self.explain
    }

    /// The routes, in the order in which they are tried.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The route at a position.
    pub fn route(&self, position: usize) -> Option<&Route> {
        self.routes.get(position)
    }

    /// The keys at the top of the configuration, be they used by any route or not.
    pub fn top_keys(&self) -> &Keys {
        &self.top_keys
    }

    /// Whether a request may be denied that is on the route at this position, or on none.
    pub fn guards(&self, position: Option<usize>) -> bool {
        match position.and_then(|position| self.route(position)) {
            Some(route) => route.mode() == Mode::Enforce,
            None => self.unmatched == Unmatched::Deny,
        }
    }

    /// What to make of a request that some application may serve as one of another route than proxies find, where the
    /// verdict of that one is not sure to be the same: it is denied if it might be denied there. Where only routes in
    /// `report` are in question, it is told what would become of it if they were enforced.
    ///
    /// A request that is verified on its own route does no harm where nothing is verified, or where there is no route.
    pub fn doubt(&self, selection: &Selection) -> Option<Doubt> {
        let other = |is_guarded: fn(Mode) -> bool| self.other_reading(selection, is_guarded);
        if let Some(route) = other(|mode| mode == Mode::Enforce) {
            return Some(Doubt { is_denied: true, route });
        }
        let route = if self.guards(selection.strict) { None } else { other(|mode| mode != Mode::Off) };
        route.map(|route| Doubt { is_denied: false, route })
    }

    /// The first possible route, if those are guarded that are in one of these modes, which a request would have had to be
    /// judged on.
    fn other_reading(&self, selection: &Selection, is_guarded: fn(Mode) -> bool) -> Option<Option<usize>> {
        let guarded = |position: Option<usize>| {
            position.and_then(|position| self.route(position)).filter(|route| is_guarded(route.mode()))
        };
        let own = guarded(selection.strict);
        let escapes = |other: Option<usize>| match (guarded(other), own) {
            (Some(other), Some(own)) => !own.judges_like(other),
            (Some(_), None) => true,
            (None, own) => other.is_none() && own.is_none() && self.guards(None),
        };
        selection.possible.iter().copied().find(|other| *other != selection.strict && escapes(*other))
    }

    /// Whether any request may be denied at all: not if every route is in `report` or `off`, and `unmatched` allows.
    pub fn can_deny(&self) -> bool {
        self.guards(None) || self.routes.iter().any(|route| route.mode() == Mode::Enforce)
    }

    /// Whether some route matches by the proxy's own route name.
    pub fn needs_route_name(&self) -> bool {
        self.routes.iter().any(|route| !route.matcher.route_names.is_empty())
    }

    /// The header that some route takes the path before a rewrite from.
    pub fn original_path_header(&self) -> Option<&str> {
        self.routes.iter().find_map(|route| route.url.original_path_header.as_deref())
    }
}
