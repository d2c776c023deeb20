//! Which bytes of a connection belong to requests, whichever HTTP it speaks.

use super::frames::{FrameWalker, PREFACE};

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
