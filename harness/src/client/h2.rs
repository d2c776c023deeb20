//! An HTTP/2 client that chooses its frames.

use std::future::{Future, poll_fn};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{self, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::connect::{DEADLINE, Target};
use super::outcome::{Failure, Response};
use super::request::{Body, Request};
use crate::Headers;
use crate::runtime::{block_on, spawn};

/// One connection, for any number of requests, also at the same time.
///
/// ```no_run
/// # use twilio_proxy_wasm_harness::client::{h2, Request, Target};
/// let mut connection = h2::Connection::open(&Target::plain(8080)).expect("a listener");
/// // HEADERS, DATA, and an empty DATA with END_STREAM.
/// let request = Request::new("POST", "hooks.example.com", "/sms").frames(["Body=Hi", ""]);
/// assert_eq!(connection.request(&request).expect("an answer").status, 200);
/// ```
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Bytes>,
    scheme: &'static str,
    deadline: Duration,
    driver: JoinHandle<()>,
}

/// A request whose response has not been read.
#[derive(Debug)]
pub struct Stream {
    response: ResponseFuture,
    sender: SendStream<Bytes>,
    body: Option<RecvStream>,
    /// What was read and not returned.
    rest: Vec<u8>,
    deadline: Duration,
}

impl Connection {
    /// Connects: with the protocol `h2` where there is TLS, else with prior knowledge.
    ///
    /// # Errors
    /// Nothing listens there, or TLS failed, or it does not speak HTTP/2.
    pub fn open(target: &Target) -> Result<Self, Failure> {
        block_on(async {
            let opened = timeout(DEADLINE, target.open("h2")).await??;
            let handshake = client::Builder::new().initial_window_size(16 << 20).handshake(opened.stream);
            let (sender, connection) = timeout(DEADLINE, handshake).await??;
            // How the connection ends is what its streams report.
            let driver = spawn(async { drop(connection.await) });
            Ok(Self { sender, scheme: target.scheme(), deadline: DEADLINE, driver })
        })
    }

    /// Sets how long each of the following calls may take.
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// Sends a request and reads the response.
    ///
    /// # Errors
    /// How the exchange ended, if not with a whole response.
    pub fn request(&mut self, request: &Request) -> Result<Response, Failure> {
        self.start(request)?.read_response()
    }

