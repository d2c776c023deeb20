//! The HTTP/1.1 side of the upstream.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use tokio::io::AsyncWriteExt;

use super::answer::Answer;
use super::request::{Protocol, Request};
use super::store::{Recording, Store};
use super::tap::Tapped;
use crate::Headers;
use crate::wire::body::Body;
use crate::wire::head::{self, RequestHead};
use crate::wire::reader::Reader;

/// Serves one connection until a side ends it.
pub(super) async fn serve(mut reader: Reader<Tapped>, number: usize, store: Arc<Store>) -> io::Result<()> {
    while let Some(head) = head::request(&mut reader).await? {
        let recording = store.begin(request(&head, number));
        if head.headers.has_token("upgrade", "websocket") {
            return websocket(reader, &head, recording).await;
        }
        if head.headers.has_token("expect", "100-continue") {
            reader.stream_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let mut body = Body::new(head.framing()?);
        while let Some(piece) = body.next(&mut reader).await? {
            recording.data(&piece);
        }
        recording.complete(std::mem::take(&mut body.trailers));
        if !reply(&mut reader, &head, store.answer()).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Returns the record of a request that begins with `head`.
fn request(head: &RequestHead, connection: usize) -> Request {
    Request {
        connection,
        protocol: Protocol::Http1,
        method: head.method.clone(),
        path: head.target.clone(),
        authority: head.headers.text("host").unwrap_or_default(),
        upgrade: head.headers.text("upgrade"),
        headers: head.headers.clone(),
        body: Vec::new(),
        trailers: Headers::new(),
        started: Instant::now(),
        ended: false,
        complete: false,
    }
}

/// Answers; `false` when the connection ends with it.
async fn reply(reader: &mut Reader<Tapped>, head: &RequestHead, answer: Answer) -> io::Result<bool> {
    match answer {
        Answer::Reset => {
            reader.stream_mut().reset_on_close()?;
            Ok(false)
        }
        Answer::Silence => {
            // Reads on, so that the peer's end is noticed and nothing it sends is lost to the record.
            while reader.fill().await? {
                reader.take(usize::MAX);
            }
            Ok(false)
        }
        Answer::Reply { status, body, delay } => {
            tokio::time::sleep(delay).await;
            let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
            let mut response = format!(
                "HTTP/1.1 {status} {}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n{}\r\n",
                reason.unwrap_or_default(),
                body.len(),
                if head.keep_alive { "" } else { "connection: close\r\n" },
            )
            .into_bytes();
            if head.method != "HEAD" {
                response.extend_from_slice(&body);
            }
            reader.stream_mut().write_all(&response).await?;
            Ok(head.keep_alive)
        }
    }
}

/// Accepts the WebSocket and sends back whatever comes, without a look at its frames.
async fn websocket(mut reader: Reader<Tapped>, head: &RequestHead, recording: Recording) -> io::Result<()> {
    let accept = accept_key(head.headers.get("sec-websocket-key").unwrap_or_default());
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    );
    reader.stream_mut().write_all(response.as_bytes()).await?;
    loop {
        let piece = reader.take(usize::MAX);
        recording.data(&piece);
        reader.stream_mut().write_all(&piece).await?;
        if !reader.fill().await? {
            recording.complete(Headers::new());
            return Ok(());
        }
    }
}

/// Returns `Sec-WebSocket-Accept` for a key (RFC 6455, 4.2.2).
fn accept_key(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    #[test]
    fn accepts_as_the_rfc_does() {
        let accept = super::accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
