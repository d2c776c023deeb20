//! What to send, for both protocols.

use crate::Headers;

/// A well-formed request, as far as its headers allow.
///
/// | | HTTP/1.1 | HTTP/2 |
/// |---|---|---|
/// | [`Request::body`] | `content-length` | `content-length`, one `DATA` frame |
/// | [`Request::frames`] | one chunk for each, empty ones left out | one `DATA` frame for each |
/// | [`Request::trailer`] | after the last chunk | a `HEADERS` frame at the end |
/// | neither body nor frames | no body | `END_STREAM` on the headers |
/// | [`Request::unfinished`] | without the last chunk | without `END_STREAM` |
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) method: String,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) scheme: Option<String>,
    pub(super) websocket: bool,
    pub(super) headers: Headers,
    pub(super) body: Body,
    pub(super) trailers: Headers,
    pub(super) finished: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    None,
    Whole(Vec<u8>),
    Frames(Vec<Vec<u8>>),
}

impl Request {
    /// Creates a request without a body. `authority` becomes `Host` or `:authority`, `path` includes the query.
    pub fn new(method: &str, authority: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            authority: authority.to_owned(),
            path: path.to_owned(),
            scheme: None,
            websocket: false,
            headers: Headers::new(),
            body: Body::None,
            trailers: Headers::new(),
            finished: true,
        }
    }

    /// Creates a WebSocket handshake: `GET` with `Upgrade`, or extended `CONNECT` on HTTP/2.
    pub fn websocket(authority: &str, path: &str) -> Self {
        Self { websocket: true, ..Self::new("GET", authority, path) }
    }

    /// Adds a header field. HTTP/2 makes the name lower-case.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets `:scheme` on HTTP/2, where it is not to follow from TLS.
    #[must_use]
    pub fn scheme(mut self, scheme: &str) -> Self {
        self.scheme = Some(scheme.to_owned());
        self
    }

    /// Sets a body of known length.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Body::Whole(body.as_ref().to_vec());
        self
    }

    /// Sets a body of unknown length in these pieces: `body.chunks(7)`, or `[b"a".as_slice(), b""]`.
    #[must_use]
    pub fn frames(mut self, frames: impl IntoIterator<Item: AsRef<[u8]>>) -> Self {
        self.body = Body::Frames(frames.into_iter().map(|frame| frame.as_ref().to_vec()).collect());
        self
    }

    /// Adds a trailer. HTTP/1.1 can send one only after [`Request::frames`], and makes empty ones of nothing.
    #[must_use]
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.trailers.push(name, value);
        self
    }

    /// Leaves the end out: the peer has to wait for more.
    #[must_use]
    pub fn unfinished(mut self) -> Self {
        self.finished = false;
        self
    }

    /// Writes the request in HTTP/1.1, for tests that cut it into pieces or damage it.
    pub fn h1_bytes(&self) -> Vec<u8> {
        let mut bytes = self.h1_head();
        bytes.extend_from_slice(&self.h1_body());
        bytes
    }

    /// Writes the request line and the header section, with the empty line at its end.
    pub fn h1_head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        field(&mut head, b"host", self.authority.as_bytes());
        if self.websocket {
            field(&mut head, b"connection", b"Upgrade");
            field(&mut head, b"upgrade", b"websocket");
            field(&mut head, b"sec-websocket-version", b"13");
            // Any 16 bytes: the key guards against caches, not against tests.
            field(&mut head, b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==");
        }
        for (name, value) in self.headers.iter() {
            field(&mut head, name, value);
        }
        match &self.body {
            Body::Whole(body) => field(&mut head, b"content-length", body.len().to_string().as_bytes()),
            Body::None if self.trailers.is_empty() => {}
            Body::None | Body::Frames(_) => field(&mut head, b"transfer-encoding", b"chunked"),
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// Writes the body with its framing.
    pub fn h1_body(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match &self.body {
            Body::Whole(body) => return body.clone(),
            Body::None if self.trailers.is_empty() => return bytes,
            Body::None => {}
            Body::Frames(frames) => {
                // An empty chunk is the last one.
                for frame in frames.iter().filter(|frame| !frame.is_empty()) {
                    bytes.extend_from_slice(format!("{:x}\r\n", frame.len()).as_bytes());
                    bytes.extend_from_slice(frame);
                    bytes.extend_from_slice(b"\r\n");
                }
            }
        }
        if self.finished {
            bytes.extend_from_slice(b"0\r\n");
            for (name, value) in self.trailers.iter() {
                field(&mut bytes, name, value);
            }
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    }
}

/// Writes one header line.
fn field(to: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    to.extend_from_slice(&[name, b": ", value, b"\r\n"].concat());
}

#[cfg(test)]
mod tests {
    use super::Request;

    #[test]
    fn a_whole_body_has_a_length() {
        let request = Request::new("POST", "a.example", "/p?q").header("X-A", b"\xff").body("hi");
        let expected = b"POST /p?q HTTP/1.1\r\nhost: a.example\r\nX-A: \xff\r\ncontent-length: 2\r\n\r\nhi";
        assert_eq!(request.h1_bytes(), expected);
    }

    #[test]
    fn frames_are_chunks_and_trailers_follow() {
        let request = Request::new("POST", "a", "/").frames(["hello", "", "you"]).trailer("t", "1");
        assert_eq!(request.h1_body(), b"5\r\nhello\r\n3\r\nyou\r\n0\r\nt: 1\r\n\r\n");
        assert_eq!(request.unfinished().h1_body(), b"5\r\nhello\r\n3\r\nyou\r\n");
    }
}
