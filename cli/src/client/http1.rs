//! HTTP/1.1 by hand: a library would write a request that means the same, and the point is the same bytes.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{Either, select};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::answer::Answer;
use super::dial::Stream;
use super::websocket;
use crate::failure::Failure;
use crate::request::Request;

/// Any sixteen bytes do: it only has to come back hashed.
const WEBSOCKET_KEY: &str = "dHdpbGlvLXdlYmhvb2tzIQ==";

pub(super) async fn exchange(stream: Box<dyn Stream>, request: &Request) -> Result<Answer, Failure> {
    let (read, mut write) = tokio::io::split(stream);
    let mut reader = Reader { stream: read, buffer: Vec::new() };
    let (first, rest) = pieces(request);
    let answer = {
        let writing = std::pin::pin!(async {
            write.write_all(&first).await?;
            write.flush().await?;
            if let Some(pause) = request.pause {
                tokio::time::sleep(pause).await;
                write.write_all(&rest).await?;
                write.flush().await?;
            }
            Ok::<(), io::Error>(())
        });
        let reading = std::pin::pin!(reader.answer(&request.method));
        // At the same time: a proxy may refuse a long body, and stop reading it, before it has all been sent.
        match select(reading, writing).await {
            Either::Left((answer, _)) => answer?,
            Either::Right((Ok(()), reading)) => reading.await?,
            Either::Right((Err(error), reading)) => {
                reading.await.map_err(|_| Failure::Protocol(format!("the connection broke: {error}")))?
            }
        }
    };
    if answer.status != 101 {
        return Ok(answer);
    }
    let header = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-accept"));
    if !request.websocket || header.is_none_or(|(_, value)| *value != accept_key()) {
        return Err(Failure::Protocol("the server switched to a protocol that was not asked for".into()));
    }
    let stream = reader.stream.unsplit(write);
    let echoes = websocket::converse(stream, reader.buffer, &request.frames).await?;
    Ok(Answer { echoes, ..answer })
}

/// Writes the request as bytes: what goes at once, and what goes after its pause.
fn pieces(request: &Request) -> (Vec<u8>, Vec<u8>) {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: {}\r\n",
        request.method,
        request.url.request_target(),
        request.url.authority
    );
    if request.websocket {
        head.push_str("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
        head.push_str(&format!("Sec-WebSocket-Key: {WEBSOCKET_KEY}\r\n"));
    }
    match (&request.body, request.pause) {
        (Some(_), Some(_)) => head.push_str("Transfer-Encoding: chunked\r\n"),
        (Some(body), None) => head.push_str(&format!("Content-Length: {}\r\n", body.len())),
        (None, _) => {}
    }
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut first = head.into_bytes();
    let mut rest = Vec::new();
    match (&request.body, request.pause) {
        (Some(body), Some(_)) => {
            let (before, after) = body.split_at(body.len() / 2);
            first.extend(chunk(before));
            rest.extend(chunk(after));
            rest.extend(b"0\r\n\r\n");
        }
        (body, _) => first.extend(body.iter().flatten()),
    }
    (first, rest)
}

/// Writes a chunk of a body (RFC 9112, 7.1); nothing for nothing, as an empty chunk would end the body.
fn chunk(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        [] => Vec::new(),
        _ => [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat(),
    }
}

/// Returns `Sec-WebSocket-Accept` for [`WEBSOCKET_KEY`] (RFC 6455, 4.2.2).
fn accept_key() -> String {
    STANDARD.encode(Sha1::digest(format!("{WEBSOCKET_KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")))
}

struct Reader {
    stream: tokio::io::ReadHalf<Box<dyn Stream>>,
    /// What has been read and not yet used.
    buffer: Vec<u8>,
}

impl Reader {
    async fn answer(&mut self, method: &str) -> Result<Answer, Failure> {
        loop {
            let (status, headers) = self.head().await?;
            // 100 Continue and the like come before the answer; 101 is one.
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let body = match status {
                101 | 204 | 304 => Vec::new(),
                _ if method == "HEAD" => Vec::new(),
                _ => self.body(&headers).await?,
            };
            return Ok(Answer { status, headers, body, echoes: Vec::new(), elapsed: Default::default() });
        }
    }

    async fn head(&mut self) -> Result<(u16, Vec<(String, String)>), Failure> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 128];
            let mut parsed = httparse::Response::new(&mut headers);
            let status = parsed
                .parse(&self.buffer)
                .map_err(|error| Failure::Protocol(format!("the answer is not HTTP/1.1: {error}")))?;
            if let httparse::Status::Complete(length) = status {
                let code = parsed.code.unwrap_or_default();
                let headers = parsed
                    .headers
                    .iter()
                    .map(|h| (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned()))
                    .collect();
                self.buffer.drain(..length);
                return Ok((code, headers));
            }
            if self.fill().await.map_err(broken)? == 0 {
                return Err(Failure::Protocol("the connection was closed without an answer".into()));
            }
        }
    }

    async fn body(&mut self, headers: &[(String, String)]) -> Result<Vec<u8>, Failure> {
        let value =
            |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim());
        if value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.chunks().await;
        }
        if let Some(length) = value("content-length") {
            let length =
                length.parse().map_err(|_| Failure::Protocol("a Content-Length that is no number".into()))?;
            return self.take(length).await;
        }
        while self.fill().await.map_err(broken)? > 0 {}
        Ok(std::mem::take(&mut self.buffer))
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            let size = loop {
                let parsed = httparse::parse_chunk_size(&self.buffer)
                    .map_err(|_| Failure::Protocol("a chunk without a size".into()))?;
                if let httparse::Status::Complete((used, size)) = parsed {
                    self.buffer.drain(..used);
                    break usize::try_from(size).unwrap_or(usize::MAX);
                }
                self.more().await?;
            };
            if size == 0 {
                // Trailers, if there are any, are of no interest and end with the connection.
                return Ok(body);
            }
            body.extend(self.take(size).await?);
            self.take(2).await?;
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        while self.buffer.len() < length {
            self.more().await?;
        }
        let rest = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    async fn more(&mut self) -> Result<(), Failure> {
        match self.fill().await.map_err(broken)? {
            0 => Err(Failure::Protocol("the connection was closed in the middle of the answer".into())),
            _ => Ok(()),
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.stream.read_buf(&mut self.buffer).await
    }
}

fn broken(error: io::Error) -> Failure {
    Failure::Protocol(format!("the connection broke: {error}"))
}
