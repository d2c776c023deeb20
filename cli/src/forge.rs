//! Forgeries. Each breaks exactly one thing and leaves the rest as Twilio would have sent it, so that an answer shows
//! which check caught it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::failure::Failure;
use crate::form;
use crate::key::{Key, Secret};
use crate::request::{Request, SETTINGS, SIGNATURE};
use crate::url::{Url, split_port};
use crate::webhook::{BodyHash, Payload, Webhook};

/// What to break. The text of each is what `--help` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Forge {
    /// One bit of the signature is flipped
    Signature,
    /// The signature header is left out
    MissingSignature,
    /// The signature lacks its last character
    MalformedSignature,
    /// The signature header is sent twice, both right
    TwoSignatures,
    /// Signed with a key that is not the account's
    Token,
    /// The path is changed after signing
    Url,
    /// The query is changed after signing
    Query,
    /// The last parameter's value is changed after signing
    Parameter,
    /// A parameter is added after signing
    ExtraParameter,
    /// One byte of the JSON body is changed after hashing
    Body,
    /// A JSON body without bodySHA256; the URL is signed
    UnsignedBody,
    /// A second bodySHA256, of another body, stands in the URL that is signed
    RepeatHash,
    /// bodySHA256 is in upper case in the URL that is signed
    UpperHash,
    /// The settings header names another algorithm than the one used (shared keys only)
    Algorithm,
    /// The settings header names a key that nobody has (shared keys only)
    KeyId,
    /// The body is longer than the size given, and rightly signed
    TooLarge,
    /// The URL is signed as http where it is https, or the other way
    Scheme,
    /// The URL is signed for another host
    WrongHost,
}

/// The default for [`Forge::TooLarge`]: the filter's own default limit.
pub const DEFAULT_LIMIT: usize = 262_144;

/// Signs a webhook with one thing broken. `limit` is the size that [`Forge::TooLarge`] goes beyond.
///
/// # Errors
/// [`Failure::Usage`] when the webhook has nothing of what should be broken.
pub fn sign(webhook: &Webhook, key: &Key, forge: Forge, limit: usize) -> Result<Request, Failure> {
    let mut webhook = webhook.clone();
    match forge {
        Forge::Token => Ok(webhook.sign(&key.with_secret(Secret::new("the-token-of-nobody-at-all-00000")))),
        Forge::UnsignedBody => with_hash(webhook, key, forge, BodyHash::Missing),
        Forge::RepeatHash => with_hash(webhook, key, forge, BodyHash::Twice),
        Forge::UpperHash => with_hash(webhook, key, forge, BodyHash::UpperCase),
        Forge::TooLarge => {
            enlarge(&mut webhook, limit)?;
            Ok(webhook.sign(key))
        }
        Forge::Scheme => Ok(signed_for(webhook, key, |url| {
            let other = if url.is_tls() { "http" } else { "https" };
            url.scheme = other.to_owned();
        })),
        Forge::WrongHost => Ok(signed_for(webhook, key, |url| {
            let port = split_port(&url.authority).1.map(|port| format!(":{port}"));
            url.authority = format!("other.example.net{}", port.unwrap_or_default());
        })),
        _ => {
            let mut request = webhook.sign(key);
            after(&mut request, &webhook.payload, key, forge)?;
            Ok(request)
        }
    }
}

