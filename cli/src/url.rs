//! A URL in four pieces that put back together are the bytes that came in.
//!
//! There is no URL library here on purpose: each of them lower-cases the host, drops a default port, resolves dot
//! segments or re-encodes the query, and Twilio signs what the user typed into its console.

use std::fmt;

use crate::failure::Failure;

/// A URL that Twilio can dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// `http`, `https`, `ws` or `wss`, spelled as it came.
    pub scheme: String,
    /// Host and port as they came; user name and password are dropped, as Twilio drops them before it signs.
    pub authority: String,
    /// The path, possibly empty.
    pub path: String,
    /// The query without its `?`; `None` and an empty query are different URLs.
    pub query: Option<String>,
}

impl Url {
    /// Splits a URL. The fragment is dropped: Twilio neither signs nor sends it.
    ///
    /// # Errors
    /// [`Failure::Usage`] when it is not an absolute http, https, ws or wss URL, or holds a space or control character.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::Usage(format!("the URL {text:?} {why}"));
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(wrong("holds a space or a control character; write it percent-encoded"));
        }
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| wrong("has no scheme, such as https://"))?;
        if !["http", "https", "ws", "wss"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
            return Err(wrong("must begin with http://, https://, ws:// or wss://"));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let authority = authority.rsplit('@').next().unwrap_or_default();
        if authority.is_empty() || authority.starts_with(':') {
            return Err(wrong("has no host"));
        }
        let (path, query) = match tail.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (tail, None),
        };
        Ok(Self { scheme: scheme.to_owned(), authority: authority.to_owned(), path: path.to_owned(), query })
    }

    /// Returns whether the connection is TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        ["https", "wss"].iter().any(|tls| tls.eq_ignore_ascii_case(&self.scheme))
    }

    /// Returns the host without its port and without the brackets of an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        split_port(&self.authority).0.trim_start_matches('[').trim_end_matches(']')
    }

    /// Returns the port to dial.
    #[must_use]
    pub fn port(&self) -> u16 {
        let default = if self.is_tls() { 443 } else { 80 };
        split_port(&self.authority).1.and_then(|port| port.parse().ok()).unwrap_or(default)
    }

    /// Returns what stands in the request line and in `:path`. An empty path is sent as `/`: the wire has no other way.
    #[must_use]
    pub fn request_target(&self) -> String {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        match &self.query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        }
    }

    /// Adds to the query, after what is there.
    #[must_use]
    pub fn with_query(mut self, more: &str) -> Self {
        if !more.is_empty() {
            self.query = Some(match self.query.take() {
                Some(query) if !query.is_empty() => format!("{query}&{more}"),
                _ => more.to_owned(),
            });
        }
        self
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

/// Splits `host:port`, `[::1]:port` and either without a port.
#[must_use]
pub fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}
