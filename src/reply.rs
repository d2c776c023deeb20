//! The HTTP reply to a denied request.

use crate::reason::Reason;

/// A reply of the filter's own. Its body is `text/plain` and the same for every 403: the reason is told to the operator,
/// never to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status code.
    pub status: u32,
    /// The body.
    pub body: &'static str,
    /// Response code details, for access logs: `twilio_webhook_` and the reason's label.
    pub details: &'static str,
}

impl Reply {
    /// Returns the reply to a request that is denied for this reason.
    pub const fn to(reason: Reason) -> Reply {
        Reply { status: reason.status(), body: reason.body(), details: reason.details() }
    }
}

#[cfg(test)]
mod tests {
    use super::Reply;
    use crate::reason::{DENIED, Reason};

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
