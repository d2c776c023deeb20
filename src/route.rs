//! Which route of the configuration a request is on.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::signature::Keys;
use crate::url::UrlRule;

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
}

/// A conjunction: what is empty matches everything.
#[derive(Clone, Debug, Default)]
pub struct Match {
    pub(crate) hosts: Vec<HostMatch>,
    pub(crate) path: Option<PathMatch>,
    pub(crate) route_names: Vec<String>,
}

impl Match {
    fn is_match(&self, host: &[u8], path: &[u8], reading: Reading, route_name: &[u8]) -> bool {
        self.is_near(host, route_name)
            && self.path.as_ref().is_none_or(|matcher| matcher.is_match(path, reading))
    }

    /// Whether all but the path matches.
    fn is_near(&self, host: &[u8], route_name: &[u8]) -> bool {
        (self.hosts.is_empty() || self.hosts.iter().any(|matcher| matcher.is_match(host)))
            && (self.route_names.is_empty()
                || self.route_names.iter().any(|name| name.as_bytes() == route_name))
    }

    /// Whether everything that `other` matches is matched by `self`, so that a later `other` is never reached.
    pub(crate) fn hides(&self, other: &Match) -> bool {
        let hosts = self.hosts.is_empty()
            || (!other.hosts.is_empty()
                && other.hosts.iter().all(|host| self.hosts.iter().any(|own| own.hides(host))));
        let path = match (&self.path, &other.path) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(path)) => own.hides(path),
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

/// How a path is read. Applications differ in what they make of escapes, and a path that two of them read
/// differently must not be verified as one route and served as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// As proxies do: only escapes of unreserved characters are decoded.
    Strict,
    /// As some applications do: every escape is decoded, `;parameters` of segments are dropped, and neither case
    /// nor `/` or white space at the end matters.
    Lenient,
    /// As others do: byte for byte, though in any case.
    Verbatim,
}

/// A path of the configuration, in each reading.
#[derive(Clone, Debug)]
pub(crate) struct PathMatch {
    strict: Vec<u8>,
    lenient: Vec<u8>,
    verbatim: Vec<u8>,
    prefix: bool,
    ignore_case: bool,
}

impl PathMatch {
    /// A path that must be this one (`exact`) or begin with these segments (`prefix`).
    pub(crate) fn new(path: &[u8], prefix: bool, ignore_case: bool) -> PathMatch {
        let read = |reading| {
            let mut path = canonical_path(path, reading).into_owned();
            if prefix && path.ends_with(b"/") {
                path.pop();
            }
            path
        };
        PathMatch {
            strict: read(Reading::Strict),
            lenient: read(Reading::Lenient),
            verbatim: read(Reading::Verbatim),
            prefix,
            ignore_case,
        }
    }

    fn is_match(&self, path: &[u8], reading: Reading) -> bool {
        let (own, ignore_case) = match reading {
            Reading::Strict => (&self.strict, self.ignore_case),
            Reading::Lenient => (&self.lenient, true),
            Reading::Verbatim => (&self.verbatim, true),
        };
        let same = |a: &[u8], b: &[u8]| {
            if ignore_case { a.eq_ignore_ascii_case(b) } else { a == b }
        };
        if self.prefix {
            path.split_at_checked(own.len())
                .is_some_and(|(head, rest)| same(head, own) && (rest.is_empty() || rest.starts_with(b"/")))
        } else {
            same(path, own)
        }
    }

    fn hides(&self, other: &PathMatch) -> bool {
        // A route that only the lenient reading hides is never reached either: no two readings agree on it.
        (self.prefix || !other.prefix) && self.is_match(&other.lenient, Reading::Lenient)
    }
}

/// The route that a request is on, by its readers. `None` is no route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// As proxies read the path.
    pub strict: Option<usize>,
    /// As applications may.
    pub others: Vec<Option<usize>>,
}

