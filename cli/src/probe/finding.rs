//! What became of one request, and whether that is what should have.

use serde::Serialize;

use crate::client::Answer;
use crate::failure::Failure;
use crate::probe::message::{Kind, Message, Signing};
use crate::probe::outcome::Outcome;

/// How much of a body is shown.
const SHOWN: usize = 60;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Who signed what.
    pub request: String,
    /// The shape.
    pub kind: Kind,
    /// Who signed it.
    pub signing: Signing,
    /// How far it came.
    pub outcome: Outcome,
    /// The same in a sentence.
    pub meaning: String,
    /// The answer's status.
    pub status: Option<u16>,
    /// The answer's `Server` header.
    pub server: Option<String>,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// The beginning of the answer's body.
    pub body: String,
    /// Finds the request in logs.
    pub idempotency_token: String,
    /// Why there is no answer.
    #[serde(skip)]
    pub failure: Option<Failure>,
}

/// Whether a request came as far as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// It did.
    Right,
    /// It did not.
    Wrong,
    /// It cannot be told.
    Unclear,
}

impl Finding {
    /// Judges what came back.
    #[must_use]
    pub fn of(message: &Message, answer: Result<Answer, Failure>, behind_envoy: bool) -> Finding {
        let (outcome, meaning) = match &answer {
            Ok(answer) => Outcome::of(answer, behind_envoy),
            Err(failure) => (Outcome::Unclear, failure.to_string()),
        };
        let (answer, failure) = match answer {
            Ok(answer) => (Some(answer), None),
            Err(failure) => (None, Some(failure)),
        };
        let header = |name: &str| {
            let headers = answer.iter().flat_map(|answer| &answer.headers);
            let mut found = headers.filter(|(other, _)| other.eq_ignore_ascii_case(name));
            found.next().map(|(_, value)| value.clone())
        };
        let body = answer.as_ref().map(|answer| String::from_utf8_lossy(&answer.body).into_owned());
        Finding {
            request: message.name(),
            kind: message.kind,
            signing: message.signing,
            outcome,
            meaning,
            status: answer.as_ref().map(|answer| answer.status),
            server: header("server"),
            location: header("location"),
            body: body.unwrap_or_default().chars().take(SHOWN).collect(),
            idempotency_token: message.request.token().to_owned(),
            failure,
        }
    }

    /// Tells whether that is what should have become of it.
    #[must_use]
    pub fn grade(&self) -> Grade {
        let is_signed = self.signing == Signing::Signed;
        match self.outcome {
            Outcome::Unclear => Grade::Unclear,
            Outcome::Misplaced => Grade::Wrong,
            Outcome::CameThrough if is_signed => Grade::Right,
            Outcome::Denied | Outcome::DeniedByProxy if !is_signed => Grade::Right,
            Outcome::CameThrough | Outcome::Denied | Outcome::DeniedByProxy => Grade::Wrong,
        }
    }

    /// Tells whether it is a denial by the proxy that the application could have given as well: an empty one without a
    /// name, or one that Envoy would not have marked as an upstream's. It marks these only where it had the whole request
    /// before, which it has not while a body is held, and never has of a handshake.
    #[must_use]
    pub fn is_hearsay(&self) -> bool {
        let is_nameless = self.body.is_empty() && self.server.is_none();
        self.outcome == Outcome::DeniedByProxy && (is_nameless || !self.went_whole())
    }

    /// Tells whether it shows for certain that the URL denies what Twilio did not sign.
    #[must_use]
    pub fn is_certain_denial(&self) -> bool {
        let is_denied = self.signing != Signing::Signed && self.grade() == Grade::Right;
        is_denied && self.went_whole() && !self.is_hearsay()
    }

    /// Tells whether it was there in one piece before anybody could answer.
    fn went_whole(&self) -> bool {
        match self.kind {
            Kind::Form | Kind::Get | Kind::Json => true,
            Kind::Held | Kind::Websocket => false,
        }
    }

    /// Tells whether it shows that the filter looks at signatures.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        self.signing == Signing::Forged && self.outcome == Outcome::Denied
    }
}
