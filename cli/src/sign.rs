//! Twilio's signature, written naively and on its own.
//!
//! The filter has its own implementation of the same rules. This one must never call it: two independent
//! implementations that agree say something, one that agrees with itself says nothing.
//!
//! `base64(HMAC(key, URL + name + value + name + value …))`, names sorted by byte, the values of one name a sorted
//! set with the name repeated before each. See <https://www.twilio.com/docs/usage/security>.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::key::Algorithm;

/// One decoded parameter: a name and a value.
pub type Param = (String, String);

/// Returns what the HMAC runs over.
#[must_use]
pub fn signed_text(url: &str, params: &[Param]) -> String {
    // A set of pairs is exactly "names sorted by byte, values of one name a sorted set": Rust orders strings by byte.
    let sorted: BTreeSet<&Param> = params.iter().collect();
    let mut text = url.to_owned();
    for (name, value) in sorted {
        text.push_str(name);
        text.push_str(value);
    }
    text
}

/// Returns the value of `X-Twilio-Signature`.
#[must_use]
pub fn signature(algorithm: Algorithm, key: &[u8], url: &str, params: &[Param]) -> String {
    let text = signed_text(url, params);
    match algorithm {
        Algorithm::HmacSha1 => STANDARD.encode(hmac::<Hmac<Sha1>>(key, text.as_bytes())),
        Algorithm::HmacSha256 => STANDARD.encode(hmac::<Hmac<Sha256>>(key, text.as_bytes())),
    }
}

/// Returns the value of `bodySHA256`: the body's SHA-256 in lower-case hex.
#[must_use]
pub fn body_hash(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
    // An HMAC takes a key of any length: the error cannot happen, and an empty code would verify nowhere.
    let Ok(mac) = <M as KeyInit>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.chain_update(text).finalize().into_bytes().to_vec()
}
