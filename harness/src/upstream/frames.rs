//! Which bytes of an HTTP/2 connection belong to requests.

/// What a client sends first on an HTTP/2 connection (RFC 9113, 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length (3), type (1), flags (1), stream (4).
const FRAME_HEADER: usize = 9;
const WINDOW_UPDATE: u8 = 8;

/// Cuts a byte stream, which comes in any pieces, into frames.
#[derive(Debug, Default)]
pub(super) struct FrameWalker {
    /// The bytes of a frame header that is not whole yet.
    header: Vec<u8>,
    /// How much of the current frame's payload is still to come, and whether it counts.
    payload: usize,
    of_request: bool,
}

impl FrameWalker {
    /// Takes the next bytes after the preface and emits them again, with whether they belong to a request.
    ///
    /// A frame on a stream does, whatever its type: an extension must not carry anything past this. Only
    /// `WINDOW_UPDATE` does not; it speaks of the response. A frame header is emitted when it is whole.
    pub(super) fn feed(&mut self, mut bytes: &[u8], emit: &mut dyn FnMut(&[u8], bool)) {
        while !bytes.is_empty() {
            if self.payload > 0 {
                let (now, rest) = bytes.split_at(bytes.len().min(self.payload));
                emit(now, self.of_request);
                self.payload -= now.len();
                bytes = rest;
                continue;
            }
            let (now, rest) = bytes.split_at(bytes.len().min(FRAME_HEADER - self.header.len()));
            self.header.extend_from_slice(now);
            bytes = rest;
            if let [l2, l1, l0, kind, _flags, stream @ ..] = self.header.as_slice()
                && stream.len() == 4
            {
                self.payload = usize::from(*l2) << 16 | usize::from(*l1) << 8 | usize::from(*l0);
                // The highest bit of the stream number is reserved.
                let on_stream = stream[0] & 0x7f != 0 || stream[1..] != [0; 3];
                self.of_request = on_stream && *kind != WINDOW_UPDATE;
                emit(&self.header, self.of_request);
                self.header.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FrameWalker;

    fn frame(kind: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0, 0, payload.len() as u8, kind, 0, 0, 0, 0, stream];
        frame.extend_from_slice(payload);
        frame
    }

    #[test]
    fn only_frames_of_requests_count_whatever_the_pieces() {
        let (settings, headers) = (frame(4, 0, b"abcdef"), frame(1, 1, b"head"));
        let (window, ping) = (frame(8, 1, b"1234"), frame(6, 0, b"12345678"));
        let (data, empty, reset) = (frame(0, 1, b"some data"), frame(0, 1, b""), frame(3, 1, b"0000"));
        let wire = [&settings, &headers, &window, &data, &ping, &empty, &reset].map(Vec::as_slice).concat();
        let expected = [&headers, &data, &empty, &reset].map(Vec::as_slice).concat();
        for size in 1..=wire.len() {
            let (mut all, mut counted) = (Vec::new(), Vec::new());
            let mut walker = FrameWalker::default();
            for piece in wire.chunks(size) {
                walker.feed(piece, &mut |bytes, of_request| {
                    all.extend_from_slice(bytes);
                    if of_request {
                        counted.extend_from_slice(bytes);
                    }
                });
            }
            assert_eq!(all, wire, "in pieces of {size}");
            assert_eq!(counted, expected, "in pieces of {size}");
        }
    }
}
