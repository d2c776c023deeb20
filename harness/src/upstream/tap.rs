//! A TCP stream that records what is read from it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::frames::{FrameWalker, PREFACE};
use super::store::Store;

/// Decides which bytes of one connection belong to requests.
#[derive(Debug)]
pub(super) enum Sorter {
    /// The bytes so far could be the beginning of the HTTP/2 preface.
    Undecided(Vec<u8>),
    Http1,
    Http2(FrameWalker),
}

impl Sorter {
    pub(super) fn new() -> Self {
        Self::Undecided(Vec::new())
    }

    /// Emits `bytes`, and what was held back before them, with whether they belong to a request.
    pub(super) fn feed(&mut self, bytes: &[u8], emit: &mut dyn FnMut(&[u8], bool)) {
        match self {
            Self::Http1 => emit(bytes, true),
            Self::Http2(walker) => walker.feed(bytes, emit),
            Self::Undecided(held) => {
                held.extend_from_slice(bytes);
                if let Some(frames) = held.strip_prefix(PREFACE) {
                    emit(PREFACE, false);
                    let mut walker = FrameWalker::default();
                    walker.feed(frames, emit);
                    *self = Self::Http2(walker);
                } else if !PREFACE.starts_with(held) {
                    emit(held, true);
                    *self = Self::Http1;
                }
            }
        }
    }
}

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

    /// The store's name for this connection.
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
