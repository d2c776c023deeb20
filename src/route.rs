//! Which requests are on a route of the configuration.

mod fit;
mod host;
mod miss;
mod path;

pub(crate) use fit::Fit;
pub(crate) use host::HostMatch;
pub use host::plain_host;
pub(crate) use miss::Miss;
pub(crate) use path::{Path, PathMatch};

use crate::request::Head;

/// The parts of a request that say which route it is on.
#[derive(Debug)]
pub(crate) struct Target<'r> {
    /// `None` where it may be any.
    host: Option<Vec<u8>>,
    path: Path<'r>,
    route_name: &'r [u8],
}

impl<'r> Target<'r> {
    /// Returns the target of a request that is on this route of the proxy.
    pub(crate) fn of(head: &'r Head, route_name: &'r [u8]) -> Target<'r> {
        let host = plain_host(head.authority().one().unwrap_or_default());
        let path = Path::new(head.path_without_query(), head.moves_root());
        Target { host, path, route_name }
    }

    /// Returns true if the host may be any. Twilio dials no such host.
    pub(crate) fn may_be_any_host(&self) -> bool {
        self.host.is_none()
    }

    /// Returns true if readers agree about the path. Who puts a URL together of a host that may be any and the path may find
    /// another path in it.
    pub(crate) fn has_plain_path(&self) -> bool {
        self.path.is_plain() && !self.may_be_any_host()
    }

    fn fit(&self, path: &PathMatch) -> Fit {
        match path.fit(&self.path) {
            Fit::No if self.may_be_any_host() => Fit::Maybe,
            fit => fit,
        }
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
    /// Returns true if every request matches.
    pub(crate) fn is_everything(&self) -> bool {
        self.hosts.is_empty() && self.path.is_none() && self.route_names.is_empty()
    }

    /// Returns whether a request is what all of this asks for.
    pub(crate) fn fit(&self, target: &Target<'_>) -> Fit {
        if !self.has_route_name(target) {
            return Fit::No;
        }
        match (host::fit(&self.hosts, target.host.as_deref()), &self.path) {
            (Fit::No, _) => Fit::No,
            (host, None) => host,
            (host, Some(path)) => host.min(target.fit(path)),
        }
    }

    /// Returns the parts that a request is not as it is written, each looked at for itself. The request does not match.
    pub(crate) fn miss(&self, target: &Target<'_>) -> Miss {
        let hosts = host::fit(&self.hosts, target.host.as_deref()) != Fit::Yes;
        let route_names = !self.has_route_name(target);
        // Where all else is right it is the path, which costs the most to look at.
        let misses_path = |path: &PathMatch| !(hosts || route_names) || path.fit(&target.path) != Fit::Yes;
        Miss { hosts, path: self.path.as_ref().is_some_and(misses_path), route_names }
    }

    fn has_route_name(&self, target: &Target<'_>) -> bool {
        let is_named = |name: &String| name.as_bytes() == target.route_name;
        self.route_names.is_empty() || self.route_names.iter().any(is_named)
    }

    /// Returns true if all that `other` asks for, as it is written, is what this asks for.
    pub(crate) fn covers(&self, other: &Match) -> bool {
        self.covers_by(other, PathMatch::covers)
    }

    /// Returns true if some reader may take all that `other` asks for, as it is written, for what this asks for.
    pub(crate) fn may_cover(&self, other: &Match) -> bool {
        self.covers_by(other, PathMatch::may_cover)
    }

    fn covers_by(&self, other: &Match, covers: fn(&PathMatch, &PathMatch) -> bool) -> bool {
        let hosts = self.hosts.is_empty()
            || (!other.hosts.is_empty()
                && other.hosts.iter().all(|host| self.hosts.iter().any(|own| own.covers(host))));
        let path = match (&self.path, &other.path) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(path)) => covers(own, path),
        };
        let names = self.route_names.is_empty()
            || (!other.route_names.is_empty()
                && other.route_names.iter().all(|name| self.route_names.contains(name)));
        hosts && path && names
    }
}

#[cfg(test)]
mod tests;
