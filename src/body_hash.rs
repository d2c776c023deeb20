//! `bodySHA256`: how a signed URL vouches for a body that is not a form.

use sha2::{Digest, Sha256};

use crate::params::Params;

/// The query parameter that holds the hash.
pub const PARAMETER: &[u8] = b"bodySHA256";

/// What the query claims about the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// There is no `bodySHA256`.
    None,
    /// There is one value, once or several times over, and it is the hash of this body in lower-case hex.
    Right,
    /// There is one value, and it is not.
    Wrong,
    /// There are several values. Twilio's own libraries disagree on which of them counts.
    Contradictory,
}

/// Compares what the query claims with the body, and returns the result. Neither is secret.
pub fn claim(query: &[u8], body: &[u8]) -> Claim {
    if query.is_empty() {
        return Claim::None;
    }
    let params = Params::parse(query);
    let mut claims = params.values(PARAMETER);
    let Some(claimed) = claims.next() else { return Claim::None };
    if claims.any(|other| other != claimed) {
        return Claim::Contradictory;
    }
    if claimed == lower_hex(&Sha256::digest(body)) { Claim::Right } else { Claim::Wrong }
}

/// Returns the query parameter, name and value, that vouches for this body.
pub fn parameter(body: &[u8]) -> Vec<u8> {
    [PARAMETER, b"=", &lower_hex(&Sha256::digest(body))].concat()
}

fn lower_hex(bytes: &[u8]) -> Vec<u8> {
    let digit = |nibble: u8| {
        if nibble < 10 { b'0'.saturating_add(nibble) } else { b'W'.saturating_add(nibble) }
    };
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0F)]).collect()
}
