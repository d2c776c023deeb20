//! What happens on an open WebSocket: each message is sent and has to come back.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

use crate::failure::Failure;

/// Sends the frames one by one, and returns what came back for each. `early` are bytes that came with the handshake.
pub(super) async fn converse<S>(stream: S, early: Vec<u8>, frames: &[String]) -> Result<Vec<String>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broken = |error| Failure::Protocol(format!("the WebSocket broke: {error}"));
    let mut socket = WebSocketStream::from_partially_read(stream, early, Role::Client, None).await;
    let mut echoes = Vec::new();
    for frame in frames {
        socket.send(Message::text(frame)).await.map_err(broken)?;
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    echoes.push(text.to_string());
                    break;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(_)) | None => {
                    return Err(Failure::Protocol("the WebSocket was closed before it echoed".into()));
                }
                Some(Err(error)) => return Err(broken(error)),
            }
        }
    }
    // A goodbye; how the peer takes it changes nothing any more.
    drop(socket.close(None).await);
    Ok(echoes)
}
