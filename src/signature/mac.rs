//! A secret as an HMAC that is ready to run.

use hmac::{Hmac, KeyInit};
use sha1::Sha1;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use super::tag::Tag;
use crate::config::Algorithm;
use crate::secret::Secret;

#[derive(Clone)]
pub(super) enum Mac {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
}

impl Mac {
    pub(super) fn new(algorithm: Algorithm, secret: &Secret) -> Option<Mac> {
        let key = secret.expose();
        match algorithm {
            Algorithm::HmacSha1 => Hmac::new_from_slice(key).ok().map(Mac::Sha1),
            Algorithm::HmacSha256 => Hmac::new_from_slice(key).ok().map(Mac::Sha256),
        }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Mac::Sha1(_) => Algorithm::HmacSha1,
            Mac::Sha256(_) => Algorithm::HmacSha256,
        }
    }

    /// Tells whether the tag is that of the pieces put together, in the same time for every tag.
    pub(super) fn made(&self, tag: &Tag, message: &[&[u8]]) -> Choice {
        match self {
            Mac::Sha1(state) => verify(state, tag, message),
            Mac::Sha256(state) => verify(state, tag, message),
        }
    }
}

fn verify<M: hmac::Mac + Clone>(state: &M, tag: &Tag, message: &[&[u8]]) -> Choice {
    let mut state = state.clone();
    for piece in message {
        state.update(piece);
    }
    state.finalize().into_bytes().as_slice().ct_eq(tag.bytes())
}
