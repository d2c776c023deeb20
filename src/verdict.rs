//! What is decided about a request, and why.

use std::fmt;

/// Why a request is denied. The set is closed: it is the vocabulary of counters, logs and response code
/// details, and nothing of a request is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The URL is signed, but the body is not the one whose hash stands in the URL.
    BodyHashMismatch,
    /// The body is larger than the route's `max_body_bytes`, or a form of more parameters than are read.
    BodyTooLarge,
    /// `X-Twilio-Signature` came twice, or is not one SHA-1 or SHA-256 tag in standard padded base64.
    MalformedSignature,
    /// The filter is installed so that it cannot hold a request back: see `hold`.
    MisplacedFilter,
    /// There is no `X-Twilio-Signature`.
    MissingSignature,
    /// No route matches, or some application may read the path as one of another route.
    NoRoute,
    /// No URL that Twilio may have dialled has this signature under any of the route's keys.
    SignatureMismatch,
    /// No key of the route is meant for this request: an unknown shared key, another algorithm than the
    /// configured one, or auth tokens that are all tied to other accounts.
    UnknownKey,
    /// Nothing that is signed speaks for the body.
    UnsignedBody,
    /// There is no URL to verify: no host or path, a CONNECT, or an upgrade that is not a WebSocket handshake. Or
    /// requests that wait fill the memory that this one would have had to wait in.
    Unverifiable,
}

impl Reason {
    /// Every reason, in the order of their labels.
    pub const ALL: [Reason; 10] = [
        Reason::BodyHashMismatch,
        Reason::BodyTooLarge,
        Reason::MalformedSignature,
        Reason::MisplacedFilter,
        Reason::MissingSignature,
        Reason::NoRoute,
        Reason::SignatureMismatch,
        Reason::UnknownKey,
        Reason::UnsignedBody,
        Reason::Unverifiable,
    ];

    /// The name by which counters, logs and access logs know the reason.
    pub const fn label(self) -> &'static str {
        match self {
            Reason::BodyHashMismatch => "body_hash_mismatch",
            Reason::BodyTooLarge => "body_too_large",
            Reason::MalformedSignature => "malformed_signature",
            Reason::MisplacedFilter => "misplaced_filter",
            Reason::MissingSignature => "missing_signature",
            Reason::NoRoute => "no_route",
            Reason::SignatureMismatch => "signature_mismatch",
            Reason::UnknownKey => "unknown_key",
            Reason::UnsignedBody => "unsigned_body",
            Reason::Unverifiable => "unverifiable",
        }
    }

    /// What an operator should look at first. Never told to the client.
    pub const fn hint(self) -> &'static str {
        match self {
            Reason::BodyHashMismatch => {
                "the URL is rightly signed but its bodySHA256 is not the hash of this body; \
                 look for a filter before this one that changes bodies"
            }
            Reason::BodyTooLarge => {
                "raise max_body_bytes on this route if Twilio really sends bodies this large; a form of more than \
                 65,536 parameters is not read"
            }
            Reason::MalformedSignature => {
                "X-Twilio-Signature came twice or is not base64 of a SHA-1 or SHA-256 tag; \
                 Twilio does not send this"
            }
            Reason::MisplacedFilter => {
                "this filter cannot hold requests back where it is installed; for hold: self set \
                 allow_on_headers_stop_iteration: true in the plugin's config (Envoy 1.35 or newer), for \
                 hold: buffer_after put envoy.filters.http.buffer after this filter, on every route"
            }
            Reason::MissingSignature => {
                "no X-Twilio-Signature; the request is not from Twilio, or something in front removed the header"
            }
            Reason::NoRoute => {
                "no route of the configuration matches and unmatched is deny, or the path reads as two routes; \
                 compare hosts, path and route_names in match with what arrives"
            }
            Reason::SignatureMismatch => {
                "either the key is not the one Twilio signs with, or the URL here is not the one Twilio \
                 dialled; compare it with the URL in the Twilio console and see `url` in the configuration"
            }
            Reason::UnknownKey => {
                "no key of this route is meant for this request; look at shared_keys (id, algorithm) and at \
                 auth_tokens tied to an account_sid"
            }
            Reason::UnsignedBody => {
                "the body is not a form and the URL does not carry exactly one bodySHA256; nothing signed \
                 speaks for this body"
            }
            Reason::Unverifiable => {
                "there is no URL to verify: no host or path, CONNECT, or an upgrade that is not a WebSocket GET; \
                 or too many requests wait for their bodies: see request_timeout and the proxy's limits"
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Verified: the key at this position among the route's keys made the signature.
    Allowed {
        /// Position among the keys of the route.
        key: usize,
    },
    /// Refused with a reply of our own.
    Denied(Reason),
    /// Would have been refused, had the route's `mode` been `enforce`.
    Reported(Reason),
    /// None of our business: no route matches and `unmatched` is `allow`, or the route's `mode` is `off`.
    Passed,
}

impl Verdict {
    /// The verdict's name in counters and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Verdict::Allowed { .. } => "allowed",
            Verdict::Denied(_) => "denied",
            Verdict::Reported(_) => "reported",
            Verdict::Passed => "passed",
        }
    }

    /// The reason, where there is one.
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Verdict::Denied(reason) | Verdict::Reported(reason) => Some(reason),
            Verdict::Allowed { .. } | Verdict::Passed => None,
        }
    }
}

/// The verdict on a request together with the route that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// Position of the route in the policy; `None` where no route matches.
    pub route: Option<usize>,
    /// What happens to the request.
    pub verdict: Verdict,
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn every_reason_is_listed_once_in_the_order_of_its_label() {
        let labels: Vec<_> = Reason::ALL.iter().map(|reason| reason.label()).collect();
        let mut sorted = labels.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(labels, sorted);
    }
}
