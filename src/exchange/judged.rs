//! A verdict on its way to be recorded.

use crate::config::{Mode, Unmatched};
use crate::explain::Evidence;
use crate::policy::{Judge, Policy, Route};
use crate::reason::Reason;
use crate::request::{Head, Single};
use crate::route::Target;
use crate::signature::Signer;
use crate::verdict::{Decision, Verdict};

/// A verdict, with what is kept of the request to explain it.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    pub(super) evidence: Option<Evidence>,
}

impl Judged {
    /// Returns the verdict that a result of verification leads to on a route. If only some reader may find the request
    /// there and it is not verified, the reason is `unverifiable`.
    pub(super) fn on_route(
        policy: &Policy,
        judge: Judge,
        result: Result<Signer, Reason>,
        head: Head,
        body: Option<Vec<u8>>,
    ) -> Judged {
        let mode = policy.route(judge.route).map_or(Mode::Enforce, Route::mode);
        if !judge.is_certain && result.is_err_and(|reason| reason != Reason::MisplacedFilter) {
            return Judged::other_reading(policy, judge.route, mode, &head);
        }
        let verdict = Verdict { route: Some(judge.route), decision: decision(mode, result) };
        Judged { verdict, evidence: Evidence::of_request(policy, verdict, head, body) }
    }

    /// Returns the verdict on a request that some reader may find on this route, where it would not pass.
    pub(super) fn other_reading(policy: &Policy, route: usize, mode: Mode, head: &Head) -> Judged {
        let verdict = Verdict::without_route(decision(mode, Err(Reason::Unverifiable)));
        // Without a path it may be on any route.
        let has_path = head.path() != Single::Absent;
        Judged { verdict, evidence: if has_path { Evidence::of_other_reading(policy, route) } else { None } }
    }

    /// Returns the verdict on a request that has no readable, single host and path, so that any route might be its own.
    /// Where nothing is enforced, it is not denied either.
    pub(super) fn unreadable(policy: &Policy) -> Judged {
        let decide = if policy.can_deny() { Decision::Denied } else { Decision::Reported };
        Judged::without_route(decide(Reason::Unverifiable))
    }

    /// Returns the verdict on a request that no route matches. If it is signed, what it lacks for each route is kept.
    pub(super) fn on_no_route(policy: &Policy, target: &Target<'_>, is_signed: bool) -> Judged {
        let decision = match policy.unmatched() {
            Unmatched::Allow if is_signed => Decision::PassedSigned,
            Unmatched::Allow => Decision::Passed,
            Unmatched::Deny => Decision::Denied(Reason::NoRoute),
        };
        let evidence = is_signed.then(|| Evidence::of_no_route(policy.misses(target)));
        Judged { verdict: Verdict::without_route(decision), evidence }
    }

    /// Returns a verdict on a request that is on no route.
    pub(super) fn without_route(decision: Decision) -> Judged {
        Judged::from(Verdict::without_route(decision))
    }
}

/// A verdict that has nothing to explain.
impl From<Verdict> for Judged {
    fn from(verdict: Verdict) -> Judged {
        Judged { verdict, evidence: None }
    }
}

/// Returns what a result of verification comes to in a mode.
fn decision(mode: Mode, result: Result<Signer, Reason>) -> Decision {
    match (result, mode) {
        (Ok(key), _) => Decision::Allowed { key },
        (Err(reason), Mode::Enforce) => Decision::Denied(reason),
        (Err(reason), Mode::Report | Mode::Off) => Decision::Reported(reason),
    }
}