    /// Sends a request, without waiting for the response.
    ///
    /// # Errors
    /// The peer takes no request, or HTTP/2 cannot carry this one.
    pub fn start(&mut self, request: &Request) -> Result<Stream, Failure> {
        let (head, ends) = (self.head(request)?, request.ends_with_headers());
        let trailers = fields(&request.trailers)?;
        let (sender, deadline) = (self.sender.clone(), self.deadline);
        within(deadline, async {
            let mut sender = sender.ready().await?;
            if request.websocket {
                // The peer's SETTINGS say whether it may be sent.
                while !sender.is_extended_connect_protocol_enabled() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            let (response, sender) = sender.send_request(head, ends)?;
            let mut stream = Stream { response, sender, body: None, rest: Vec::new(), deadline };
            // A peer that has answered already may have ended the stream. What it answered is still to be
            // read.
            let _ = stream.send_rest(request, trailers);
            Ok(stream)
        })
    }

    fn head(&self, request: &Request) -> Result<http::Request<()>, Failure> {
        let mut headers = fields(&request.headers)?;
        if let Body::Whole(body) = &request.body {
            headers.insert("content-length", body.len().into());
        }
        let scheme = request.scheme.as_deref().unwrap_or(self.scheme);
        let uri = http::Uri::builder()
            .scheme(scheme)
            .authority(request.authority.as_str())
            .path_and_query(request.path.as_str());
        let mut head = http::Request::new(());
        *head.uri_mut() = uri.build().map_err(unsendable)?;
        *head.method_mut() = request.method.parse().map_err(unsendable)?;
        *head.headers_mut() = headers;
        if request.websocket {
            *head.method_mut() = http::Method::CONNECT;
            head.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
        }
        Ok(head)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Request {
    fn ends_with_headers(&self) -> bool {
        let empty = matches!(self.body, Body::None) && self.trailers.is_empty();
        empty && self.finished && !self.websocket
    }
}

impl Stream {
    /// Sends what comes after the header section.
    fn send_rest(&mut self, request: &Request, trailers: HeaderMap) -> Result<(), h2::Error> {
        let frames = match &request.body {
            Body::None => &[],
            Body::Whole(body) => std::slice::from_ref(body),
            Body::Frames(frames) => frames.as_slice(),
        };
        let ends_with_data = request.finished && request.trailers.is_empty();
        for (index, frame) in frames.iter().enumerate() {
            let last = index + 1 == frames.len();
            self.sender.send_data(frame.clone().into(), last && ends_with_data)?;
        }
        if !trailers.is_empty() && request.finished {
            self.sender.send_trailers(trailers)?;
        }
        Ok(())
    }

    /// Sends one `DATA` frame, the last one if `end`.
    ///
    /// # Errors
    /// The stream has ended.
    pub fn send_data(&mut self, data: &[u8], end: bool) -> Result<(), Failure> {
        Ok(self.sender.send_data(Bytes::copy_from_slice(data), end)?)
    }

    /// Ends the request with trailers.
    ///
    /// # Errors
    /// The stream has ended, or HTTP/2 cannot carry them.
    pub fn send_trailers(&mut self, trailers: &Headers) -> Result<(), Failure> {
        Ok(self.sender.send_trailers(fields(trailers)?)?)
    }

    /// Resets the stream with `CANCEL`.
    pub fn reset(mut self) {
        self.sender.send_reset(Reason::CANCEL);
    }

    /// Waits until the peer resets the stream, and returns the error code.
    ///
    /// # Errors
    /// It does not, or the connection ended.
    pub fn wait_for_reset(&mut self) -> Result<u32, Failure> {
        let sender = &mut self.sender;
        within(self.deadline, async { Ok(poll_fn(|cx| sender.poll_reset(cx)).await?.into()) })
    }

    /// Reads the header section of the response.
    ///
    /// # Errors
    /// How the exchange ended, if not so.
    pub fn read_head(&mut self) -> Result<Response, Failure> {
        let response = &mut self.response;
        let (head, body) = within(self.deadline, async { Ok(response.await?.into_parts()) })?;
        self.body = Some(body);
        let headers = Headers::from(&head.headers);
        Ok(Response { status: head.status.as_u16(), headers, ..Response::default() })
    }

    /// Reads the whole response, or what is left of it after [`Stream::read_head`].
    ///
    /// # Errors
    /// How the exchange ended, if not with a whole response.
    pub fn read_response(&mut self) -> Result<Response, Failure> {
        let mut response = if self.body.is_none() { self.read_head()? } else { Response::default() };
        let body = self.body.as_mut().expect("read_head to have set the body");
        response.body = std::mem::take(&mut self.rest);
        within(self.deadline, async {
            while let Some(piece) = next(body).await? {
                response.body.extend_from_slice(&piece);
            }
            // Trailers after a reset with NO_ERROR: none.
            let trailers = body.trailers().await.unwrap_or_default();
            response.trailers = trailers.as_ref().map(Headers::from).unwrap_or_default();
            Ok(response)
        })
    }

    /// Reads `count` bytes of the body, for a stream that became a tunnel. Call [`Stream::read_head`] before.
    ///
    /// # Errors
    /// How the stream ended before that.
    pub fn read_exact(&mut self, count: usize) -> Result<Vec<u8>, Failure> {
        let body = self.body.as_mut().expect("read_head to be called before read_exact");
        let rest = &mut self.rest;
        within(self.deadline, async {
            while rest.len() < count {
                rest.extend_from_slice(&next(body).await?.ok_or(Failure::Eof)?);
            }
            Ok(rest.drain(..count).collect())
        })
    }
}

/// Reads the next piece of a body; `None` at its end.
async fn next(body: &mut RecvStream) -> Result<Option<Bytes>, Failure> {
    match body.data().await {
        None => Ok(None),
        Some(Ok(piece)) => {
            body.flow_control().release_capacity(piece.len())?;
            Ok(Some(piece))
        }
        // A server that has sent its whole answer may say so that it wants no more of the request (RFC 9113,
        // 8.1).
        Some(Err(error)) if error.is_reset() && error.reason() == Some(Reason::NO_ERROR) => Ok(None),
        Some(Err(error)) => Err(error.into()),
    }
}

/// Runs an exchange for at most `deadline`.
fn within<T>(deadline: Duration, exchange: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    block_on(async { timeout(deadline, exchange).await })?
}

fn fields(headers: &Headers) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter() {
        let name = HeaderName::from_bytes(name).map_err(unsendable)?;
        map.append(name, HeaderValue::from_bytes(value).map_err(unsendable)?);
    }
    Ok(map)
}

fn unsendable(error: impl ToString) -> Failure {
    Failure::Protocol(error.to_string())
}
