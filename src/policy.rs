//! The compiled configuration: all that the request path looks at, and nothing in it can be wrong.

mod compile;
mod keys;
mod matcher;
mod route;
mod select;
mod selection;

pub use keys::Environment;
pub use route::Route;
pub use selection::{Judge, Selection};

use crate::config::{Hold, Mode, Unmatched};
use crate::signature::Keys;

/// A configuration that has been read, checked, and made ready: all that the request path looks at.
#[derive(Debug)]
pub struct Policy {
    hold: Hold,
    unmatched: Unmatched,
    verified_header: Option<String>,
    clear_route_cache: bool,
    explain: bool,
    routes: Vec<Route>,
    top_keys: Keys,
    warnings: Vec<String>,
}

impl Policy {
    /// Returns how requests are held back.
    pub fn hold(&self) -> Hold {
        self.hold
    }

    /// Returns what happens to a request that no route matches.
    pub fn unmatched(&self) -> Unmatched {
        self.unmatched
    }

    /// Returns the header that tells the upstream `true`, in lower case.
    pub fn verified_header(&self) -> Option<&str> {
        self.verified_header.as_deref()
    }

    /// Returns whether the proxy chooses the route anew for a request that may go on, and is on the route at this position
    /// or on none.
    pub fn clear_route_cache(&self, position: Option<usize>) -> bool {
        let route = position.and_then(|position| self.route(position));
        route.map_or(self.clear_route_cache, Route::clear_route_cache)
    }

    /// Returns whether the cause of a mismatch is looked for, for the log.
    pub fn explain(&self) -> bool {
        self.explain
    }

    /// Returns the routes, in the order in which they are tried.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Returns the route at a position.
    pub fn route(&self, position: usize) -> Option<&Route> {
        self.routes.get(position)
    }

    /// Returns the keys at the top of the configuration, whether a route uses them or not.
    pub fn top_keys(&self) -> &Keys {
        &self.top_keys
    }

    /// Returns what is not wrong in the configuration, but seldom meant: the path of a field and what to look at, without any
    /// secret.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns whether any request may be denied at all: none is if every route is in `report` or `off`, and `unmatched` allows.
    pub fn can_deny(&self) -> bool {
        self.unmatched == Unmatched::Deny || self.routes.iter().any(|route| route.mode() == Mode::Enforce)
    }

    /// Returns whether some route matches by the proxy's own route name.
    pub fn needs_route_name(&self) -> bool {
        self.routes.iter().any(|route| !route.matcher.route_names.is_empty())
    }

    /// Returns the header that some route takes the path before a rewrite from.
    pub fn original_path_header(&self) -> Option<&str> {
        self.routes.iter().find_map(|route| route.url.original_path_header.as_deref())
    }
}
