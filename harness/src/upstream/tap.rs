//! A TCP stream that records what is read from it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::store::Store;

/// The stream; reads go to the store as well.
#[derive(Debug)]
pub(super) struct Tapped {
    stream: TcpStream,
    store: Arc<Store>,
    /// The store's name for this connection.
    id: usize,
    /// Bytes that were read, and put back.
    unread: Bytes,
}

impl Tapped {
    pub(super) fn new(stream: TcpStream, store: Arc<Store>, id: usize) -> Self {
        Self { stream, store, id, unread: Bytes::new() }
    }

    /// Puts back what was read, so that the next read gets it again. It is not recorded twice.
    pub(super) fn unread(&mut self, bytes: Bytes) {
        self.unread = bytes;
    }

    /// Returns the store's name for this connection.
    pub(super) fn id(&self) -> usize {
        self.id
    }

    /// Ends the connection with a reset instead of an orderly close.
    pub(super) fn reset_on_close(&self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }
}

impl AsyncRead for Tapped {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.unread.is_empty() {
            let length = this.unread.len().min(buf.remaining());
            buf.put_slice(&this.unread[..length]);
            this.unread.advance(length);
            return Poll::Ready(Ok(()));
        }
        // Locked over both steps: whoever looks sees the bytes in the socket or in the record, never in
        // between.
        let mut state = this.store.lock();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        state.record(this.id, &buf.filled()[before..]);
        polled
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl Drop for Tapped {
    fn drop(&mut self) {
        self.store.closed(self.id);
    }
}
