//! A second port on which the record can be asked for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::Upstream;
use super::json::to_json;
use crate::runtime::{block_on, spawn};
use crate::wire::head;
use crate::wire::reader::Reader;

/// Answers on `address`, for the rest of the process, and returns the address with the real port.
///
/// - `GET /requests`: all requests as JSON, see [`super::to_json`];
/// - `GET /requests/TOKEN`: those with this `i-twilio-idempotency-token`;
/// - `GET /healthz`: 200.
///
/// # Errors
/// When the address cannot be listened on.
pub fn serve(address: SocketAddr, upstream: Arc<Upstream>) -> io::Result<SocketAddr> {
    let listener = block_on(TcpListener::bind(address))?;
    let address = listener.local_addr()?;
    spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            // A client that breaks off needs no answer.
            spawn(exchange(stream, Arc::clone(&upstream)));
        }
    });
    Ok(address)
}

/// Reads one request, and answers it.
async fn exchange(stream: TcpStream, upstream: Arc<Upstream>) -> io::Result<()> {
    let mut reader = Reader::new(stream);
    let Some(head) = head::request(&mut reader).await? else {
        return Ok(());
    };
    let (status, body) = match (head.method.as_str(), head.target.as_str()) {
        ("GET", "/healthz") => ("200 OK", "ok\n".to_owned()),
        ("GET", "/requests") => ("200 OK", record(&upstream, None)),
        ("GET", path) if path.starts_with("/requests/") => {
            ("200 OK", record(&upstream, path.strip_prefix("/requests/")))
        }
        _ => ("404 Not Found", "GET /requests, /requests/TOKEN or /healthz\n".to_owned()),
    };
    let kind = if body.starts_with('[') { "application/json" } else { "text/plain" };
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    reader.stream_mut().write_all(response.as_bytes()).await
}

fn record(upstream: &Upstream, token: Option<&str>) -> String {
    format!("{:#}\n", to_json(&upstream.requests(), token))
}
