//! How an exchange ended.

use std::io;

use crate::Headers;

/// A response.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body, of HTTP/1.1 without its chunk framing.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: Headers,
    /// The status codes of the interim responses before it, like 100.
    pub interim: Vec<u16>,
}

impl Response {
    /// Returns the body as text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Why there is no whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing listens there.
    Refused,
    /// The peer reset the TCP connection.
    Reset,
    /// The peer reset the HTTP/2 stream, with this error code.
    StreamReset(u32),
    /// The peer ended the HTTP/2 connection, with this error code.
    GoAway(u32),
    /// The peer closed the connection in an orderly way before the message was whole.
    Eof,
    /// Nothing came for the length of the deadline.
    Timeout,
    /// The peer sent what the protocol does not allow, or this client cannot send what it was asked to.
    Protocol(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                Self::Reset
            }
            io::ErrorKind::UnexpectedEof => Self::Eof,
            io::ErrorKind::TimedOut => Self::Timeout,
            _ => Self::Protocol(error.to_string()),
        }
    }
}

impl From<h2::Error> for Failure {
    fn from(error: h2::Error) -> Self {
        match error.reason() {
            Some(reason) if error.is_go_away() => Self::GoAway(reason.into()),
            Some(reason) if error.is_reset() => Self::StreamReset(reason.into()),
            _ if error.is_io() => {
                error.into_io().map_or_else(|| Self::Protocol("an unknown fault".to_owned()), Self::from)
            }
            _ => Self::Protocol(error.to_string()),
        }
    }
}

impl From<tokio::time::error::Elapsed> for Failure {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self::Timeout
    }
}
