//! Which route of the configuration a request is on.

mod path;

pub(crate) use path::PathMatch;

use crate::signature::Keys;
use crate::url::UrlRule;
use path::{Fit, Spellings};

/// What a route's verdict does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// An unverified request is denied.
    Enforce,
    /// Nothing is denied; counters and logs tell what would have been.
    Report,
    /// Nothing is verified.
    Off,
}

/// One route of the policy.
#[derive(Clone, Debug)]
pub struct Route {
    pub(crate) name: String,
    pub(crate) matcher: Match,
    pub(crate) mode: Mode,
    pub(crate) url: UrlRule,
    pub(crate) keys: Keys,
    pub(crate) max_body_bytes: usize,
}

impl Route {
    /// The route's name, its label in counters and logs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its verdict does.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The largest body, in bytes, that is verified.
    pub fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    /// The keys that requests on this route may be signed with.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// How this route's URLs differ from what the proxy sees.
    pub fn url(&self) -> &UrlRule {
        &self.url
    }

    /// Whether a request has the same verdict on this route as on `other`, if both are in the same mode.
    pub(crate) fn judges_like(&self, other: &Route) -> bool {
        self.keys.is_copy_of(&other.keys)
            && self.url == other.url
            && self.max_body_bytes == other.max_body_bytes
    }

    /// Whether no request is ever on `other`, because this comes first, as proxies read paths.
    pub(crate) fn hides(&self, other: &Route) -> bool {
        self.matcher.hides(&other.matcher, false)
    }

    /// Whether no request is ever judged on `other`, because this comes first and some application may find it here, where
    /// the verdict would be another.
    pub(crate) fn shadows(&self, other: &Route) -> bool {
        let is_judged = match (self.mode, other.mode) {
            (Mode::Off, _) | (Mode::Report, Mode::Enforce) => true,
            (own, mode) => own == mode && self.judges_like(other),
        };
        !is_judged && self.matcher.hides(&other.matcher, true)
    }
}

/// A conjunction: what is empty matches everything.
#[derive(Clone, Debug, Default)]
pub struct Match {
    pub(crate) hosts: Vec<HostMatch>,
    pub(crate) path: Option<PathMatch>,
    pub(crate) route_names: Vec<String>,
}

impl Match {
    /// Whether all but the path matches.
    fn is_near(&self, host: &[u8], route_name: &[u8]) -> bool {
        (self.hosts.is_empty() || self.hosts.iter().any(|matcher| matcher.is_match(host)))
            && (self.route_names.is_empty()
                || self.route_names.iter().any(|name| name.as_bytes() == route_name))
    }

    /// Whether everything that `other` matches is matched by `self`, by whatever reader if `to_all`, else by proxies.
    fn hides(&self, other: &Match, to_all: bool) -> bool {
        let hosts = self.hosts.is_empty()
            || (!other.hosts.is_empty()
                && other.hosts.iter().all(|host| self.hosts.iter().any(|own| own.hides(host))));
        let path = match (&self.path, &other.path) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(path)) => own.hides(path, to_all),
        };
        let names = self.route_names.is_empty()
            || (!other.route_names.is_empty()
                && other.route_names.iter().all(|name| self.route_names.contains(name)));
        hosts && path && names
    }
}

/// A host of a request: lower case, without user, port and trailing dot.
///
/// A port is what follows the last colon, a number or not: a proxy that ignores ports when it chooses a virtual
/// host takes `hooks.example.com:x` for `hooks.example.com`, and such a request must not pass as unmatched.
pub fn canonical_host(authority: &[u8]) -> Vec<u8> {
    let colon = authority.iter().rposition(|byte| *byte == b':');
    let bracket = authority.iter().rposition(|byte| *byte == b']');
    let end = colon.filter(|_| colon > bracket).unwrap_or(authority.len());
    let host = authority.get(..end).unwrap_or_default();
    let host = host.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    host.strip_suffix(b".").unwrap_or(host).to_ascii_lowercase()
}

/// A host of the configuration, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostMatch {
    Exact(String),
    /// `*.example.com`, held as `.example.com`: at least one label stands before it.
    Suffix(String),
}

impl HostMatch {
    fn is_match(&self, host: &[u8]) -> bool {
        match self {
            HostMatch::Exact(name) => host == name.as_bytes(),
            HostMatch::Suffix(suffix) => {
                host.strip_suffix(suffix.as_bytes()).is_some_and(|label| !label.is_empty())
            }
        }
    }

    fn hides(&self, other: &HostMatch) -> bool {
        match (self, other) {
            (own, HostMatch::Exact(name)) => own.is_match(name.as_bytes()),
            (HostMatch::Suffix(own), HostMatch::Suffix(suffix)) => suffix.ends_with(own.as_str()),
            (HostMatch::Exact(_), HostMatch::Suffix(_)) => false,
        }
    }
}

/// The route that a request is on, by its readers. `None` is no route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// As proxies read the path.
    pub strict: Option<usize>,
    /// As any application may: each route that one of them finds, up to the first that all of them do. Where they are
    /// not the same, see [`Policy::doubt`](crate::config::Policy::doubt).
    pub possible: Vec<Option<usize>>,
}

/// Finds the first route that matches. `path` is the request's path without its query.
pub fn select(routes: &[Route], authority: &[u8], path: &[u8], route_name: &[u8]) -> Selection {
    let (host, path) = (canonical_host(authority), Spellings::of(path));
    let mut selection = Selection::default();
    for (position, route) in routes.iter().enumerate() {
        if !route.matcher.is_near(&host, route_name) {
            continue;
        }
        let fit = route.matcher.path.as_ref().map_or(Fit::Everybody, |matcher| matcher.fit(&path));
        if fit >= Fit::Someone {
            selection.possible.push(Some(position));
        }
        if fit >= Fit::Proxies {
            selection.strict = selection.strict.or(Some(position));
        }
        if fit == Fit::Everybody {
            return selection;
        }
    }
    selection.possible.push(None);
    selection
}

#[cfg(test)]
mod tests;
