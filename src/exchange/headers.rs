//! What the headers alone decide: the route, and whether the request has to wait for its body.

use std::rc::Rc;

use super::judged::Judged;
use super::memory::{Memory, Share};
use super::pending::{self, Pending};
use crate::config::{Hold, Mode};
use crate::policy::{Judge, Policy, Route};
use crate::proxy::Proxy;
use crate::reason::Reason;
use crate::record;
use crate::request::{Head, Single};
use crate::route::Target;
use crate::verdict::{Decision, Verdict};
use crate::verify;

/// Where a request is once its headers have been looked at.
pub(super) enum AfterHeaders {
    /// Its verdict is reached.
    Judged(Judged),
    /// It waits for the rest.
    Pending(Box<Pending>),
}

/// A request of which the headers are here.
pub(super) struct Arrival<'a> {
    pub(super) policy: &'a Policy,
    pub(super) memory: &'a Rc<Memory>,
    pub(super) watches_for_stall: bool,
    /// Whether nothing follows the headers.
    pub(super) end_of_stream: bool,
    pub(super) proxy: &'a dyn Proxy,
}

impl Arrival<'_> {
    /// Finds the route, and judges the request if its headers are enough for that.
    pub(super) fn examine(&self) -> AfterHeaders {
        let Arrival { policy, proxy, .. } = *self;
        let read = |bytes| Head::read(bytes, policy.original_path_header(), policy.verified_header());
        let Some(head) = proxy.headers().and_then(read) else {
            if let Some(name) = policy.verified_header() {
                proxy.remove_header(name);
            }
            return AfterHeaders::Judged(Judged::unreadable(policy));
        };
        let claims = self.claims_of_client(&head);
        for name in &claims {
            proxy.remove_header(name);
        }
        if head.path() == Single::Repeated || head.has_several_hosts() {
            return AfterHeaders::Judged(Judged::unreadable(policy));
        }
        // Without the header the proxy routes anew, and goes on telling the name of the route before. So a client could
        // be matched by the name of one route and be sent on another.
        let is_rerouted = policy.needs_route_name() && !claims.is_empty();
        if is_rerouted && policy.can_deny() {
            return AfterHeaders::Judged(Judged::without_route(Decision::Denied(Reason::NoRoute)));
        }
        let route_name = if policy.needs_route_name() { proxy.route_name() } else { Vec::new() };
        let target = Target::of(&head, &route_name);
        let selection = policy.select(&target);
        match policy.judge(&selection).and_then(|judge| Some((judge, policy.route(judge.route)?))) {
            Some((Judge { refused_for: Some(other), .. }, route)) => {
                AfterHeaders::Judged(Judged::other_reading(policy, other, route.mode(), &head))
            }
            Some((judge, route)) => self.examine_on_route(judge, route, head),
            None => {
                let is_signed = head.signature() != Single::Absent;
                AfterHeaders::Judged(Judged::on_no_route(policy, &target, is_signed))
            }
        }
    }

    /// Returns the names by which a client has sent the header that only this filter is to set. What another filter of this kind
    /// has set before is none: that one has removed what the client sent in any spelling.
    fn claims_of_client<'h>(&self, head: &'h Head) -> Vec<&'h str> {
        let Arrival { policy, proxy, .. } = *self;
        let is_ours = |name: &str| {
            policy.verified_header() == Some(name) && proxy.own_state(&record::header_key(name)).is_some()
        };
        head.claims_to_be_verified().iter().map(String::as_str).filter(|name| !is_ours(name)).collect()
    }

    fn examine_on_route(&self, judge: Judge, route: &Route, head: Head) -> AfterHeaders {
        let Arrival { policy, proxy, .. } = *self;
        if route.mode() == Mode::Off {
            let verdict = Verdict { route: Some(judge.route), decision: Decision::Passed };
            return AfterHeaders::Judged(Judged::from(verdict));
        }
        let judged =
            |result, head, body| AfterHeaders::Judged(Judged::on_route(policy, judge, result, head, body));
        let checked = match pending::check(route, &head, proxy) {
            Ok(checked) => checked,
            Err(reason) => return judged(Err(reason), head, self.end_of_stream.then(Vec::new)),
        };
        let ends_here = self.end_of_stream || head.is_upgrade();
        let mut pending = Pending::new(judge, route, head, checked, Share::of(self.memory));
        let has_room = if ends_here { pending.can_be_verified(0) } else { pending.reserve_memory(route) };
        if !has_room {
            return judged(Err(Reason::Unverifiable), pending.into_head(), None);
        }
        if ends_here {
            let request = pending.request(route, proxy);
            let result = if pending.is_upgrade() {
                verify::websocket(&request)
            } else {
                verify::request(&request, b"")
            };
            return judged(result, pending.into_head(), Some(Vec::new()));
        }
        match policy.hold() {
            _ if !pending.is_held() => {}
            Hold::OwnStop if self.watches_for_stall => pending.watch_for_stall(proxy),
            Hold::OwnStop => {}
            Hold::BufferAfter => pending.watch_for_upstream(),
        }
        AfterHeaders::Pending(Box::new(pending))
    }
}
