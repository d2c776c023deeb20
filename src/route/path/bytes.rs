//! What the bytes of a settled path stand for.

/// The byte for all that stands for nothing: it is not printable ASCII, and readers may drop it.
pub(super) const NOTHING: u8 = 1;

/// Writes a settled path in lower case, and [`NOTHING`] for what is neither printable ASCII nor the end of a line.
pub(super) fn normalize(settled: &mut [u8]) {
    settled.make_ascii_lowercase();
    for byte in settled {
        let stands_for_something = matches!(byte, b' '..=b'~' | b'\r' | b'\n');
        *byte = if stands_for_something { *byte } else { NOTHING };
    }
}

/// Returns true if a word goes on with this byte.
pub(super) fn goes_on(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || is_dash(byte)
}

pub(super) fn is_dash(byte: u8) -> bool {
    matches!(byte, b'-' | b'_')
}

pub(super) fn is_slash(byte: &u8) -> bool {
    matches!(byte, b'/' | b'\\')
}
