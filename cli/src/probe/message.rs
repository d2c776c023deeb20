//! What a probe sends: one message that asks for nothing, in each shape that a webhook has.

use std::time::Duration;

use serde::Serialize;

use crate::failure::Failure;
use crate::forge::{self, Forge};
use crate::key::{Key, Secret};
use crate::request::{Request, SIGNATURE};
use crate::sign::Param;
use crate::url::Url;
use crate::webhook::{BodyHash, Payload, SignedQuery, Webhook};

/// The header that every request of a probe carries.
pub const MARKER: &str = "X-Twilio-Webhook-Probe";
/// The `User-Agent` of every request of a probe.
pub const USER_AGENT: &str = concat!("twilio-webhook-probe/", env!("CARGO_PKG_VERSION"));

/// A message that nobody has sent: its last digits are the word "probe" in ASCII.
const MESSAGE_SID: &str = "SM00000000000000000000000070726f6265";
/// An account that nobody has.
const ACCOUNT_SID: &str = "AC00000000000000000000000000000000";
/// Says what it is, in a parameter that Twilio does not have.
const WORDS: &str = "This is a probe of twilio-webhook. It asks for nothing.";

/// A shape of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A POST with a form
    Form,
    /// A GET with parameters in its query
    Get,
    /// A POST with JSON, its hash in the query
    Json,
    /// A POST with a form that comes in two halves
    Held,
    /// A WebSocket handshake
    Websocket,
}

impl Kind {
    /// Every shape, in the order in which they are sent.
    pub const ALL: [Kind; 5] = [Kind::Form, Kind::Get, Kind::Json, Kind::Held, Kind::Websocket];

    fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Get => "GET",
            Self::Json => "JSON",
            Self::Held => "held body",
            Self::Websocket => "WebSocket",
        }
    }
}

/// Who signed a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signing {
    /// Nobody.
    Unsigned,
    /// Somebody who does not have the key.
    Forged,
    /// Somebody who has.
    Signed,
}

/// A request of a probe.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Message {
    pub kind: Kind,
    pub signing: Signing,
    pub request: Request,
}

/// What messages are made of.
#[derive(Debug, Clone)]
pub struct Content {
    /// What signs; without it no message is signed.
    pub key: Option<Key>,
    /// The account that the message is said to be of, for keys that are tied to one.
    pub account_sid: Option<String>,
    /// The shapes to send.
    pub kinds: Vec<Kind>,
    /// How long a held body waits in its middle.
    pub pause: Duration,
}

impl Content {
    /// Makes the messages to a URL. To a WebSocket's URL they are handshakes alone.
    ///
    /// # Errors
    /// [`Failure::Usage`] when no shape is left to send.
    pub fn messages(&self, url: &Url) -> Result<Vec<Message>, Failure> {
        let is_socket = ["ws", "wss"].iter().any(|scheme| scheme.eq_ignore_ascii_case(&url.scheme));
        let is_meant = |kind: &Kind| self.kinds.contains(kind) && (!is_socket || *kind == Kind::Websocket);
        let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(is_meant).collect();
        if kinds.is_empty() {
            return Err(Failure::Usage(format!("nothing is left to send to {url}")));
        }
        let signings: &[Signing] = match self.key {
            None => &[Signing::Unsigned, Signing::Forged],
            Some(_) => &[Signing::Unsigned, Signing::Forged, Signing::Signed],
        };
        let mut messages = Vec::new();
        // What is to be denied comes first: a round that is given up early has signed nothing.
        for signing in signings {
            for kind in &kinds {
                messages.push(self.message(url, *kind, *signing)?);
            }
        }
        Ok(messages)
    }

    fn message(&self, url: &Url, kind: Kind, signing: Signing) -> Result<Message, Failure> {
        let webhook = self.webhook(url.clone(), kind);
        let nobody = || Key::AuthToken(Secret::new("a token that nobody has"));
        let key = self.key.clone().unwrap_or_else(nobody);
        let mut request = match signing {
            Signing::Unsigned => forge::sign(&webhook, &key, Forge::MissingSignature, 0)?,
            Signing::Forged => forge::sign(&webhook, &key, Forge::Token, 0)?,
            Signing::Signed => webhook.sign(&key),
        };
        request.set_header("User-Agent", USER_AGENT.to_owned());
        request.set_header(MARKER, "1".to_owned());
        request.pause = (kind == Kind::Held).then_some(self.pause);
        Ok(Message { kind, signing, request })
    }

    /// Makes a status callback: it tells an application of a message, and never asks it for an answer.
    fn webhook(&self, url: Url, kind: Kind) -> Webhook {
        match kind {
            Kind::Form | Kind::Held => {
                Webhook { params: self.params(), ..Webhook::new("POST", url, Payload::Form) }
            }
            Kind::Get => Webhook { params: self.params(), ..Webhook::new("GET", url, Payload::Query) },
            Kind::Json => {
                Webhook::new("POST", self.with_account(url), Payload::Json(events(), BodyHash::Once))
            }
            Kind::Websocket => {
                Webhook::new("GET", self.with_account(url), Payload::WebSocket(SignedQuery::AsParams))
            }
        }
    }

    /// Adds the account to the query, into which a key that is tied to one looks where there are no parameters.
    fn with_account(&self, url: Url) -> Url {
        match &self.account_sid {
            Some(sid) => url.with_query(&format!("AccountSid={sid}")),
            None => url,
        }
    }

    fn params(&self) -> Vec<Param> {
        let account = self.account_sid.as_deref().unwrap_or(ACCOUNT_SID);
        let pairs = [
            ("MessageSid", MESSAGE_SID),
            ("MessageStatus", "sent"),
            ("SmsSid", MESSAGE_SID),
            ("SmsStatus", "sent"),
            ("AccountSid", account),
            // A number of Twilio's own for tests.
            ("From", "+15005550006"),
            ("To", "+15005550006"),
            ("ApiVersion", "2010-04-01"),
            ("Probe", WORDS),
        ];
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}

/// Makes a batch of one event, of a type that Twilio does not have.
fn events() -> Vec<u8> {
    let event = serde_json::json!([{
        "specversion": "1.0",
        "type": "twilio-webhook.probe",
        "source": "twilio-webhook",
        "id": "EZ00000000000000000000000070726f6265",
        "data": { "words": WORDS },
    }]);
    event.to_string().into_bytes()
}

impl Message {
    /// Returns who signed what, such as `forged form`.
    #[must_use]
    pub fn name(&self) -> String {
        let signing = match self.signing {
            Signing::Unsigned => "unsigned",
            Signing::Forged => "forged",
            Signing::Signed => "signed",
        };
        format!("{signing} {}", self.kind.name())
    }

    /// Writes what would be sent, without a signature: who reads a real key's signature in a log could send it again.
    #[must_use]
    pub fn described(&self) -> String {
        let request = &self.request;
        let mut text = format!("{}\n  {} {}\n", self.name(), request.method, request.url.request_target());
        for (name, value) in &request.headers {
            let value = if name == SIGNATURE { "(made when it is sent)" } else { value };
            text.push_str(&format!("  {name}: {value}\n"));
        }
        if let Some(pause) = request.pause {
            text.push_str(&format!("  ({} s of silence in the middle of the body)\n", pause.as_secs_f64()));
        }
        if let Some(body) = &request.body {
            text.push_str(&format!("  {}\n", String::from_utf8_lossy(body)));
        }
        text
    }
}
