//! The URLs that Twilio may have dialled: a short list, the bytes as received first.

use std::borrow::Cow;
use std::cell::OnceCell;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::params::Params;
use crate::reason::Reason;
use crate::request::{Head, Single};

/// How a route's URLs differ from what the proxy sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UrlRule {
    pub(crate) base: Option<Base>,
    pub(crate) trust_forwarded_host: bool,
    pub(crate) original_path_header: Option<String>,
}

/// What Twilio dials in front of the request's path, as the configuration says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    tls: bool,
    host: Vec<u8>,
    port: Option<Vec<u8>>,
    prefix: Vec<u8>,
}

impl Base {
    /// Reads `https://host[:port][/prefix]`; a `/` at the end is dropped.
    ///
    /// # Errors
    /// Returns what is wrong with the text.
    pub fn parse(text: &str) -> Result<Base, &'static str> {
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err("must begin with https:// or http://"),
        };
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("must hold visible ASCII characters alone; write others as percent escapes");
        }
        if rest.contains(['?', '#', '@']) {
            return Err("must hold no user, query or fragment; only scheme, host, port and a path prefix");
        }
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(authority.as_bytes());
        if host.is_empty() || (host.contains(&b':') && !host.starts_with(b"[")) {
            return Err("must hold a host, and a port only as a number: https://host:port");
        }
        let prefix = prefix.trim_end_matches('/').as_bytes().to_vec();
        Ok(Base { tls, host: host.to_vec(), port: port.map(<[u8]>::to_vec), prefix })
    }
}

impl UrlRule {
    /// Returns what was dialled, as far as this request tells.
    ///
    /// # Errors
    /// Returns [`Reason::Unverifiable`] if the request has no host or path, or says one of them twice.
    pub fn dialled<'a>(&'a self, head: &'a Head) -> Result<Dialled<'a>, Reason> {
        let is_original = self.original_path_header.is_some();
        let url = match &self.base {
            None => received(head, is_original, self.trust_forwarded_host),
            Some(base) => target(head, is_original).map(|target| {
                let port = base.port.as_deref().map_or(Port::Default, Port::Given);
                let (host, prefix) = (base.host.as_slice(), base.prefix.as_slice());
                Dialled { tls: base.tls, host, port, prefix, target, exact: true }
            }),
        };
        url.ok_or(Reason::Unverifiable)
    }
}

/// Returns the URL as it arrives: its path in a trusted header or not, its host forwarded or not.
pub(crate) fn received(head: &Head, is_original: bool, is_forwarded: bool) -> Option<Dialled<'_>> {
    let target = target(head, is_original)?;
    let (host, port) = host(head, is_forwarded)?;
    let port = port.map_or(Port::Unknown, Port::Given);
    Some(Dialled { tls: tls(head)?, host, port, prefix: b"", target, exact: false })
}

fn target(head: &Head, is_original: bool) -> Option<&[u8]> {
    let original = if is_original { head.original_path() } else { Single::Absent };
    let target = match original {
        Single::Absent => head.path().one()?,
        // Some proxies write the whole URL.
        Single::One(original) => split_url(original).map_or(original, |(_, _, target)| target),
        Single::Repeated => return None,
    };
    target.starts_with(b"/").then_some(target)
}

/// Splits `http://` or `https://`, which it tells apart by whether there is TLS, host and port, and the rest.
pub(crate) fn split_url(url: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let (tls, rest) = match (url.strip_prefix(b"https://"), url.strip_prefix(b"http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return None,
    };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end)?;
    Some((tls, authority, target))
}

fn host(head: &Head, is_forwarded: bool) -> Option<(&[u8], Option<&[u8]>)> {
    let authority = match head.forwarded_host() {
        Single::One(list) if is_forwarded => first(list),
        Single::Repeated if is_forwarded => return None,
        _ => head.authority().one()?,
    };
    let (host, port) = split_port(authority);
    let port = match head.forwarded_port().one().map(first) {
        Some(port) if is_forwarded && is_port(port) => Some(port),
        _ => port,
    };
    (!host.is_empty()).then_some((host, port))
}

