//! Connections: accepted, recognised as HTTP/1.1 or HTTP/2, served.

use std::io;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::frames::PREFACE;
use super::store::Store;
use super::tap::Tapped;
use super::{h1, h2};
use crate::wire::reader::Reader;

/// Serves every connection until `stop`; then closes the listener and all of them.
pub(super) async fn accept(listener: TcpListener, store: Arc<Store>, stop: Arc<Notify>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.notified() => break,
        };
        while connections.try_join_next().is_some() {}
        // What fails here is a peer that has gone again.
        let Ok((stream, peer)) = accepted else { continue };
        let Ok((stream, twin)) = with_twin(stream) else { continue };
        let id = store.accepted(peer, twin);
        let tapped = Tapped::new(stream, Arc::clone(&store), id);
        // How it ended is in the record; there is nobody to tell an error to.
        connections.spawn(connection(tapped, Arc::clone(&store)));
    }
    drop(listener);
    connections.shutdown().await;
}

/// Returns the stream, and a second handle on its socket.
fn with_twin(stream: TcpStream) -> io::Result<(TcpStream, std::net::TcpStream)> {
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let twin = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, twin))
}

async fn connection(tapped: Tapped, store: Arc<Store>) -> io::Result<()> {
    let mut reader = Reader::new(tapped);
    loop {
        let seen = reader.buffered();
        if seen.starts_with(PREFACE) {
            let (mut tapped, seen) = reader.into_parts();
            tapped.unread(seen);
            let number = store.number(tapped.id());
            return h2::serve(tapped, number, store).await.map_err(io::Error::other);
        }
        if !PREFACE.starts_with(seen) {
            let number = store.number(reader.stream_mut().id());
            return h1::serve(reader, number, store).await;
        }
        if !reader.fill().await? {
            return Ok(());
        }
    }
}
