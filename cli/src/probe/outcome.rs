//! Who answered, and so how far a request came. Whatever is not certainly a denial is not called one.

use serde::Serialize;

use crate::client::Answer;

/// How far a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The filter denied it.
    Denied,
    /// The proxy denied it, not the filter, and so it was not verified. Whether it can only have been the proxy is said by
    /// [`is_hearsay`](crate::probe::Finding::is_hearsay).
    DeniedByProxy,
    /// The filter answered that it cannot hold requests where it stands. Their headers have gone on.
    Misplaced,
    /// It reached the application, or would have if there were one.
    CameThrough,
    /// Who answered cannot be told, or nobody did.
    Unclear,
}

/// What the filter answers a request that it denies: the words of Twilio's own middleware.
const DENIED: &str = "Twilio Request Validation Failed.";
/// What it answers where it cannot hold requests.
const MISPLACED: &str = "Internal Server Error";
/// How Envoy's router begins where there is nobody to send a request to.
const NO_UPSTREAM: [&str; 3] = ["no healthy upstream", "upstream connect error", "upstream request timeout"];
/// What Envoy's router puts on the answers of upstreams alone.
const FROM_UPSTREAM: &str = "x-envoy-upstream-service-time";

impl Outcome {
    /// Tells who answered, in a word and in a sentence. Where another Envoy stands before the one with the filter, its mark
    /// on an answer says nothing.
    #[must_use]
    pub fn of(answer: &Answer, behind_envoy: bool) -> (Outcome, String) {
        let sender = Sender::of(answer);
        let is_marked = sender.is_from_upstream && !behind_envoy;
        let body = String::from_utf8_lossy(&answer.body);
        let (outcome, words) = match answer.status {
            403 if body == DENIED && sender.is_framework => (
                Outcome::CameThrough,
                "the words of Twilio's library in the application: it is the application that verifies",
            ),
            403 if body == DENIED && is_marked => (
                Outcome::Unclear,
                "the filter's words, but an upstream of this Envoy said them: Twilio's library in the application, or the \
                 filter in a proxy behind this one, which --behind-envoy tells",
            ),
            403 if body == DENIED => (Outcome::Denied, "denied by the filter"),
            _ if is_marked => (Outcome::CameThrough, "the application answered"),
            101 | 200..=299 => (Outcome::CameThrough, "taken for the application's answer"),
            403 if body == "RBAC: access denied" => {
                (Outcome::DeniedByProxy, "denied by the proxy's access rules, not by the filter")
            }
            403 if body.is_empty() && sender.is_envoy => {
                (Outcome::DeniedByProxy, "denied by the proxy, not by the filter")
            }
            403 if body.is_empty() && sender.is_nameless => {
                (Outcome::DeniedByProxy, "denied by the proxy or the application, not by the filter")
            }
            413 if body == "Payload Too Large" => (Outcome::DeniedByProxy, "refused as too large"),
            500 if body == MISPLACED && sender.is_plain_text => (
                Outcome::Misplaced,
                "the filter's words where it cannot hold requests: look for misplaced_filter in the proxy's log",
            ),
            503 | 504 if NO_UPSTREAM.iter().any(|words| body.starts_with(words)) => {
                // It may be the other Envoy that does not reach the one with the filter.
                let outcome = if behind_envoy { Outcome::Unclear } else { Outcome::CameThrough };
                (outcome, "past the filter: only the application is not there")
            }
            300..=399 => (Outcome::Unclear, "a redirect: probe the URL that it leads to"),
            404 if body.is_empty() => (
                Outcome::Unclear,
                "no route of the proxy takes it, or the application does not know it: is it the URL that Twilio has?",
            ),
            500 | 503 if body.is_empty() => (
                Outcome::Unclear,
                "a filter that has no configuration or has ended, or the application's error: see the proxy's log",
            ),
            _ if body.is_empty() => (Outcome::Unclear, "nothing says who answered"),
            _ => (Outcome::CameThrough, "not the filter's words: taken for the application's answer"),
        };
        (outcome, words.to_owned())
    }
}

/// What the headers say of who answered.
struct Sender {
    /// An Envoy put its name on it.
    is_envoy: bool,
    /// It has no name, as what an Envoy answers itself that leaves names alone; an application's may have none either.
    is_nameless: bool,
    /// An Envoy says that it got it from an upstream.
    is_from_upstream: bool,
    /// Exactly the type that the filter answers with; libraries add a character set.
    is_plain_text: bool,
    /// It has what no proxy adds, or the words in another type than the filter's.
    is_framework: bool,
}

impl Sender {
    fn of(answer: &Answer) -> Sender {
        let header = |name: &str| {
            let found = answer.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        let is_plain_text = header("content-type") == Some("text/plain");
        let has_more = ["x-powered-by", "etag"].iter().any(|name| header(name).is_some());
        Sender {
            is_envoy: matches!(header("server"), Some("envoy" | "istio-envoy")),
            is_nameless: header("server").is_none(),
            is_from_upstream: header(FROM_UPSTREAM).is_some(),
            is_plain_text,
            is_framework: has_more || !is_plain_text,
        }
    }
}