/// Returns true if TLS was dialled: `X-Forwarded-Proto` as the proxy sanitised it says so, else `:scheme`.
fn tls(head: &Head) -> Option<bool> {
    let reads = |value: &[u8]| {
        let is = |schemes: [&[u8]; 2]| schemes.iter().any(|scheme| value.eq_ignore_ascii_case(scheme));
        if is([b"https", b"wss"]) { Some(true) } else { is([b"http", b"ws"]).then_some(false) }
    };
    let said = |header: Single<'_>| header.one().and_then(|value| reads(first(value)));
    said(head.forwarded_proto()).or_else(|| said(head.scheme()))
}

/// Returns the first of a comma-separated list: what the outermost proxy said.
pub(crate) fn first(list: &[u8]) -> &[u8] {
    list.split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii()
}

fn is_port(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Splits `host:port`. An IPv6 address keeps its brackets; what is no port stays with the host.
pub fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let colon = authority.iter().rposition(|byte| *byte == b':');
    let Some((host, port)) = colon.and_then(|at| authority.split_at_checked(at)) else {
        return (authority, None);
    };
    let port = port.get(1..).unwrap_or_default();
    let inside_address = host.starts_with(b"[") && !host.ends_with(b"]");
    if is_port(port) && !inside_address { (host, Some(port)) } else { (authority, None) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port<'a> {
    /// This one, and no other is tried.
    Only(&'a [u8]),
    /// None, and no other is tried.
    Absent,
    /// The request or the configuration names it.
    Given(&'a [u8]),
    /// The scheme's own, for certain.
    Default,
    /// Nothing names it: the scheme's own, or the listener's where something in front dropped it.
    Unknown,
}

/// A URL in parts, with what is uncertain about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialled<'a> {
    pub(crate) tls: bool,
    pub(crate) host: &'a [u8],
    pub(crate) port: Port<'a>,
    pub(crate) prefix: &'a [u8],
    pub(crate) target: &'a [u8],
    /// Whether the host is the configuration's, which says how it is written.
    pub(crate) exact: bool,
}

/// The pieces of a message: scheme, host, colon, port, prefix, target, parameters. Some may be empty.
pub type Pieces<'m> = [&'m [u8]; 7];

impl<'a> Dialled<'a> {
    /// Returns the path without its query.
    pub fn path(&self) -> &'a [u8] {
        self.target.split(|byte| *byte == b'?').next().unwrap_or_default()
    }

    /// Returns the query with its `?`; empty where there is none.
    pub fn query_with_mark(&self) -> &'a [u8] {
        self.target.get(self.path().len()..).unwrap_or_default()
    }

    /// Returns the query without its `?`; empty where there is none.
    pub fn query(&self) -> &'a [u8] {
        self.query_with_mark().get(1..).unwrap_or_default()
    }

    /// Calls `test` with each URL in turn, followed by the parameters, until it answers.
    ///
    /// The targets are tried in the given order; for each of them the host as received, without a port, with
    /// the scheme's default port, and with the port received or else the listener's, which is asked for only
    /// then. A host that came in upper case is tried in lower case too, as Twilio's Node library does.
    pub fn find<T>(
        &self,
        scheme: Scheme,
        targets: &mut dyn Iterator<Item = Cow<'a, [u8]>>,
        params: &[u8],
        listener_port: &dyn Fn() -> Option<u16>,
        test: &mut dyn FnMut(&Pieces<'_>) -> Option<T>,
    ) -> Option<T> {
        let scheme = scheme.text(self.tls);
        let default: &[u8] = if self.tls { b"443" } else { b"80" };
        let has_upper_case = !self.exact && self.host.iter().any(u8::is_ascii_uppercase);
        let lower = has_upper_case.then(|| self.host.to_ascii_lowercase());
        let third_port = OnceCell::new();
        for target in targets {
            for host in [Some(self.host), lower.as_deref()].into_iter().flatten() {
                let mut with = |colon, port| test(&[scheme, host, colon, port, self.prefix, &target, params]);
                let found = match self.port {
                    Port::Only(port) => with(b":", port),
                    Port::Absent => with(b"", b""),
                    _ => with(b"", b"").or_else(|| with(b":", default)).or_else(|| {
                        let port = third_port.get_or_init(|| self.third_port(default, listener_port));
                        port.as_deref().and_then(|port| with(b":", port))
                    }),
                };
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    /// Returns the port received, or else the listener's, unless it is the default.
    fn third_port(&self, default: &[u8], listener_port: &dyn Fn() -> Option<u16>) -> Option<Vec<u8>> {
        let port = match self.port {
            Port::Given(port) | Port::Only(port) => port.to_vec(),
            Port::Unknown => listener_port()?.to_string().into_bytes(),
            Port::Default | Port::Absent => return None,
        };
        (port != default).then_some(port)
    }

    /// Returns path and query as received, then the forms of the query that some of Twilio's libraries and products sign
    /// instead, each once. They are made only as they are asked for.
    pub fn targets(&self) -> impl Iterator<Item = Cow<'a, [u8]>> + use<'a> {
        std::iter::once(Cow::Borrowed(self.target)).chain(self.other_targets())
    }

    fn other_targets(&self) -> impl Iterator<Item = Cow<'a, [u8]>> + use<'a> {
        let (path, received) = (self.path(), self.query());
        let forms: [Rewrite; 3] = [with_escaped_apostrophes, with_plain_at_and_colon, as_node_once_did];
        let mut tried: Vec<Vec<u8>> = Vec::new();
        forms.into_iter().filter(move |_| !received.is_empty()).filter_map(move |form| {
            let query = form(received);
            if query == received || tried.contains(&query) {
                return None;
            }
            let target = [path, b"?", &query].concat();
            tried.push(query);
            Some(Cow::Owned(target))
        })
    }

    /// Returns the path as received, then with a `/` at its end put or taken away: which of them Twilio signs for a
    /// WebSocket is documented as either.
    pub fn websocket_paths(&self) -> [Cow<'a, [u8]>; 2] {
        let path = self.path();
        let other = match path.strip_suffix(b"/") {
            Some(path) => Cow::Borrowed(path),
            None => Cow::Owned([path, b"/"].concat()),
        };
        [Cow::Borrowed(path), other]
    }
}

/// The schemes that Twilio dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http` or `https`.
    Http,
    /// `ws` or `wss`.
    WebSocket,
}

impl Scheme {
    fn text(self, tls: bool) -> &'static [u8] {
        match (self, tls) {
            (Scheme::Http, true) => b"https://",
            (Scheme::Http, false) => b"http://",
            (Scheme::WebSocket, true) => b"wss://",
            (Scheme::WebSocket, false) => b"ws://",
        }
    }
}

type Rewrite = fn(&[u8]) -> Vec<u8>;

fn with_escaped_apostrophes(query: &[u8]) -> Vec<u8> {
    replace(query, b"'", b"%27")
}

fn with_plain_at_and_colon(query: &[u8]) -> Vec<u8> {
    replace(&replace(&replace(query, b"%40", b"@"), b"%3A", b":"), b"%3a", b":")
}

/// Returns the text with each of one piece replaced by another.
pub(crate) fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        match rest.strip_prefix(from) {
            Some(after) => {
                replaced.extend_from_slice(to);
                rest = after;
            }
            None => {
                replaced.push(*first);
                rest = tail;
            }
        }
    }
    replaced
}

/// What Node's `querystring.stringify` leaves as it is.
const NODE_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Takes the query apart and puts it together again as Node's `querystring`, as twilio-node still tries last:
/// values of one name stand together where the name first stood.
fn as_node_once_did(query: &[u8]) -> Vec<u8> {
    let params = Params::parse(query);
    let mut rebuilt = Vec::with_capacity(query.len());
    for (name, value) in params.grouped() {
        if !rebuilt.is_empty() {
            rebuilt.push(b'&');
        }
        rebuilt.extend(percent_encode(name, NODE_ESCAPES).flat_map(str::bytes));
        rebuilt.push(b'=');
        rebuilt.extend(percent_encode(value, NODE_ESCAPES).flat_map(str::bytes));
    }
    rebuilt
}

#[cfg(test)]
mod tests;
