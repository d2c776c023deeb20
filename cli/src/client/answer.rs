//! What a server answers.

use std::time::Duration;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status: for a WebSocket 101 over HTTP/1.1 and 200 over HTTP/2.
    pub status: u16,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The text messages that came back over a WebSocket.
    pub echoes: Vec<String>,
    /// From before the connection was opened to the end of the answer.
    pub elapsed: Duration,
}
