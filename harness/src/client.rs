//! Clients for ordinary and hostile requests, over HTTP/1.1 and HTTP/2, plain or TLS.
//!
//! A [`Request`] describes what to send without a protocol; [`send`] sends it over either. [`h1`] and [`h2`]
//! hold what only one of them can do: bytes that are no request at all, pauses, connections that are kept,
//! broken or half closed.

mod connect;
pub mod h1;
pub mod h2;
mod outcome;
mod request;

pub use connect::{DEADLINE, Target};
pub use outcome::{Failure, Response};
pub use request::Request;

use crate::upstream::Protocol;

/// Sends one request on a connection of its own and reads the response.
///
/// ```no_run
/// # use twilio_proxy_wasm_harness::{client::{self, Request, Target}, upstream::Protocol};
/// let request = Request::new("POST", "hooks.example.com", "/sms")
///     .header("content-type", "application/x-www-form-urlencoded")
///     .header("x-twilio-signature", b"\xff")
///     .body("Body=Hi");
/// for protocol in [Protocol::Http1, Protocol::Http2] {
///     let response = client::send(&Target::plain(8080), protocol, &request).expect("an answer");
///     assert_eq!(response.status, 403);
/// }
/// ```
///
/// # Errors
/// How the exchange ended, if not with a whole response.
pub fn send(target: &Target, protocol: Protocol, request: &Request) -> Result<Response, Failure> {
    match protocol {
        Protocol::Http1 => h1::Connection::open(target)?.request(request),
        Protocol::Http2 => h2::Connection::open(target)?.request(request),
    }
}
