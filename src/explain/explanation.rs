//! What was found out about a denial, and the line of the log that says it.

use std::fmt;

use super::cause::Cause;
use crate::policy::{Policy, Route};
use crate::route::Miss;

/// So much of the name of a proxy's route is shown.
const MOST_OF_A_NAME: usize = 200;

/// What went wrong with a denied request: a cause, and what is known beside it.
#[derive(Clone, PartialEq, Eq)]
pub struct Explanation {
    pub(super) cause: Cause,
    pub(super) other_scheme: bool,
    pub(super) key: Option<String>,
    pub(super) url: Option<Vec<u8>>,
    pub(super) detail: Option<Detail>,
}

/// Where the mistake is, as far as the cause leaves that open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The header that holds what was signed.
    Header(&'static str),
    /// What stood before the path when it was signed.
    Prefix(&'static str),
    /// The parameter of the query that was not signed, counted from one.
    Place(usize),
    /// The route that an application may find the request on.
    ReadsAs(String),
    /// The filter state that does not hold the keys that it should.
    FilterState(String),
    /// The line of this filter state that is no key, counted from one.
    FilterStateLine(String, u32),
    /// The proxy's own route, in quotes and escaped, of a signed request that is on no route, and what it lacks for each of
    /// the first ones, as in `sms:path;voice:hosts,path`.
    NoRoute(String, String),
}

impl Detail {
    /// Returns the names and the values that the log shows.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        match self {
            Detail::Header(name) => vec![("header", (*name).to_owned())],
            Detail::Prefix(prefix) => vec![("prefix", (*prefix).to_owned())],
            Detail::Place(place) => vec![("place", place.to_string())],
            Detail::ReadsAs(route) => vec![("reads_as", route.clone())],
            Detail::FilterState(key) => vec![("filter_state", key.clone())],
            Detail::FilterStateLine(key, line) => {
                vec![("filter_state", key.clone()), ("line", line.to_string())]
            }
            Detail::NoRoute(proxy_route, misses) => {
                vec![("proxy_route", proxy_route.clone()), ("misses", misses.clone())]
            }
        }
    }
}

impl Explanation {
    /// Returns an explanation that names the cause alone.
    pub(super) fn of(cause: Cause) -> Explanation {
        Explanation { cause, other_scheme: false, key: None, url: None, detail: None }
    }

    /// Returns an explanation that names the cause and where the mistake is.
    pub(super) fn with(cause: Cause, detail: Detail) -> Explanation {
        Explanation { detail: Some(detail), ..Explanation::of(cause) }
    }

    /// Returns the explanation that some application may read the path as one of this route.
    pub(super) fn of_other_reading(route: &Route) -> Explanation {
        Explanation::with(Cause::OtherReading, Detail::ReadsAs(route.name().to_owned()))
    }

    /// Returns the explanation that a signed request, on this route of the proxy, lacks this for the first routes.
    pub(super) fn of_no_route(policy: &Policy, misses: &[Miss], proxy_route: &[u8]) -> Explanation {
        let of_route = |(route, miss): (&Route, &Miss)| format!("{}:{miss}", route.name());
        let mut told: Vec<String> = policy.routes().iter().zip(misses).map(of_route).collect();
        let untold = policy.routes().len().saturating_sub(told.len());
        if untold > 0 {
            told.push(format!("and_{untold}_more"));
        }
        let proxy_route = proxy_route.get(..MOST_OF_A_NAME).unwrap_or(proxy_route);
        // Whoever may write routes for the proxy may write anything into their names.
        let proxy_route = format!("\"{}\"", proxy_route.escape_ascii());
        Explanation::with(Cause::NoMatch, Detail::NoRoute(proxy_route, told.join(";")))
    }

    /// Returns what went wrong.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Returns true if the scheme was another one, too.
    pub fn other_scheme(&self) -> bool {
        self.other_scheme
    }

    /// Returns the configured name of the key that made the signature, if one did.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns where the mistake is, if that is known beside the cause.
    pub fn detail(&self) -> Option<&Detail> {
        self.detail.as_ref()
    }

    /// Returns the URL that was signed, if it was found. It is the request's: for an operator's own terminal, never for a
    /// log.
    pub fn url(&self) -> Option<&[u8]> {
        self.url.as_deref()
    }
}

/// Writes what the log shows: `cause=… setting=… key=…: what would have fitted; what to do`.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let setting = self.cause.setting();
        write!(f, "cause={} setting={}", self.cause.label(), setting.label())?;
        if let Some(key) = &self.key {
            write!(f, " key={key}")?;
        }
        for (name, value) in self.detail.iter().flat_map(Detail::fields) {
            write!(f, " {name}={value}")?;
        }
        let fits = if self.key.is_some() { "the signature fits " } else { "" };
        let scheme = if self.other_scheme { " and the other scheme" } else { "" };
        write!(f, ": {fits}{}{scheme}; {}", self.cause.text(), setting.remedy())
    }
}

/// Leaves the URL out: what is printed by mistake must hold nothing of a request.
impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Explanation({self})")
    }
}
