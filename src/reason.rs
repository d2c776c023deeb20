//! The one table of reasons for a verdict: what the client, the counters, the log and the documents say of each.
//!
//! A new reason is a new row. The reply, the counters, the access log and the log line follow from it; `tests/docs.rs`
//! says which tables of the documents lack it, and writes them anew with `RECORD=1`.

use std::fmt;

/// The body of a 403, word for word what Twilio's own middleware answers.
pub const DENIED: &str = "Twilio Request Validation Failed.";

/// Which requests may be denied, or reported, for a reason: each of these has a counter from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Requests on a route that verifies them.
    OnRoutes,
    /// Requests on a route in `enforce`; `report` holds nothing, so that it cannot fail to hold.
    OnEnforcedRoutes,
    /// Requests on no route.
    OnNoRoute,
    /// Requests on a route that verifies them, and on none.
    Anywhere,
}

macro_rules! reasons {
    ($($reason:ident {
        label: $label:literal,
        status: $status:literal,
        body: $body:expr,
        scope: $scope:ident,
        hint: $hint:literal,
        means: $means:literal,
        look_at: $look_at:literal,
        setting: $setting:literal,
    })*) => {
        /// Why a request is denied or reported, or passes although it is signed. The set is closed: it is the vocabulary of counters, logs and response code
        /// details, and nothing of a request is in it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $(#[doc = $means] $reason,)* }

        impl Reason {
            /// Every reason, in the order of their labels.
            pub const ALL: [Reason; [$($label),*].len()] = [$(Reason::$reason),*];

            /// Returns the name by which counters, logs and access logs know the reason.
            pub const fn label(self) -> &'static str {
                match self { $(Reason::$reason => $label,)* }
            }

            /// Returns the HTTP status of the reply.
            pub const fn status(self) -> u32 {
                match self { $(Reason::$reason => $status,)* }
            }

            /// Returns the body of the reply.
            pub const fn body(self) -> &'static str {
                match self { $(Reason::$reason => $body,)* }
            }

            /// Returns the response code details of the reply: `twilio_webhook_` and the label.
            pub const fn details(self) -> &'static str {
                match self { $(Reason::$reason => concat!("twilio_webhook_", $label),)* }
            }

            /// Returns which requests the reason is counted for.
            pub const fn scope(self) -> Scope {
                match self { $(Reason::$reason => Scope::$scope,)* }
            }

            /// Returns what the log says where nothing more exact is known. The client is never told.
            pub const fn hint(self) -> &'static str {
                match self { $(Reason::$reason => $hint,)* }
            }

            /// Returns what the documents say that it means, in Markdown.
            pub const fn means(self) -> &'static str {
                match self { $(Reason::$reason => $means,)* }
            }

            /// Returns what the documents say to look at, in Markdown.
            pub const fn look_at(self) -> &'static str {
                match self { $(Reason::$reason => $look_at,)* }
            }

            /// Returns which settings the documents name for it, in Markdown.
            pub const fn setting(self) -> &'static str {
                match self { $(Reason::$reason => $setting,)* }
            }
        }
    };
}

