//! What is kept of a request so that its verdict can be explained.

use super::cause::Cause;
use super::explanation::Explanation;
use super::search::{DeniedRequest, Search};
use crate::policy::Policy;
use crate::proxy::Proxy;
use crate::reason::Reason;
use crate::request::Head;
use crate::route::Miss;
use crate::verdict::Verdict;

/// What is kept of a request that was denied or reported, or is signed and on no route, so that its verdict can be explained.
#[derive(Debug)]
pub struct Evidence(Kept);

#[derive(Debug)]
enum Kept {
    /// A request that was verified on its route, and failed.
    Request(Box<DeniedRequest>),
    /// A request that some application may find on the route at this position.
    OtherReading(usize),
    /// A signed request that is on no route, and what it lacks for the first ones.
    NoRoute(Vec<Miss>),
}

impl Evidence {
    /// Keeps a request that was judged on its route. Returns `None` if there is nothing to explain about this verdict, or
    /// the policy does not want it explained.
    pub fn of_request(
        policy: &Policy,
        verdict: Verdict,
        head: Head,
        body: Option<Vec<u8>>,
    ) -> Option<Evidence> {
        let reason = verdict.reason().filter(|reason| policy.explain() && is_explained(*reason, &head))?;
        let request = DeniedRequest { route: verdict.route?, reason, head, body };
        Some(Evidence(Kept::Request(Box::new(request))))
    }

    /// Keeps the position of the route that some application may find a request on. Returns `None` if the policy does not
    /// want it explained.
    pub fn of_other_reading(policy: &Policy, route: usize) -> Option<Evidence> {
        policy.explain().then_some(Evidence(Kept::OtherReading(route)))
    }

    /// Keeps what a signed request that is on no route lacks for the first ones.
    pub(crate) fn of_no_route(misses: Vec<Miss>) -> Evidence {
        Evidence(Kept::NoRoute(misses))
    }

    /// Looks for what went wrong. `policy` is the one that judged the request; `proxy` is asked for the listener's port, or
    /// for its own route.
    pub fn explain(&self, policy: &Policy, proxy: &dyn Proxy) -> Option<Explanation> {
        match &self.0 {
            Kept::Request(request) => explain(request, policy, proxy),
            Kept::OtherReading(route) => policy.route(*route).map(Explanation::of_other_reading),
            Kept::NoRoute(misses) => Some(Explanation::of_no_route(policy, misses, &proxy.route_name())),
        }
    }
}

fn explain(request: &DeniedRequest, policy: &Policy, proxy: &dyn Proxy) -> Option<Explanation> {
    let mut search = Search::new(policy, request, proxy)?;
    search.find_cause(request.reason);
    match (search.found, request.reason) {
        (Some(explanation), _) => Some(explanation),
        (None, _) if search.exhausted => Some(Explanation::of(Cause::NotTried)),
        (None, Reason::SignatureMismatch) => Some(Explanation::of(Cause::Unknown)),
        // Of the other reasons the usual hint says more.
        (None, _) => None,
    }
}

/// Returns true if a search may find out more about the reason than its hint says.
fn is_explained(reason: Reason, head: &Head) -> bool {
    match reason {
        Reason::SignatureMismatch | Reason::UnknownKey | Reason::UnsignedBody => true,
        Reason::BodyHashMismatch => head.is_encoded(),
        Reason::BodyTooLarge
        | Reason::MalformedSignature
        | Reason::MisplacedFilter
        | Reason::MissingSignature
        | Reason::NoRoute
        | Reason::Unverifiable => false,
    }
}
