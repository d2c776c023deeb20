//! What is decided about a request.

use crate::reason::Reason;
use crate::signature::Signer;

/// What was decided about a request, and on which route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// Position of the route in the policy; `None` where no route matches.
    pub route: Option<usize>,
    /// What happens to the request.
    pub decision: Decision,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// It is verified: this key of the route made the signature.
    Allowed {
        /// Which one.
        key: Signer,
    },
    /// It is refused with a reply of our own.
    Denied(Reason),
    /// It goes on, but would be refused if the route's `mode` were `enforce`.
    Reported(Reason),
    /// It goes on unverified: no route matches and `unmatched` is `allow`, or the route's `mode` is `off`.
    Passed,
    /// It goes on unverified although it is signed: no route matches and `unmatched` is `allow`. That is what a slip in a
    /// `match` looks like.
    PassedSigned,
    /// It ended before it was whole, so that nothing was decided: its client has left, say.
    Incomplete,
}

impl Verdict {
    /// Returns a verdict on a request that is on no route.
    pub const fn without_route(decision: Decision) -> Verdict {
        Verdict { route: None, decision }
    }

    /// Returns the reason why the request is denied or reported, or passes although it is signed.
    pub const fn reason(self) -> Option<Reason> {
        self.decision.reason()
    }
}

impl Decision {
    /// Returns the decision's name in counters and logs, which call it the verdict.
    pub const fn label(self) -> &'static str {
        match self {
            Decision::Allowed { .. } => "allowed",
            Decision::Denied(_) => "denied",
            Decision::Reported(_) => "reported",
            Decision::Passed | Decision::PassedSigned => "passed",
            Decision::Incomplete => "incomplete",
        }
    }

    /// Returns the reason why the request is denied or reported, or passes although it is signed.
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Decision::Denied(reason) | Decision::Reported(reason) => Some(reason),
            Decision::PassedSigned => Some(Reason::NoRoute),
            Decision::Allowed { .. } | Decision::Passed | Decision::Incomplete => None,
        }
    }
}

/// Tells the proxy's own routes that a request may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Position of the route in the policy; `None` where no route matches.
    pub route: Option<usize>,
    /// Whether it is verified, and not let through unverified because its route is in `report`.
    pub is_verified: bool,
}

impl Verdict {
    /// Returns the pass of a request that goes on; `None` for what is denied, and for what was not judged.
    pub const fn pass(self) -> Option<Pass> {
        match self.decision {
            Decision::Allowed { .. } => Some(Pass { route: self.route, is_verified: true }),
            Decision::Reported(_) => Some(Pass { route: self.route, is_verified: false }),
            Decision::Denied(_) | Decision::Passed | Decision::PassedSigned | Decision::Incomplete => None,
        }
    }
}
