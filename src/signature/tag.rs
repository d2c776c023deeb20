//! The signature, as the request's header has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::reason::Reason;
use crate::request::Single;

/// What `X-Twilio-Signature` holds, decoded.
#[derive(Clone, Debug)]
pub struct Tag {
    bytes: [u8; MOST_TAG],
    length: usize,
}

/// What 44 characters of base64 hold at most.
const MOST_TAG: usize = 33;

impl Tag {
    /// Decodes exactly one header of 28 (SHA-1) or 44 (SHA-256) characters of standard padded base64.
    ///
    /// # Errors
    /// [`Reason::MissingSignature`] without the header, [`Reason::MalformedSignature`] for anything else.
    pub fn parse(header: Single<'_>) -> Result<Tag, Reason> {
        let text = match header {
            Single::Absent => return Err(Reason::MissingSignature),
            Single::Repeated => return Err(Reason::MalformedSignature),
            Single::One(text) => text,
        };
        let mut bytes = [0; MOST_TAG];
        match STANDARD.decode_slice(text, &mut bytes) {
            Ok(length @ (20 | 32)) => Ok(Tag { bytes, length }),
            _ => Err(Reason::MalformedSignature),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
