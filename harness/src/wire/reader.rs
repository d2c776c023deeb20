//! A stream and the bytes read from it that nobody has used yet.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads from `S` into a buffer that parsers can look at before they take bytes from it.
#[derive(Debug)]
pub(crate) struct Reader<S> {
    stream: S,
    buffer: BytesMut,
}

impl<S: AsyncRead + Unpin> Reader<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: BytesMut::with_capacity(16 * 1024) }
    }

    /// Returns what has been read and not taken.
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads more. `false` at the end of the stream.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        self.buffer.reserve(16 * 1024);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }

    /// Reads more, where the message needs more: the end of the stream is an error.
    pub(crate) async fn need(&mut self) -> io::Result<()> {
        if self.fill().await? { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Takes at most `limit` bytes of what is buffered.
    pub(crate) fn take(&mut self, limit: usize) -> Bytes {
        let length = self.buffer.len().min(limit);
        self.buffer.split_to(length).freeze()
    }

    /// Takes a line that ends in CR LF, or in LF alone, without its end.
    pub(crate) async fn line(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.take(end + 1);
                return Ok(line.slice(..line.trim_ascii_end().len()));
            }
            self.need().await?;
        }
    }

    /// Returns the stream, for writing to it.
    pub(crate) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Returns the stream, and what has been read from it and not taken.
    pub(crate) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.buffer.freeze())
    }
}

/// Returns the error for a message that breaks the protocol; `what` says how.
pub(crate) fn malformed(what: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}