reasons! {
    BodyHashMismatch {
        label: "body_hash_mismatch",
        status: 403,
        body: DENIED,
        scope: OnRoutes,
        hint: "the URL is rightly signed but its bodySHA256 is not the hash of this body; look for a filter before this one \
            that changes bodies",
        means: "the URL has a right signature, but its `bodySHA256` is the hash of another body",
        look_at: "filters and proxies before this one that change bodies",
        setting: "none",
    }
    BodyTooLarge {
        label: "body_too_large",
        status: 413,
        body: "Payload Too Large",
        scope: OnRoutes,
        hint: "raise max_body_bytes on this route if Twilio really sends bodies this large; a form of more than 65,536 \
            parameters is not read",
        means: "the body is larger than `max_body_bytes`, or it is a form with more than 65,536 parameters",
        look_at: "how large the largest real bodies are",
        setting: "`max_body_bytes`, and above it the proxy's own limits",
    }
    MalformedSignature {
        label: "malformed_signature",
        status: 403,
        body: DENIED,
        scope: OnRoutes,
        hint: "X-Twilio-Signature came twice or is not base64 of a SHA-1 or SHA-256 tag; Twilio does not send this",
        means: "`X-Twilio-Signature` came twice, or is not the base64 of an HMAC-SHA1 or HMAC-SHA256",
        look_at: "who sent it: Twilio does not; a proxy in front that writes headers again",
        setting: "none",
    }
    MisplacedFilter {
        label: "misplaced_filter",
        status: 500,
        body: "Internal Server Error",
        scope: OnEnforcedRoutes,
        hint: "this filter cannot hold requests back where it is installed; for hold: self set \
            allow_on_headers_stop_iteration: true in the plugin's config (Envoy 1.35 or newer), for hold: buffer_after put \
            envoy.filters.http.buffer after this filter, on every route",
        means: "the filter cannot hold requests back where it is installed",
        look_at: "the line in the proxy's log; `twilio-webhook check`",
        setting: "`hold`, `allow_on_headers_stop_iteration`, the place of the buffer",
    }
    MissingSignature {
        label: "missing_signature",
        status: 403,
        body: DENIED,
        scope: OnRoutes,
        hint: "no X-Twilio-Signature; the request is not from Twilio, or something in front removed the header",
        means: "there is no `X-Twilio-Signature`",
        look_at: "who sent it: scanners and health checks come without one; a proxy in front that removes headers",
        setting: "`match` of the route, if Twilio does not use the path",
    }
    NoRoute {
        label: "no_route",
        status: 403,
        body: DENIED,
        scope: OnNoRoute,
        hint: "no route of the configuration matches; compare hosts, path and route_names in match with what arrives",
        means: "no route matches, and `unmatched` is `deny`; or it is `allow`, and the request passed although it is signed",
        look_at: "the proxy's log, which names for each route the part of `match` that does not fit; who sent it",
        setting: "`routes`, `unmatched`",
    }
    SignatureMismatch {
        label: "signature_mismatch",
        status: 403,
        body: DENIED,
        scope: OnRoutes,
        hint: "either the key is not the one Twilio signs with, or the URL here is not the one Twilio dialled; compare it with \
            the URL in the Twilio console and see `url` in the configuration",
        means: "no key of the route makes this signature for any URL that Twilio may have dialled",
        look_at: "the cause in the proxy's log; the URL in Twilio's console against the one that arrives",
        setting: "`url`, `auth_tokens`",
    }
    UnknownKey {
        label: "unknown_key",
        status: 403,
        body: DENIED,
        scope: OnRoutes,
        hint: "no key of this route is meant for this request, or the filter_state of one that is does not hold it; look at \
            shared_keys (id, algorithm), at auth_tokens tied to an account_sid, and at what fills the filter_state",
        means: "no key of the route is meant for this request: it names a SharedKey that the route does not have, or another \
            algorithm, or comes from an account that no token is for; or a key that is meant for it is not in its `filter_state`",
        look_at: "its `AccountSid`, and the SharedKey that `X-Twilio-Webhooks-Signature-Settings` names; what fills the \
            `filter_state`",
        setting: "`shared_keys` (`id`, `algorithm`), `account_sid`, `filter_state`",
    }
    UnsignedBody {
        label: "unsigned_body",
        status: 403,
        body: DENIED,
        scope: OnRoutes,
        hint: "the body is not declared as a form in UTF-8 and the URL does not carry one bodySHA256; nothing signed speaks for this \
            body",
        means: "nothing that is signed covers the body",
        look_at: "who sent it: a body that is not a form needs one value of `bodySHA256` in its URL; a form must be declared as \
            one, in UTF-8 and without `Content-Encoding`",
        setting: "none",
    }
    Unverifiable {
        label: "unverifiable",
        status: 403,
        body: DENIED,
        scope: Anywhere,
        hint: "there is no URL to verify: no host or path, CONNECT, or an upgrade that is not a WebSocket GET; or some reader may \
            find the request on a route that it is not signed for; or too many requests wait for their bodies: see request_timeout \
            and the proxy's limits",
        means: "there is no URL to verify: no host or path, two of them, CONNECT, or an upgrade that is not a WebSocket GET; \
            or some reader may find the request on a route that it is not signed for, which the log names; or the requests that \
            wait for their bodies fill the memory that a worker has for them (256 MiB)",
        look_at: "who sent it, and the path and host that arrive; how many requests are open (`downstream_rq_active`), and for \
            how long they may be",
        setting: "`match` of the route that the log names; `request_timeout`, `max_concurrent_streams` and the limit of \
            connections, all of them the proxy's",
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
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
