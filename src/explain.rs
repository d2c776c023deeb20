//! Why a webhook was denied: what commonly goes wrong, tried after the verdict and outside it.
//!
//! The [`Evidence`] of a denial goes with its verdict until that has been recorded. A [`Finding`] is asked for only when a
//! line about it will be written to the log. So a flood of forged requests buys no more searches than log lines, and each
//! search is bounded: at most [`MOST_HMACS`] HMACs over at most [`MOST_HASHED`] bytes, after which nothing more is put
//! together either, and none for a body above [`MOST_BODY`], which is not even read then.
//!
//! A finding never changes a verdict, and nothing of the request is in its text: it names a cause from a closed
//! list, a setting, and a key by its configured name.

mod bodies;
mod cause;
mod keys;
mod search;
mod urls;

pub use cause::{Cause, Setting};

use std::fmt;

use crate::config::Policy;
use crate::exchange::Proxy;
use crate::request::Head;
use crate::route::Route;
use crate::verdict::{Outcome, Reason};
use search::Search;

/// The most HMACs that are computed for one finding.
pub const MOST_HMACS: usize = 600;
/// The most bytes that they run over, all together: 2 MiB.
pub const MOST_HASHED: usize = 2_097_152;
/// Up to so many bytes of query and parameters, together, each cause is tried with the other forms of the query too:
/// 2 KiB, as much as the longest URL that a rule of Twilio's takes. To make them is work as well.
const MOST_FOR_OTHER_TARGETS: usize = 2_048;
/// The largest body that is looked into: 64 KiB.
pub const MOST_BODY: usize = 65_536;

/// A denied request, as far as it is needed to find out why.
#[derive(Debug)]
pub struct Evidence {
    route: usize,
    reason: Reason,
    head: Head,
    /// `None` where the request was denied before its body had come.
    body: Option<Vec<u8>>,
}

impl Evidence {
    /// Keeps a request if its denial is one that can be explained, and the policy wants it to be.
    pub fn of(policy: &Policy, outcome: Outcome, head: Head, body: Option<Vec<u8>>) -> Option<Box<Evidence>> {
        let reason = outcome.verdict.reason().filter(|reason| policy.explain() && is_explained(*reason))?;
        Some(Box::new(Evidence { route: outcome.route?, reason, head, body }))
    }

    /// Looks for what went wrong. `proxy` is asked for the listener's port.
    pub fn explain(&self, policy: &Policy, proxy: &dyn Proxy) -> Option<Finding> {
        let mut search = Search::of(policy, self, proxy)?;
        search.run(self.reason);
        match (search.finding, self.reason) {
            (Some(finding), _) => Some(finding),
            (None, _) if search.exhausted => Some(Finding::of(Cause::NotTried)),
            (None, Reason::SignatureMismatch) => Some(Finding::of(Cause::Unknown)),
            // Of the other reasons the usual hint says more.
            (None, _) => None,
        }
    }
}

fn is_explained(reason: Reason) -> bool {
    matches!(reason, Reason::SignatureMismatch | Reason::UnknownKey | Reason::UnsignedBody)
}

/// What would have made the signature fit.
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    cause: Cause,
    other_scheme: bool,
    header: Option<&'static str>,
    reads_as: Option<String>,
    key: Option<String>,
    url: Option<Vec<u8>>,
}

impl Finding {
    /// A cause that no signature was made to fit for.
    fn of(cause: Cause) -> Finding {
        Finding { cause, other_scheme: false, header: None, reads_as: None, key: None, url: None }
    }

    /// A path that an application may read as one of this route.
    pub(crate) fn other_reading(route: &Route) -> Finding {
        Finding { reads_as: Some(route.name().to_owned()), ..Finding::of(Cause::OtherReading) }
    }

    /// What went wrong.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Whether the scheme was another one, too.
    pub fn other_scheme(&self) -> bool {
        self.other_scheme
    }

    /// The configured name of the key that made the signature, if one did.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The header that the signed path is in, if it is in one.
    pub fn header(&self) -> Option<&'static str> {
        self.header
    }

    /// The name of the route that an application may find the request on.
    pub fn reads_as(&self) -> Option<&str> {
        self.reads_as.as_deref()
    }

    /// The URL that was signed, if it was found. It is the request's: for an operator's own terminal, never for a
    /// log.
    pub fn url(&self) -> Option<&[u8]> {
        self.url.as_deref()
    }
}

/// For a log line: `cause=… setting=… key=…: what would have fitted; what to do`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let setting = self.cause.setting();
        let (key, header) = (self.key().unwrap_or_default(), self.header().unwrap_or_default());
        let reads_as = self.reads_as().unwrap_or_default();
        let shown = |name, value: &str| if value.is_empty() { "" } else { name };
        let mut line = String::new();
        for piece in [
            "cause=",
            self.cause.label(),
            " setting=",
            setting.label(),
            shown(" key=", key),
            key,
            shown(" header=", header),
            header,
            shown(" reads_as=", reads_as),
            reads_as,
            ": ",
            shown("the signature fits ", key),
            self.cause.text(),
            if self.other_scheme { " and the other scheme" } else { "" },
            shown("; ", setting.remedy()),
            setting.remedy(),
        ] {
            line.push_str(piece);
        }
        f.write_str(&line)
    }
}

/// Without the URL: what is printed by mistake is to hold nothing of a request.
impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Finding({self})")
    }
}
