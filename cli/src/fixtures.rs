//! Ready-made webhooks with the fields that Twilio sends. Every id and number in them is for tests alone.

use serde::Deserialize;

use crate::sign::Param;
use crate::url::Url;
use crate::webhook::{BodyHash, Payload, SignedQuery, Webhook};

/// A kind of webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An incoming message: a POST with a form
    Sms,
    /// An incoming call: a POST with a form
    Voice,
    /// A message's delivery status: a POST with a form
    Status,
    /// An incoming call as a GET: the parameters are in the query
    Get,
    /// A batch of Event Streams events: a POST with JSON, its hash in the query
    Events,
    /// The handshake of Media Streams
    Websocket,
    /// A POST with neither parameters nor a body
    Empty,
}

impl Kind {
    /// Returns the webhook of this kind for a URL.
    #[must_use]
    pub fn webhook(self, url: Url) -> Webhook {
        let (method, payload, params) = match self {
            Self::Sms => ("POST", Payload::Form, SMS),
            Self::Voice => ("POST", Payload::Form, VOICE),
            Self::Status => ("POST", Payload::Form, STATUS),
            Self::Get => ("GET", Payload::Query, VOICE),
            Self::Events => ("POST", Payload::Json(EVENTS.as_bytes().to_vec(), BodyHash::Once), NONE),
            Self::Websocket => ("GET", Payload::WebSocket(SignedQuery::AsParams), NONE),
            Self::Empty => ("POST", Payload::Empty, NONE),
        };
        let mut webhook = Webhook::new(method, url, payload);
        webhook.params =
            params.iter().map(|(name, value)| -> Param { ((*name).into(), (*value).into()) }).collect();
        webhook
    }
}

const NONE: &[(&str, &str)] = &[];

const SMS: &[(&str, &str)] = &[
    ("ToCountry", "US"),
    ("ToState", "CA"),
    ("SmsMessageSid", "SM00000000000000000000000000000001"),
    ("NumMedia", "0"),
    ("ToCity", "SAN FRANCISCO"),
    ("FromZip", "94105"),
    ("SmsSid", "SM00000000000000000000000000000001"),
    ("FromState", "CA"),
    ("SmsStatus", "received"),
    ("FromCity", "SAN FRANCISCO"),
    ("Body", "Is the café open on Sunday? 1 + 1 = 2 & more"),
    ("FromCountry", "US"),
    ("To", "+15005550006"),
    ("MessagingServiceSid", "MG00000000000000000000000000000001"),
    ("ToZip", ""),
    ("NumSegments", "1"),
    ("MessageSid", "SM00000000000000000000000000000001"),
    ("AccountSid", "AC00000000000000000000000000000001"),
    ("From", "+15005550001"),
    ("ApiVersion", "2010-04-01"),
];

const VOICE: &[(&str, &str)] = &[
    ("AccountSid", "AC00000000000000000000000000000001"),
    ("ApiVersion", "2010-04-01"),
    ("CallSid", "CA00000000000000000000000000000001"),
    ("CallStatus", "ringing"),
    ("Called", "+15005550006"),
    ("CalledCity", ""),
    ("CalledCountry", "US"),
    ("CalledState", "CA"),
    ("CalledZip", ""),
    ("Caller", "+15005550001"),
    ("CallerCity", "SAN FRANCISCO"),
    ("CallerCountry", "US"),
    ("CallerState", "CA"),
    ("CallerZip", "94105"),
    ("Direction", "inbound"),
    ("ForwardedFrom", "+15005550002"),
    ("From", "+15005550001"),
    ("FromCity", "SAN FRANCISCO"),
    ("FromCountry", "US"),
    ("To", "+15005550006"),
    ("ToCountry", "US"),
];

const STATUS: &[(&str, &str)] = &[
    ("SmsSid", "SM00000000000000000000000000000001"),
    ("SmsStatus", "delivered"),
    ("MessageStatus", "delivered"),
    ("To", "+15005550001"),
    ("MessageSid", "SM00000000000000000000000000000001"),
    ("AccountSid", "AC00000000000000000000000000000001"),
    ("From", "+15005550006"),
    ("ApiVersion", "2010-04-01"),
];

const EVENTS: &str = r#"[{"specversion":"1.0","type":"com.twilio.messaging.message.delivered","source":"/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages/SM00000000000000000000000000000001.json","id":"EZ00000000000000000000000000000001","dataschema":"https://events-schemas.twilio.com/Messaging.MessageStatus/4","datacontenttype":"application/json","time":"2026-01-01T00:00:00.000Z","data":{"messageSid":"SM00000000000000000000000000000001","messageStatus":"DELIVERED","timestamp":"2026-01-01T00:00:00.000Z"}},{"specversion":"1.0","type":"com.twilio.messaging.message.sent","source":"/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages/SM00000000000000000000000000000002.json","id":"EZ00000000000000000000000000000002","dataschema":"https://events-schemas.twilio.com/Messaging.MessageStatus/4","datacontenttype":"application/json","time":"2026-01-01T00:00:01.000Z","data":{"messageSid":"SM00000000000000000000000000000002","messageStatus":"SENT","timestamp":"2026-01-01T00:00:01.000Z"}}]"#;