/// Makes the forgeries that change a request already signed.
fn after(request: &mut Request, payload: &Payload, key: &Key, forge: Forge) -> Result<(), Failure> {
    let signature = request.header(SIGNATURE).unwrap_or_default().to_owned();
    match forge {
        Forge::Signature => request.set_header(SIGNATURE, flip_bit(&signature)),
        Forge::MissingSignature => request.headers.retain(|(name, _)| name != SIGNATURE),
        Forge::MalformedSignature => {
            let cut = signature.len().saturating_sub(1);
            request.set_header(SIGNATURE, signature.chars().take(cut).collect());
        }
        Forge::TwoSignatures => request.headers.push((SIGNATURE.to_owned(), signature)),
        // Below the same path: a prefix route still takes the request, so that the signature alone can refuse it.
        Forge::Url => request.url.path = format!("{}/forged", request.url.path.trim_end_matches('/')),
        Forge::Query => request.url = request.url.clone().with_query("forged=1"),
        Forge::Parameter => change_params(request, payload, forge, |text| {
            text.push('0');
        })?,
        Forge::ExtraParameter => change_params(request, payload, forge, |text| {
            text.push_str("&Forged=1");
        })?,
        Forge::Body => {
            match (payload, request.body.as_mut().and_then(|body| body.iter_mut().rfind(is_alphanumeric))) {
                // The case bit of a letter, the last bit of a digit: the text stays text of the same length.
                (Payload::Json(..), Some(byte)) if byte.is_ascii_digit() => *byte ^= 1,
                (Payload::Json(..), Some(byte)) => *byte ^= 0x20,
                _ => return Err(needs(forge, "a JSON body")),
            }
        }
        Forge::Algorithm | Forge::KeyId => {
            let Key::Shared { id, algorithm, .. } = key else {
                return Err(needs(forge, "a shared key"));
            };
            let settings = match forge {
                Forge::KeyId => format!(
                    "key=webhooks_sharedkey_00000000000000000000000000,algorithm={}",
                    algorithm.name()
                ),
                _ => format!("key={id},algorithm={}", algorithm.other().name()),
            };
            request.set_header(SETTINGS, settings);
        }
        Forge::Token
        | Forge::UnsignedBody
        | Forge::RepeatHash
        | Forge::UpperHash
        | Forge::TooLarge
        | Forge::Scheme
        | Forge::WrongHost => {}
    }
    Ok(())
}

fn needs(forge: Forge, what: &str) -> Failure {
    use clap::ValueEnum as _;
    let value = forge.to_possible_value();
    let name = value.as_ref().map_or("this", |value| value.get_name());
    Failure::Usage(format!("the forgery `{name}` needs {what}"))
}

fn is_alphanumeric(byte: &&mut u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn flip_bit(signature: &str) -> String {
    let mut bytes = STANDARD.decode(signature).unwrap_or_default();
    if let Some(first) = bytes.first_mut() {
        *first ^= 1;
    }
    STANDARD.encode(bytes)
}

fn with_hash(mut webhook: Webhook, key: &Key, forge: Forge, new: BodyHash) -> Result<Request, Failure> {
    match &mut webhook.payload {
        Payload::Json(_, hash) => *hash = new,
        _ => return Err(needs(forge, "a JSON body")),
    }
    Ok(webhook.sign(key))
}

/// Signs one URL and sends another.
fn signed_for(mut webhook: Webhook, key: &Key, change: impl FnOnce(&mut Url)) -> Request {
    webhook.sent_url.get_or_insert_with(|| webhook.url.clone());
    change(&mut webhook.url);
    webhook.sign(key)
}

/// Changes the encoded text itself: decoding and encoding again could change more than the one thing.
fn change_params(
    request: &mut Request,
    payload: &Payload,
    forge: Forge,
    change: impl FnOnce(&mut String),
) -> Result<(), Failure> {
    let mut text = match payload {
        Payload::Form => String::from_utf8_lossy(request.body.as_deref().unwrap_or_default()).into_owned(),
        Payload::Query | Payload::WebSocket(_) => request.url.query.clone().unwrap_or_default(),
        Payload::Json(..) | Payload::Empty => String::new(),
    };
    if !text.contains('=') {
        return Err(needs(forge, "a request with parameters"));
    }
    change(&mut text);
    match payload {
        Payload::Form => request.body = Some(text.into_bytes()),
        _ => request.url.query = Some(text),
    }
    Ok(())
}

fn enlarge(webhook: &mut Webhook, limit: usize) -> Result<(), Failure> {
    match &mut webhook.payload {
        // White space after the value is JSON still.
        Payload::Json(body, _) => body.resize(limit.saturating_add(1).max(body.len()), b' '),
        Payload::Form => {
            let missing = limit.saturating_add(1).saturating_sub(form::encode(&webhook.params).len());
            match webhook.params.last_mut() {
                Some((_, value)) => value.push_str(&"x".repeat(missing)),
                None => webhook.params.push(("Body".to_owned(), "x".repeat(limit))),
            }
        }
        _ => return Err(needs(Forge::TooLarge, "a request with a body")),
    }
    Ok(())
}
