//! What the answers of one URL come to, and those of all.

use serde::Serialize;

use crate::failure::Failure;
use crate::probe::finding::{Finding, Grade};
use crate::probe::message::Signing;
use crate::probe::outcome::Outcome;

/// What the answers of a URL come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Something came through that Twilio did not sign.
    Open,
    /// The filter says that it cannot hold requests where it stands, so that their headers may come through.
    Misplaced,
    /// What is rightly signed is denied.
    SignedDenied,
    /// Some answer says neither.
    Unclear,
    /// Nothing came through, and nothing shows that the filter is there.
    Closed,
    /// Nothing came through, and it is the filter that denies what is forged.
    Verified,
}

impl Verdict {
    /// Returns the verdict in words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Open => "OPEN: what Twilio did not sign comes through",
            Self::Misplaced => {
                "the filter cannot hold requests: look for misplaced_filter in the proxy's log"
            }
            Self::SignedDenied => "what is rightly signed is denied",
            Self::Unclear => "unclear",
            Self::Closed => "closed, but by the proxy: no proof that the filter verifies",
            Self::Verified => "the filter verifies",
        }
    }
}

/// A URL and what became of each request to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The URL.
    pub url: String,
    /// Where it was sent, if not to the URL's own host.
    pub address: Option<String>,
    /// Each request, in the order sent.
    pub findings: Vec<Finding>,
}

impl Probed {
    /// Returns what all of it comes to.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let has = |grade, is_signed| {
            let of_kind = |finding: &&Finding| (finding.signing == Signing::Signed) == is_signed;
            self.findings.iter().filter(of_kind).any(|finding| finding.grade() == grade)
        };
        // An empty 403 to a handshake is taken for the proxy's where other requests to the URL are denied for certain.
        let is_backed = self.findings.iter().any(Finding::is_certain_denial);
        let is_hearsay = !is_backed && self.findings.iter().any(Finding::is_hearsay);
        if has(Grade::Wrong, false) {
            let came_through = |finding: &Finding| {
                finding.signing != Signing::Signed && finding.outcome == Outcome::CameThrough
            };
            let is_open = self.findings.iter().any(came_through);
            if is_open { Verdict::Open } else { Verdict::Misplaced }
        } else if has(Grade::Wrong, true) {
            Verdict::SignedDenied
        } else if has(Grade::Unclear, false) || has(Grade::Unclear, true) || is_hearsay {
            Verdict::Unclear
        } else if self.findings.iter().any(Finding::is_proof) {
            Verdict::Verified
        } else {
            Verdict::Closed
        }
    }

    /// Tells whether it is as it should be. If strict, a URL that the proxy alone closes is not.
    #[must_use]
    pub fn is_enough(&self, is_strict: bool) -> bool {
        match self.verdict() {
            Verdict::Verified => true,
            Verdict::Closed => !is_strict,
            Verdict::Open | Verdict::Misplaced | Verdict::SignedDenied | Verdict::Unclear => false,
        }
    }
}

/// Tells whether every URL is as it should be.
///
/// # Errors
/// The failure of all requests where nobody answered at all; [`Failure::Unclear`] where nothing came through for certain
/// and not all is as it should be either.
pub fn conclude(probed: &[Probed], is_strict: bool) -> Result<bool, Failure> {
    let of = |verdict| probed.iter().filter(|url| url.verdict() == verdict).count();
    if of(Verdict::Open) + of(Verdict::Misplaced) + of(Verdict::SignedDenied) > 0 {
        return Ok(false);
    }
    let failures = probed.iter().flat_map(|url| &url.findings).map(|finding| finding.failure.clone());
    if let Some(failure) = failures.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().next()) {
        return Err(failure);
    }
    match (of(Verdict::Unclear), of(Verdict::Closed)) {
        (0, closed) if closed > 0 && is_strict => Err(Failure::Unclear(format!(
            "{closed} of {} URLs are closed by the proxy, and nothing shows that the filter verifies",
            probed.len()
        ))),
        (0, _) => Ok(true),
        (unclear, _) => Err(Failure::Unclear(format!("{unclear} of {} URLs are unclear", probed.len()))),
    }
}
