//! The URLs that Twilio may have dialled: a short list, the bytes as received first.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::params::Params;
use crate::request::{Head, Single};
use crate::verdict::Reason;

/// How a route's URLs differ from what the proxy sees.
#[derive(Clone, Debug, Default)]
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
    /// What is wrong with the text.
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
    /// What was dialled, as far as this request tells.
    ///
    /// # Errors
    /// [`Reason::Unverifiable`] if the request has no host or path, or says one of them twice.
    pub fn dialled<'a>(&'a self, head: &'a Head) -> Result<Dialled<'a>, Reason> {
        let target = self.target(head).ok_or(Reason::Unverifiable)?;
        let split = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
        let (path, query) = target.split_at_checked(split).ok_or(Reason::Unverifiable)?;
        if let Some(base) = &self.base {
            let port = base.port.as_deref().map_or(Port::Default, Port::Given);
            return Ok(Dialled {
                tls: base.tls,
                host: &base.host,
                port,
                prefix: &base.prefix,
                path,
                query,
                exact: true,
            });
        }
        let (host, port) = self.host(head).ok_or(Reason::Unverifiable)?;
        let tls = tls(head).ok_or(Reason::Unverifiable)?;
        let port = port.map_or(Port::Unknown, Port::Given);
        Ok(Dialled { tls, host, port, prefix: b"", path, query, exact: false })
    }

    fn target<'a>(&self, head: &'a Head) -> Option<&'a [u8]> {
        let original = match self.original_path_header {
            Some(_) => head.original_path(),
            None => Single::Absent,
        };
        let target = match original {
            Single::Absent => head.path().one()?,
            Single::One(target) => target,
            Single::Repeated => return None,
        };
        target.starts_with(b"/").then_some(target)
    }

    fn host<'a>(&self, head: &'a Head) -> Option<(&'a [u8], Option<&'a [u8]>)> {
        let forwarded = if self.trust_forwarded_host { head.forwarded_host().one() } else { None };
        let (host, port) =
            split_port(forwarded.map_or_else(|| head.authority().one(), |list| Some(first(list)))?);
        let port = match head.forwarded_port().one().map(first) {
            Some(port) if self.trust_forwarded_host && is_port(port) => Some(port),
            _ => port,
        };
        (!host.is_empty()).then_some((host, port))
    }
}

/// Whether TLS was dialled: `X-Forwarded-Proto` as the proxy sanitised it, else `:scheme`.
fn tls(head: &Head) -> Option<bool> {
    let reads = |value: &[u8]| match value.to_ascii_lowercase().as_slice() {
        b"https" | b"wss" => Some(true),
        b"http" | b"ws" => Some(false),
        _ => None,
    };
    let said = |header: Single<'_>| header.one().and_then(|value| reads(first(value)));
    said(head.forwarded_proto()).or_else(|| said(head.scheme()))
}

/// The first of a comma-separated list: what the outermost proxy said.
fn first(list: &[u8]) -> &[u8] {
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
enum Port<'a> {
    /// The request or the configuration names it.
    Given(&'a [u8]),
    /// The scheme's own, for certain.
    Default,
    /// Nothing names it: the scheme's own, or the listener's where something in front dropped it.
    Unknown,
}

/// A URL in parts, with what is uncertain about it.
#[derive(Clone, Copy, Debug)]
pub struct Dialled<'a> {
    tls: bool,
    host: &'a [u8],
    port: Port<'a>,
    prefix: &'a [u8],
    path: &'a [u8],
    query: &'a [u8],
    exact: bool,
}

/// A port as it stands in a URL: empty, or a colon and digits.
type PortText = Cow<'static, [u8]>;

impl<'a> Dialled<'a> {
    /// The query without its `?`; empty where there is none.
    pub fn query(&self) -> &'a [u8] {
        self.query.get(1..).unwrap_or_default()
    }

    /// Calls `test` with each URL in turn, in pieces, until it answers.
    ///
    /// The targets are tried in the given order; for each of them the host as received, without a port, with
    /// the scheme's default port, and with the port received or else the listener's, which is asked for only
    /// then. A host that came in upper case is tried in lower case too, as Twilio's Node library does.
    pub fn find<T>(
        &self,
        scheme: Scheme,
        targets: impl IntoIterator<Item = Cow<'a, [u8]>>,
        listener_port: &dyn Fn() -> Option<u16>,
        mut test: impl FnMut(&[&[u8]]) -> Option<T>,
    ) -> Option<T> {
        let scheme = scheme.text(self.tls);
        let lower = self.host.to_ascii_lowercase();
        let hosts = [Some(self.host), (!self.exact && lower != self.host).then_some(lower.as_slice())];
        for target in targets {
            for host in hosts.into_iter().flatten() {
                for choice in 0..3 {
                    let Some(port) = self.port(choice, listener_port) else {
                        continue;
                    };
                    let found = test(&[scheme, host, &port, self.prefix, &target]);
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
        None
    }

    fn port(&self, choice: u8, listener_port: &dyn Fn() -> Option<u16>) -> Option<PortText> {
        let default: &'static [u8] = if self.tls { b":443" } else { b":80" };
        let number = match (choice, self.port) {
            (0, _) => return Some(Cow::Borrowed(b"")),
            (1, _) => return Some(Cow::Borrowed(default)),
            (_, Port::Given(port)) => port.to_vec(),
            (_, Port::Unknown) => listener_port()?.to_string().into_bytes(),
            (_, Port::Default) => return None,
        };
        let text = [b":", number.as_slice()].concat();
        (text != default).then_some(Cow::Owned(text))
    }

    /// Path and query as received, then the forms of the query that some of Twilio's libraries and products
    /// sign instead, each once.
    pub fn targets(&self) -> impl Iterator<Item = Cow<'a, [u8]>> + use<'a> {
        let Dialled { path, query, .. } = *self;
        let received = [path, query].concat();
        let mut tried = vec![received.clone()];
        let others = (0..3u8).filter_map(move |form| {
            let query = query.get(1..)?;
            let rewritten = match form {
                0 => replace(query, b"'", b"%27"),
                1 => replace(&replace(&replace(query, b"%40", b"@"), b"%3A", b":"), b"%3a", b":"),
                _ => as_node_once_did(query),
            };
            let target = [path, b"?", &rewritten].concat();
            if tried.contains(&target) {
                return None;
            }
            tried.push(target.clone());
            Some(Cow::Owned(target))
        });
        std::iter::once(Cow::Owned(received)).chain(others)
    }

    /// The path as received, then with a `/` at its end put or taken away: which of them Twilio signs for a
    /// WebSocket is documented as either.
    pub fn websocket_paths(&self) -> [Cow<'a, [u8]>; 2] {
        let other = match self.path.strip_suffix(b"/") {
            Some(path) => Cow::Borrowed(path),
            None => Cow::Owned([self.path, b"/"].concat()),
        };
        [Cow::Borrowed(self.path), other]
    }

    /// The query with its `?`; empty where there is none.
    pub fn query_with_mark(&self) -> &'a [u8] {
        self.query
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

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
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

/// The query taken apart and put together again by Node's `querystring`, as twilio-node still tries last:
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
