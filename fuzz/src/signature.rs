//! The signature's header and the settings' header: what is no tag is none, and what selects a key names it.

use twilio_proxy_wasm::reason::Reason;
use twilio_proxy_wasm::request::Single;
use twilio_proxy_wasm::signature::{Keys, Selected, Tag};

use crate::support::{policy, sign};

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

thread_local! {
    static KEYS: Keys = policy(
        r#"{ "auth_tokens": [{ "value": "a" }], "shared_keys": [
            { "id": "webhooks_sharedkey_a", "algorithm": "HMAC_SHA1", "value": "b" },
            { "id": "webhooks_sharedkey_b", "algorithm": "HMAC_SHA256", "value": "c" }] }"#,
    ).routes()[0].keys().clone();
}

pub fn run(data: &[u8]) {
    let is_tag = decode(data)
        .is_some_and(|bytes| [20, 32].contains(&bytes.len()) && sign::base64(&bytes).as_bytes() == data);
    match Tag::parse(Single::One(data)) {
        Ok(_) => assert!(is_tag),
        Err(reason) => assert!(!is_tag && reason == Reason::MalformedSignature),
    }
    KEYS.with(|keys| match keys.select(Single::One(data)) {
        Ok(Selected::SharedKey(position)) => {
            let id = keys.get(position).expect("a key at the position that was selected").label();
            assert!(data.windows(id.len()).any(|window| window == id.as_bytes()), "{id}");
        }
        Ok(Selected::AuthTokens) => panic!("settings select auth tokens"),
        Err(reason) => assert_eq!(reason, Reason::UnknownKey),
    });
}

/// Base64 by the book: groups of four, the last of them padded.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() % 4 != 0 {
        return None;
    }
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = &text[..text.len() - padding];
    let mut bits = Vec::new();
    for digit in digits {
        let value = ALPHABET.iter().position(|own| own == digit)?;
        bits.extend((0..6).rev().map(|bit| value >> bit & 1));
    }
    let bytes = bits.chunks_exact(8).map(|byte| byte.iter().fold(0u8, |sum, bit| sum << 1 | *bit as u8));
    (padding < 3).then(|| bytes.collect())
}
