//! The heads of HTTP/1.1 messages.

use std::io;

use tokio::io::AsyncRead;

use super::body::Framing;
use super::headers::{Headers, MAX_FIELDS};
use super::reader::{Reader, malformed};

/// A request line and its header fields.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) method: String,
    /// The request target as received: a path, an absolute URL, or a host and port for `CONNECT`.
    pub(crate) target: String,
    pub(crate) headers: Headers,
    /// Whether another request may follow on the connection.
    pub(crate) keep_alive: bool,
}

/// A status line and its header fields.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
}

/// Reads the head of the next request; `None` when the connection ends before its first byte.
pub(crate) async fn request<S: AsyncRead + Unpin>(reader: &mut Reader<S>) -> io::Result<Option<RequestHead>> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Request::new(&mut fields);
        if let httparse::Status::Complete(length) = parsed.parse(reader.buffered()).map_err(malformed)? {
            let headers = Headers::from(&*parsed.headers);
            let head = RequestHead {
                method: parsed.method.unwrap_or_default().to_owned(),
                target: parsed.path.unwrap_or_default().to_owned(),
                keep_alive: parsed.version == Some(1) && !headers.has_token("connection", "close"),
                headers,
            };
            reader.take(length);
            return Ok(Some(head));
        }
        if reader.buffered().is_empty() {
            if !reader.fill().await? {
                return Ok(None);
            }
        } else {
            reader.need().await?;
        }
    }
}

/// Reads the head of the next response.
pub(crate) async fn response<S: AsyncRead + Unpin>(reader: &mut Reader<S>) -> io::Result<ResponseHead> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Response::new(&mut fields);
        if let httparse::Status::Complete(length) = parsed.parse(reader.buffered()).map_err(malformed)? {
            let head = ResponseHead {
                status: parsed.code.unwrap_or_default(),
                headers: Headers::from(&*parsed.headers),
            };
            reader.take(length);
            return Ok(head);
        }
        reader.need().await?;
    }
}

impl RequestHead {
    /// Returns how long the body is: without a length there is none.
    pub(crate) fn framing(&self) -> io::Result<Framing> {
        Ok(declared(&self.headers)?.unwrap_or(Framing::Length(0)))
    }
}

impl ResponseHead {
    /// Returns how long the body of the answer to a `method` request is: without a length it goes on to the end.
    pub(crate) fn framing(&self, method: &str) -> io::Result<Framing> {
        if method == "HEAD" || self.status < 200 || matches!(self.status, 204 | 304) {
            return Ok(Framing::Length(0));
        }
        Ok(declared(&self.headers)?.unwrap_or(Framing::UntilClose))
    }
}

/// Returns what the header fields say about the body, if anything.
fn declared(headers: &Headers) -> io::Result<Option<Framing>> {
    if headers.has_token("transfer-encoding", "chunked") {
        return Ok(Some(Framing::Chunked));
    }
    let Some(length) = headers.get("content-length") else {
        return Ok(None);
    };
    let length = std::str::from_utf8(length).ok().and_then(|text| text.trim().parse().ok());
    length.map(Framing::Length).map(Some).ok_or_else(|| malformed("a content-length that is no number"))
}
