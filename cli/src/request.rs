//! A request as it goes on the wire.

use std::time::Duration;

use uuid::Uuid;

use crate::form;
use crate::key::Key;
use crate::sign;
use crate::url::Url;
use crate::webhook::{Payload, Webhook};

/// The header that carries the signature.
pub const SIGNATURE: &str = "X-Twilio-Signature";
/// The header that names the shared key.
pub const SETTINGS: &str = "X-Twilio-Webhooks-Signature-Settings";
/// The header that tells retries apart; here it also finds a request again in logs.
pub const IDEMPOTENCY_TOKEN: &str = "I-Twilio-Idempotency-Token";

/// A signed request. `Host` and the framing headers are added when it is written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method; `GET` for a WebSocket handshake, whatever HTTP/2 makes of it.
    pub method: String,
    /// The URL, byte for byte.
    pub url: Url,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body; `None` sends no `Content-Length` either.
    pub body: Option<Vec<u8>>,
    /// How long to wait in the middle of the body, which then goes in chunks; `None` sends it in one piece.
    pub pause: Option<Duration>,
    /// Whether this opens a WebSocket.
    pub websocket: bool,
    /// Text messages to send once it is open; each is expected back.
    pub frames: Vec<String>,
    /// The URL under the signature, for messages to the user.
    pub signed_url: String,
}

impl Request {
    /// Returns the first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Sets a header that is there, or adds it.
    pub fn set_header(&mut self, name: &str, value: String) {
        match self.headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = value,
            None => self.headers.push((name.to_owned(), value)),
        }
    }

    /// Returns the token that finds this request in logs.
    #[must_use]
    pub fn token(&self) -> &str {
        self.header(IDEMPOTENCY_TOKEN).unwrap_or_default()
    }

    /// Returns method, host and path, for tables.
    #[must_use]
    pub fn summary(&self) -> String {
        let verb = if self.websocket { "WebSocket" } else { &self.method };
        format!("{verb} {}{}", self.url.authority, self.url.path)
    }
}

impl Webhook {
    /// Signs the webhook and writes it out as Twilio sends it, with an idempotency token of its own.
    #[must_use]
    pub fn sign(&self, key: &Key) -> Request {
        let (url, params) = self.signed();
        let text = url.to_string();
        let signature = sign::signature(key.algorithm(), key.secret().bytes(), &text, &params);
        write(self, key, &text, &signature)
    }
}

/// Writes a webhook out with the signature given.
fn write(webhook: &Webhook, key: &Key, signed_url: &str, signature: &str) -> Request {
    let websocket = matches!(webhook.payload, Payload::WebSocket(_));
    let (content_type, body) = match &webhook.payload {
        Payload::Form => (
            Some("application/x-www-form-urlencoded; charset=UTF-8"),
            Some(form::encode(&webhook.params).into_bytes()),
        ),
        Payload::Json(body, _) => (Some("application/json"), Some(body.clone())),
        Payload::Empty => (None, Some(Vec::new())),
        Payload::Query | Payload::WebSocket(_) => (None, None),
    };
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
    if let Some(content_type) = content_type {
        add("Content-Type", content_type);
    }
    add("User-Agent", if websocket { "Twilio.TmeWs/1.0" } else { "TwilioProxy/1.1" });
    add("Accept", "*/*");
    add(IDEMPOTENCY_TOKEN, &Uuid::new_v4().to_string());
    add(SIGNATURE, signature);
    if let Key::Shared { id, algorithm, .. } = key {
        add(SETTINGS, &format!("key={id},algorithm={}", algorithm.name()));
    }
    headers.extend(webhook.headers.iter().cloned());
    Request {
        method: webhook.method.clone(),
        url: webhook.sent(),
        headers,
        body,
        pause: None,
        websocket,
        frames: webhook.frames.clone(),
        signed_url: signed_url.to_owned(),
    }
}