/// Finds the first route that matches. `path` is the request's path without its query.
pub fn select(routes: &[Route], authority: &[u8], path: &[u8], route_name: &[u8]) -> Selection {
    let host = canonical_host(authority);
    let find = |reading| {
        let path = canonical_path(path, reading);
        routes.iter().position(|route| route.matcher.is_match(&host, &path, reading, route_name))
    };
    let mut others = vec![find(Reading::Lenient)];
    if !is_plain(path) {
        // Who finds no route in the path as it came does not read it as a protected one, and it is verified all the same.
        others.extend(find(Reading::Verbatim).map(Some));
    }
    if goes_up(path) {
        let near = || routes.iter().enumerate().filter(|(_, route)| route.matcher.is_near(&host, route_name));
        others.extend(near().map(|(position, _)| Some(position)));
        others.extend(near().all(|(_, route)| route.matcher.path.is_some()).then_some(None));
    }
    Selection { strict: find(Reading::Strict), others }
}

/// Whether some reader may find a `..` in the path. Applications agree neither on whether such a segment takes the one
/// before it away, nor on what that one is, so the path may be on any route.
fn goes_up(path: &[u8]) -> bool {
    if is_plain(path) {
        return false;
    }
    let decoded: Vec<u8> = percent_decode(&without_parameters(path)).collect();
    decoded.split(|byte| is_slash(*byte)).any(|segment| segment == b"..")
}

fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// The one spelling of a path that matching looks at: `\` is `/`, empty and dot segments are gone, escapes are
/// decoded as far as the reading says; verbatim, it is the path itself. What is signed is never this copy.
fn canonical_path(path: &[u8], reading: Reading) -> Cow<'_, [u8]> {
    if is_plain(path) {
        let without_slash =
            path.strip_suffix(b"/").filter(|rest| reading == Reading::Lenient && !rest.is_empty());
        return Cow::Borrowed(without_slash.unwrap_or(path));
    }
    let decoded = match reading {
        Reading::Strict => decode_unreserved(path),
        Reading::Lenient => without_end(percent_decode(&without_parameters(path)).collect()),
        Reading::Verbatim => return Cow::Borrowed(path),
    };
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut ends_in_slash = true;
    for segment in decoded.split(|byte| is_slash(*byte)) {
        ends_in_slash = matches!(segment, b"" | b"." | b"..");
        match segment {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let mut canonical = Vec::with_capacity(decoded.len());
    for segment in &segments {
        canonical.push(b'/');
        canonical.extend_from_slice(segment);
    }
    if segments.is_empty() || (ends_in_slash && reading == Reading::Strict) {
        canonical.push(b'/');
    }
    Cow::Owned(canonical)
}

/// Whether a path is canonical as it stands, which nearly all are.
fn is_plain(path: &[u8]) -> bool {
    let mut previous = b'/';
    let plain = |byte: &u8| {
        let follows_slash = std::mem::replace(&mut previous, *byte) == b'/';
        match byte {
            b'%' | b';' | b'\\' => false,
            b'/' | b'.' => !follows_slash,
            byte if byte.is_ascii_whitespace() => false,
            _ => true,
        }
    };
    path.strip_prefix(b"/").is_some_and(|rest| rest.iter().all(plain))
}

/// Decodes the escapes of unreserved characters and writes the others in upper case (RFC 3986, section 6.2.2).
fn decode_unreserved(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, tail)) = rest.split_first() {
        let escape = rest.split_at_checked(3).filter(|(escape, _)| percent_decode(escape).count() == 1);
        let Some((escape, tail_of_escape)) = escape else {
            decoded.push(*first);
            rest = tail;
            continue;
        };
        match percent_decode(escape).next() {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => decoded.push(byte),
            _ => decoded.extend(escape.to_ascii_uppercase()),
        }
        rest = tail_of_escape;
    }
    decoded
}

/// Drops slashes and white space at the end. Many a framework's pattern ends in `$`, behind which a line may end.
fn without_end(mut path: Vec<u8>) -> Vec<u8> {
    let last = path.iter().rposition(|byte| !is_slash(*byte) && !byte.is_ascii_whitespace());
    path.truncate(last.map_or(0, |last| last.saturating_add(1)));
    path
}

/// Drops `;parameters` from each segment.
fn without_parameters(path: &[u8]) -> Vec<u8> {
    let mut inside = false;
    let mut keep = |byte: &u8| {
        inside = match byte {
            b'/' | b'\\' => false,
            b';' => true,
            _ => inside,
        };
        !inside
    };
    path.iter().copied().filter(|byte| keep(byte)).collect()
}

#[cfg(test)]
mod tests;
