//! Twilio's signature by the book, and as unlike the filter's as it can be: HMAC and base64 by hand, sorting by
//! maps of whole strings.

use std::collections::{BTreeMap, BTreeSet};

use sha1::Sha1;
use sha2::{Digest, Sha256};

pub(crate) fn sha1(key: &str, url: &str, params: &[(String, String)]) -> String {
    base64(&hmac::<Sha1>(key.as_bytes(), message(url, params).as_bytes()))
}

pub(crate) fn sha256(key: &str, url: &str, params: &[(String, String)]) -> String {
    base64(&hmac::<Sha256>(key.as_bytes(), message(url, params).as_bytes()))
}

/// Returns the signature of a message that is put together already.
pub(crate) fn sha256_of(key: &str, message: &[u8]) -> String {
    base64(&hmac::<Sha256>(key.as_bytes(), message))
}

/// Returns the signature of a message that is put together already.
pub(crate) fn sha1_of(key: &str, message: &[u8]) -> String {
    base64(&hmac::<Sha1>(key.as_bytes(), message))
}

pub(crate) fn sha256_hex(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn message(url: &str, params: &[(String, String)]) -> String {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in params {
        values.entry(name).or_default().insert(value);
    }
    let signed =
        values.iter().flat_map(|(name, values)| values.iter().map(move |value| format!("{name}{value}")));
    url.to_owned() + &signed.collect::<String>()
}

/// Returns an HMAC (RFC 2104) by one of the two hashes whose blocks have 64 bytes.
fn hmac<D: Digest>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > 64 { D::digest(key).to_vec() } else { key.to_vec() };
    block.resize(64, 0);
    let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<_>>();
    let inner = D::digest([pad(0x36), message.to_vec()].concat());
    D::digest([pad(0x5C), inner.to_vec()].concat()).to_vec()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let group = u32::from_be_bytes(group);
        for place in 0..4 {
            let digit = alphabet[(group >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { digit.into() } else { '=' });
        }
    }
    text
}
