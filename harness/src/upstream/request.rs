//! One request as the upstream saw it.

use std::fmt;
use std::time::Instant;

use crate::Headers;

/// Which HTTP a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, or 1.0.
    Http1,
    /// HTTP/2.
    Http2,
}

/// A request, which may still be arriving.
#[derive(Clone)]
pub struct Request {
    /// The connection it came on, counted from 0 in the order of the first byte.
    pub connection: usize,
    /// Which HTTP it came in.
    pub protocol: Protocol,
    /// The method. A WebSocket over HTTP/2 is a `CONNECT`.
    pub method: String,
    /// The target as received, usually a path with its query.
    pub path: String,
    /// The value of `Host`, or of `:authority`.
    pub authority: String,
    /// The protocol asked for: the value of `Upgrade`, or of `:protocol`.
    pub upgrade: Option<String>,
    /// The header fields in order. Those of HTTP/2 that share a name come together.
    pub headers: Headers,
    /// The body so far; of an upgraded connection, everything after the handshake.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: Headers,
    /// When the header section had arrived.
    pub started: Instant,
    /// Nothing more will come: it is whole, or broke off.
    pub ended: bool,
    /// It ended as the protocol says, with all its bytes.
    pub complete: bool,
}

impl Protocol {
    /// Returns `HTTP/1.1` or `HTTP/2`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

impl Request {
    /// Returns the body as text; bytes that are not UTF-8 become U+FFFD.
    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl fmt::Display for Request {
    /// Writes one line: `POST /sms HTTP/1.1, host hooks.example.com, 154 bytes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, authority, protocol, .. } = self;
        write!(f, "{method} {path} {}, host {authority}, {} bytes", protocol.name(), self.body.len())?;
        if self.complete { Ok(()) } else { f.write_str(", broken off") }
    }
}

impl fmt::Debug for Request {
    /// Writes the line, the header fields and the body as text: what a failing test should show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{self}")?;
        for (name, value) in self.headers.iter().chain(self.trailers.iter()) {
            writeln!(f, "  {}: {}", name.escape_ascii(), value.escape_ascii())?;
        }
        write!(f, "  {:?}", self.body_text())
    }
}
