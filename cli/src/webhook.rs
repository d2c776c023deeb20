//! What Twilio wants to say, before it is signed: a method, a URL, and parameters or a body.

use crate::form;
use crate::sign::{self, Param};
use crate::url::Url;

/// A webhook, not yet signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The HTTP method.
    pub method: String,
    /// The URL that Twilio was given, and signs.
    pub url: Url,
    /// The URL that goes on the wire where that differs: something between Twilio and the proxy rewrote it.
    pub sent_url: Option<Url>,
    /// The parameters; [`Payload`] says how they travel.
    pub params: Vec<Param>,
    /// What binds the parameters or the body to the signature.
    pub payload: Payload,
    /// Headers beside those that Twilio sends.
    pub headers: Vec<(String, String)>,
    /// Text messages to send once a WebSocket is open; each is expected back.
    pub frames: Vec<String>,
}

/// How parameters or a body travel, and how they are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Parameters in the query, signed as part of the URL.
    Query,
    /// Parameters in a form body, signed after the URL.
    Form,
    /// A body that is no form, signed by its hash in the query.
    Json(Vec<u8>, BodyHash),
    /// A request with neither parameters nor a body.
    Empty,
    /// A WebSocket handshake; parameters are in the query.
    WebSocket(SignedQuery),
}

/// What becomes of `bodySHA256`; all but the first are forgeries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BodyHash {
    Once,
    Missing,
    Twice,
    UpperCase,
}

/// How the query of a WebSocket URL is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedQuery {
    /// As parameters behind a URL without a query: what Twilio's agent SDK expects.
    AsParams,
    /// As part of the URL, like any other request.
    InUrl,
}

impl Webhook {
    /// Creates a webhook without parameters.
    #[must_use]
    pub fn new(method: &str, url: Url, payload: Payload) -> Self {
        Self {
            method: method.to_owned(),
            url,
            sent_url: None,
            params: Vec::new(),
            payload,
            headers: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// Returns the URL and the parameters under the signature.
    #[must_use]
    pub fn signed(&self) -> (Url, Vec<Param>) {
        let url = self.url.clone().with_query(&self.added_query(&self.url));
        match self.payload {
            Payload::Form => (url, self.params.clone()),
            Payload::Query | Payload::Json(..) | Payload::Empty => (url, Vec::new()),
            Payload::WebSocket(query) => {
                let mut url = Url { scheme: websocket_scheme(&url).to_owned(), ..url };
                let params = match query {
                    SignedQuery::AsParams => form::decode(&url.query.take().unwrap_or_default()),
                    SignedQuery::InUrl => Vec::new(),
                };
                (url, params)
            }
        }
    }

    /// Returns the URL on the wire.
    #[must_use]
    pub fn sent(&self) -> Url {
        let base = self.sent_url.as_ref().unwrap_or(&self.url);
        base.clone().with_query(&self.added_query(base))
    }

    /// Returns what the payload adds to the query: parameters, or the body's hash unless the URL has one already.
    fn added_query(&self, url: &Url) -> String {
        match &self.payload {
            Payload::Query | Payload::WebSocket(_) => form::encode(&self.params),
            Payload::Json(body, hash) => {
                let query = url.query.as_deref().unwrap_or_default();
                if query.split('&').any(|pair| pair.starts_with("bodySHA256=")) {
                    return String::new();
                }
                let once = format!("bodySHA256={}", sign::body_hash(body));
                match hash {
                    BodyHash::Once => once,
                    BodyHash::Missing => String::new(),
                    BodyHash::Twice => format!("{once}&bodySHA256={}", sign::body_hash(b"another body")),
                    BodyHash::UpperCase => {
                        format!("bodySHA256={}", sign::body_hash(body).to_ascii_uppercase())
                    }
                }
            }
            Payload::Form | Payload::Empty => String::new(),
        }
    }
}

fn websocket_scheme(url: &Url) -> &'static str {
    if url.is_tls() { "wss" } else { "ws" }
}
