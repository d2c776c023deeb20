//! What the upstream answers.

use std::time::Duration;

/// The upstream's answer to a request, given when the request is whole.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A response.
    Reply {
        /// The status code.
        status: u16,
        /// The body, sent with its length and as `text/plain`.
        body: Vec<u8>,
        /// How long the upstream takes for it.
        delay: Duration,
    },
    /// Breaks the connection (HTTP/1.1, with a TCP reset) or the stream (HTTP/2, `INTERNAL_ERROR`).
    Reset,
    /// Never answers, and keeps the connection open.
    Silence,
}

impl Answer {
    /// Returns a response without delay.
    pub fn reply(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Reply { status, body: body.into(), delay: Duration::ZERO }
    }

    /// Returns a 200 after `delay`.
    pub fn slow(delay: Duration) -> Self {
        Self::Reply { status: 200, body: OK.to_vec(), delay }
    }
}

const OK: &[u8] = b"upstream\n";

impl Default for Answer {
    /// Returns a 200 with the body `upstream` and a line end.
    fn default() -> Self {
        Self::reply(200, OK)
    }
}
