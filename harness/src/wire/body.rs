//! The bodies of HTTP/1.1 messages.

use std::io;

use bytes::Bytes;
use httparse::Status;
use tokio::io::AsyncRead;

use super::headers::{Headers, MAX_FIELDS};
use super::reader::{Reader, malformed};

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After this many bytes.
    Length(u64),
    /// After the chunk of size 0 and the trailers.
    Chunked,
    /// Where the connection ends.
    UntilClose,
}

/// A body that is being read.
#[derive(Debug)]
pub(crate) struct Body {
    state: State,
    /// What came after the last chunk; complete when [`Body::next`] has answered `None`.
    pub(crate) trailers: Headers,
}

#[derive(Debug)]
enum State {
    Length(u64),
    ChunkSize,
    ChunkData(u64),
    UntilClose,
    Done,
}

impl Body {
    pub(crate) fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
        };
        Self { state, trailers: Headers::new() }
    }

    /// Reads the next bytes as they arrive; `None` when the body is whole.
    pub(crate) async fn next<S: AsyncRead + Unpin>(
        &mut self,
        reader: &mut Reader<S>,
    ) -> io::Result<Option<Bytes>> {
        loop {
            match &mut self.state {
                State::Done | State::Length(0) => return Ok(None),
                State::Length(left) => return take(reader, left).await.map(Some),
                State::UntilClose => {
                    if reader.buffered().is_empty() && !reader.fill().await? {
                        self.state = State::Done;
                        return Ok(None);
                    }
                    return Ok(Some(reader.take(usize::MAX)));
                }
                State::ChunkSize => {
                    let size = chunk_size(reader).await?;
                    if size == 0 {
                        self.trailers = trailers(reader).await?;
                        self.state = State::Done;
                    } else {
                        self.state = State::ChunkData(size);
                    }
                }
                State::ChunkData(0) => {
                    if !reader.line().await?.is_empty() {
                        return Err(malformed("a chunk that is longer than its size says"));
                    }
                    self.state = State::ChunkSize;
                }
                State::ChunkData(left) => return take(reader, left).await.map(Some),
            }
        }
    }

    /// Reads everything up to the end.
    pub(crate) async fn collect<S: AsyncRead + Unpin>(
        &mut self,
        reader: &mut Reader<S>,
    ) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        while let Some(piece) = self.next(reader).await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

/// Takes what is there of the `left` bytes that are to come.
async fn take<S: AsyncRead + Unpin>(reader: &mut Reader<S>, left: &mut u64) -> io::Result<Bytes> {
    if reader.buffered().is_empty() {
        reader.need().await?;
    }
    let piece = reader.take(usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= piece.len() as u64;
    Ok(piece)
}

/// Reads the line in front of a chunk, and returns the size in it.
async fn chunk_size<S: AsyncRead + Unpin>(reader: &mut Reader<S>) -> io::Result<u64> {
    loop {
        match httparse::parse_chunk_size(reader.buffered()) {
            Ok(Status::Complete((length, size))) => {
                reader.take(length);
                return Ok(size);
            }
            Ok(Status::Partial) => reader.need().await?,
            Err(_) => return Err(malformed("a chunk size that is no hexadecimal number")),
        }
    }
}

/// Reads the fields after the last chunk, up to the empty line.
async fn trailers<S: AsyncRead + Unpin>(reader: &mut Reader<S>) -> io::Result<Headers> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        if let Status::Complete((length, fields)) =
            httparse::parse_headers(reader.buffered(), &mut fields).map_err(malformed)?
        {
            let trailers = Headers::from(fields);
            reader.take(length);
            return Ok(trailers);
        }
        reader.need().await?;
    }
}
