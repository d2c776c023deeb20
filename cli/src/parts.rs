//! A webhook put together from what a command line or a scenario file says about it.

use crate::failure::Failure;
use crate::fixtures::Kind;
use crate::sign::Param;
use crate::url::Url;
use crate::webhook::{BodyHash, Payload, SignedQuery, Webhook};

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

    /// Adds parameters. Those of a name that is there already replace its values.
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
}
