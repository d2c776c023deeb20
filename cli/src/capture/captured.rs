//! A request as a proxy would get it.

use std::fmt;

/// A header: its name in lower case, and its value.
pub type Header = (String, Vec<u8>);

/// A captured request, with the bytes that a proxy would get.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Captured {
    /// The method.
    pub method: Vec<u8>,
    /// Whether it came over TLS; `None` if the capture does not tell.
    pub tls: Option<bool>,
    /// `Host`, or `:authority`.
    pub authority: Option<Vec<u8>>,
    /// Path and query.
    pub target: Vec<u8>,
    /// The headers in their order, `Host` not among them.
    pub headers: Vec<Header>,
    /// The body, without its framing.
    pub body: Vec<u8>,
    /// What the reader should know of how it was read.
    pub notes: Vec<String>,
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured").field("headers", &self.headers.len()).finish_non_exhaustive()
    }
}

impl Captured {
    /// Returns the values of a header.
    pub fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_slice())
    }

    /// Returns the one value of a header.
    #[must_use]
    pub fn one(&self, name: &'static str) -> Option<&[u8]> {
        let mut values = self.values(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// Adds the headers that a client sends for a `ws` or `wss` URL.
    pub(super) fn make_upgrade(&mut self) {
        for (name, value) in [("connection", "Upgrade"), ("upgrade", "websocket")] {
            if self.values(name).next().is_none() {
                self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
            }
        }
    }

    /// Takes `Host` out of the headers. Of several a proxy makes one, with commas.
    pub(super) fn take_host(&mut self) {
        let hosts: Vec<&[u8]> = self.values("host").collect();
        if !hosts.is_empty() {
            self.authority = Some(hosts.join(&b','));
        }
        self.headers.retain(|(name, _)| name != "host");
    }
}
