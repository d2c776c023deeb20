//! The one place where a reason becomes an HTTP reply.

use crate::verdict::Reason;

/// A reply of the filter's own. Its body is `text/plain` and the same for every denial: the reason is told to
/// the operator, never to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status code.
    pub status: u32,
    /// The body.
    pub body: &'static str,
    /// Response code details, for access logs: `twilio_webhook_` and the reason's label.
    pub details: &'static str,
}

/// The body of a 403, word for word what Twilio's own middleware answers.
pub const DENIED: &str = "Twilio Request Validation Failed.";

impl Reply {
    /// The reply to a request that is denied for this reason.
    pub const fn to(reason: Reason) -> Reply {
        let (status, body) = match reason {
            Reason::BodyTooLarge => (413, "Payload Too Large"),
            Reason::MisplacedFilter => (500, "Internal Server Error"),
            Reason::BodyHashMismatch
            | Reason::MalformedSignature
            | Reason::MissingSignature
            | Reason::NoRoute
            | Reason::SignatureMismatch
            | Reason::UnknownKey
            | Reason::UnsignedBody
            | Reason::Unverifiable => (403, DENIED),
        };
        Reply { status, body, details: details(reason) }
    }
}

const fn details(reason: Reason) -> &'static str {
    match reason {
        Reason::BodyHashMismatch => "twilio_webhook_body_hash_mismatch",
        Reason::BodyTooLarge => "twilio_webhook_body_too_large",
        Reason::MalformedSignature => "twilio_webhook_malformed_signature",
        Reason::MisplacedFilter => "twilio_webhook_misplaced_filter",
        Reason::MissingSignature => "twilio_webhook_missing_signature",
        Reason::NoRoute => "twilio_webhook_no_route",
        Reason::SignatureMismatch => "twilio_webhook_signature_mismatch",
        Reason::UnknownKey => "twilio_webhook_unknown_key",
        Reason::UnsignedBody => "twilio_webhook_unsigned_body",
        Reason::Unverifiable => "twilio_webhook_unverifiable",
    }
}

#[cfg(test)]
mod tests {
    use super::{DENIED, Reply};
    use crate::verdict::Reason;

    #[test]
    fn every_reason_has_its_status_and_details() {
        for reason in Reason::ALL {
            let (status, body) = match reason.label() {
                "body_too_large" => (413, "Payload Too Large"),
                "misplaced_filter" => (500, "Internal Server Error"),
                _ => (403, DENIED),
            };
            let details = format!("twilio_webhook_{}", reason.label());
            let reply = Reply::to(reason);
            assert_eq!((reply.status, reply.body, reply.details), (status, body, details.as_str()));
        }
    }
}
