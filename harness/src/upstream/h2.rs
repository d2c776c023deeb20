//! The HTTP/2 side of the upstream.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream};
use http::Response;
use tokio::task::JoinSet;

use super::answer::Answer;
use super::request::{Protocol, Request};
use super::store::{Recording, Store};
use super::tap::Tapped;
use crate::Headers;

/// Wide enough that no test waits for a `WINDOW_UPDATE`.
const WINDOW: u32 = 16 << 20;

/// Serves one connection until a side ends it.
pub(super) async fn serve(tapped: Tapped, number: usize, store: Arc<Store>) -> Result<(), h2::Error> {
    let mut connection = server::Builder::new()
        .enable_connect_protocol()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .handshake(tapped)
        .await?;
    let mut streams = JoinSet::new();
    while let Some(accepted) = connection.accept().await {
        while streams.try_join_next().is_some() {}
        let (request, respond) = accepted?;
        let recording = store.begin(record(&request, number));
        streams.spawn(stream(request, respond, recording, Arc::clone(&store)));
    }
    Ok(())
}

/// Returns the record of a request whose header section is that of `request`.
fn record(request: &http::Request<RecvStream>, connection: usize) -> Request {
    let uri = request.uri();
    let headers = Headers::from(request.headers());
    let authority = uri.authority().map(ToString::to_string);
    let protocol = request.extensions().get::<h2::ext::Protocol>();
    Request {
        connection,
        protocol: Protocol::Http2,
        method: request.method().to_string(),
        path: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        authority: authority.or_else(|| headers.text("host")).unwrap_or_default(),
        upgrade: protocol.map(|protocol| protocol.as_str().to_owned()),
        headers,
        body: Vec::new(),
        trailers: Headers::new(),
        started: Instant::now(),
        ended: false,
        complete: false,
    }
}

/// Reads one request, then answers. An error is the end of the stream, and the record says so already.
async fn stream(
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    recording: Recording,
    store: Arc<Store>,
) -> Result<(), h2::Error> {
    let tunnel = request.extensions().get::<h2::ext::Protocol>().is_some();
    let mut body = request.into_body();
    if tunnel {
        return echo(body, respond, recording).await;
    }
    while let Some(piece) = body.data().await {
        let piece = piece?;
        recording.data(&piece);
        body.flow_control().release_capacity(piece.len())?;
    }
    let trailers = body.trailers().await?;
    recording.complete(trailers.as_ref().map(Headers::from).unwrap_or_default());
    match store.answer() {
        Answer::Reset => respond.send_reset(Reason::INTERNAL_ERROR),
        Answer::Silence => {
            poll_fn(|cx| respond.poll_reset(cx)).await?;
        }
        Answer::Reply { status, body, delay } => {
            tokio::time::sleep(delay).await;
            let head = Response::builder()
                .status(status)
                .header("content-type", "text/plain")
                .header("content-length", body.len());
            let head = head.body(()).expect("an answer with a valid status");
            let mut sender = respond.send_response(head, body.is_empty())?;
            if !body.is_empty() {
                sender.send_data(body.into(), true)?;
            }
        }
    }
    Ok(())
}

/// Accepts an extended `CONNECT` (RFC 8441) and sends back whatever comes.
async fn echo(
    mut body: RecvStream,
    mut respond: SendResponse<Bytes>,
    recording: Recording,
) -> Result<(), h2::Error> {
    let mut sender = respond.send_response(Response::new(()), false)?;
    while let Some(piece) = body.data().await {
        let piece = piece?;
        recording.data(&piece);
        body.flow_control().release_capacity(piece.len())?;
        sender.send_data(piece, false)?;
    }
    sender.send_data(Bytes::new(), true)?;
    recording.complete(Headers::new());
    Ok(())
}
