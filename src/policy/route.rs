//! A route of the policy: what requests are on it, and how they are verified.

use crate::config::Mode;
use crate::route::Match;
use crate::signature::Keys;
use crate::url::UrlRule;

/// One route of the policy.
#[derive(Clone, Debug)]
pub struct Route {
    pub(crate) name: String,
    pub(crate) matcher: Match,
    pub(crate) mode: Mode,
    pub(crate) url: UrlRule,
    pub(crate) keys: Keys,
    pub(crate) max_body_bytes: usize,
    pub(crate) clear_route_cache: bool,
}

impl Route {
    /// Returns the route's name, which is its label in counters and logs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what its verdict does.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns the largest body, in bytes, that is verified.
    pub fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    /// Returns whether the proxy chooses the route anew for a request that may go on.
    pub fn clear_route_cache(&self) -> bool {
        self.clear_route_cache
    }

    /// Returns the keys that requests on this route may be signed with.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns how this route's URLs differ from what the proxy sees.
    pub fn url(&self) -> &UrlRule {
        &self.url
    }

    /// Returns true if a request has the same verdict here as on `other`, if both are in the same mode.
    pub(crate) fn judges_like(&self, other: &Route) -> bool {
        // Without `..`, so that a new setting has to be judged here.
        let Route { name: _, matcher: _, mode: _, url, keys, max_body_bytes, clear_route_cache: _ } = self;
        keys.is_copy_of(&other.keys) && *url == other.url && *max_body_bytes == other.max_body_bytes
    }

    /// Returns true if no request is ever on `other` where this comes first, because it matches all that `other` does.
    pub(crate) fn matches_all_of(&self, other: &Route) -> bool {
        self.matcher.covers(&other.matcher)
    }

    /// Returns true if no request is ever judged on `other` alone where this comes first, because some reader may find all
    /// of them here, where the verdict would be another.
    pub(crate) fn may_deny_all_of(&self, other: &Route) -> bool {
        let is_judged = match (self.mode, other.mode) {
            (Mode::Off, _) | (Mode::Report, Mode::Enforce) => true,
            (own, mode) => own == mode && self.judges_like(other),
        };
        !is_judged && self.matcher.may_cover(&other.matcher)
    }
}
