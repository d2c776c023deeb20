//! What Twilio wants to say, before it is signed: a method, a URL, and parameters or a body.

use crate::failure::Failure;
use crate::fixtures::Kind;
use crate::form;
use crate::key::Key;
use crate::request::{self, Request};
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

/// What a user or a scenario file says about a webhook.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of the command line")]
pub struct Parts {
    pub kind: Option<Kind>,
    pub params: Vec<Param>,
    pub json: Option<Vec<u8>>,
    pub method: Option<String>,
    pub query_in_url: bool,
}

impl Webhook {
    /// Builds a webhook from a ready-made kind, from parameters, from a JSON body, or (a plain GET) from nothing.
    ///
    /// # Errors
    /// [`Failure::Usage`] when the parts contradict each other.
    pub fn build(url: Url, parts: Parts) -> Result<Self, Failure> {
        let mut webhook = match (parts.kind, &parts.json) {
            (Some(kind), _) => kind.webhook(url),
            (None, Some(_)) => Self::new("POST", url, Payload::Json(Vec::new(), BodyHash::Once)),
            (None, None) if !parts.params.is_empty() => Self::new("POST", url, Payload::Form),
            (None, None) => Self::new("GET", url, Payload::Query),
        };
        if let Some(json) = parts.json {
            let Payload::Json(body, _) = &mut webhook.payload else {
                return Err(Failure::Usage(
                    "a JSON body goes with the webhook `events`, or with none".into(),
                ));
            };
            *body = json;
        }
        if let Some(method) = parts.method {
            webhook.set_method(&method)?;
        }
        if parts.query_in_url && matches!(webhook.payload, Payload::WebSocket(_)) {
            webhook.payload = Payload::WebSocket(SignedQuery::InUrl);
        }
        webhook.add_params(parts.params)?;
        Ok(webhook)
    }

    /// A webhook without parameters.
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

    fn set_method(&mut self, method: &str) -> Result<(), Failure> {
        if matches!(self.payload, Payload::WebSocket(_)) {
            return Err(Failure::Usage("a WebSocket handshake has no other method".into()));
        }
        self.method = method.to_ascii_uppercase();
        self.payload = match (std::mem::replace(&mut self.payload, Payload::Empty), self.method.as_str()) {
            (Payload::Form | Payload::Empty, "GET" | "HEAD") => Payload::Query,
            (Payload::Query, "POST" | "PUT") if !self.params.is_empty() => Payload::Form,
            (Payload::Query, "POST" | "PUT") => Payload::Empty,
            (payload, _) => payload,
        };
        Ok(())
    }

    /// A name that is there already gets the new values instead of its own.
    fn add_params(&mut self, params: Vec<Param>) -> Result<(), Failure> {
        if params.is_empty() {
            return Ok(());
        }
        match self.payload {
            Payload::Json(..) => {
                return Err(Failure::Usage("a request has parameters or a JSON body, not both".into()));
            }
            Payload::Empty => self.payload = Payload::Form,
            _ => {}
        }
        self.params.retain(|(name, _)| !params.iter().any(|(new, _)| new == name));
        self.params.extend(params);
        Ok(())
    }

    /// The URL and the parameters under the signature.
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

    /// The URL on the wire.
    #[must_use]
    pub fn sent(&self) -> Url {
        let base = self.sent_url.as_ref().unwrap_or(&self.url);
        base.clone().with_query(&self.added_query(base))
    }

    /// Signs the webhook and writes it out as Twilio sends it, with an idempotency token of its own.
    #[must_use]
    pub fn sign(&self, key: &Key) -> Request {
        let (url, params) = self.signed();
        let text = url.to_string();
        let signature = sign::signature(key.algorithm(), key.secret().bytes(), &text, &params);
        request::write(self, key, &text, &signature)
    }

    /// What the payload adds to the query: parameters, or the body's hash unless the URL has one already.
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
                    BodyHash::Twice => format!("{once}&{once}"),
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
