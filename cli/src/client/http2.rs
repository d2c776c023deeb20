//! HTTP/2, with a WebSocket as an extended CONNECT (RFC 8441).

use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::client::conn::http2;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::answer::Answer;
use super::dial::Stream;
use super::websocket;
use crate::failure::Failure;
use crate::request::Request;

pub(super) async fn exchange(stream: Box<dyn Stream>, request: &Request) -> Result<Answer, Failure> {
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(broken)?;
    // Its outcome is not lost: what breaks the connection fails the request as well.
    let connection = tokio::spawn(connection);
    let mut response = sender.send_request(head(request)?).await.map_err(broken)?;
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let mut answer =
        Answer { status, headers, body: Vec::new(), echoes: Vec::new(), elapsed: Default::default() };
    if request.websocket && status == 200 {
        let stream = TokioIo::new(hyper::upgrade::on(&mut response).await.map_err(broken)?);
        answer.echoes = websocket::converse(stream, Vec::new(), &request.frames).await?;
    } else {
        answer.body = body(response.into_body()).await?;
    }
    connection.abort();
    Ok(answer)
}

async fn body(incoming: Incoming) -> Result<Vec<u8>, Failure> {
    Ok(incoming.collect().await.map_err(broken)?.to_bytes().to_vec())
}

fn head(request: &Request) -> Result<http::Request<UnsyncBoxBody<Bytes, Infallible>>, Failure> {
    // `http::Uri` refuses what it does not like, and passes the rest through unchanged.
    let unfit = |error: http::Error| Failure::Usage(format!("HTTP/2 cannot carry this request: {error}"));
    let scheme = if request.url.is_tls() { "https" } else { "http" };
    let uri = http::Uri::builder()
        .scheme(scheme)
        .authority(request.url.authority.as_str())
        .path_and_query(request.url.request_target())
        .build()
        .map_err(unfit)?;
    let mut head = http::Request::builder().uri(uri);
    if request.websocket {
        head = head
            .method("CONNECT")
            .extension(Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13");
    } else {
        head = head.method(request.method.as_str());
    }
    if let (Some(body), None) = (&request.body, request.pause) {
        head = head.header("content-length", body.len());
    }
    for (name, value) in &request.headers {
        head = head.header(name, value);
    }
    let body = Bytes::from(request.body.clone().unwrap_or_default());
    let body = match request.pause {
        Some(pause) => held(body, pause),
        None => Full::new(body).boxed_unsync(),
    };
    head.body(body).map_err(unfit)
}

/// Returns a body of which the second half comes after a pause.
fn held(mut body: Bytes, pause: Duration) -> UnsyncBoxBody<Bytes, Infallible> {
    let first = body.split_to(body.len() / 2);
    let frames = stream::unfold(vec![(pause, body), (Duration::ZERO, first)], async |mut left| {
        let (wait, bytes) = left.pop()?;
        tokio::time::sleep(wait).await;
        Some((Ok(Frame::data(bytes)), left))
    });
    StreamBody::new(frames).boxed_unsync()
}

fn broken(error: hyper::Error) -> Failure {
    // The outer error only says which step failed; the innermost says why.
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Failure::Protocol(format!("HTTP/2: {cause}"))
}
