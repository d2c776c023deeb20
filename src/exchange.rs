//! One request from its headers to its verdict.
//!
//! The proxy calls [`Exchange::on_headers`], then [`Exchange::on_body`] for each piece of the body, then perhaps
//! [`Exchange::on_trailers`], and does what the [`Step`] says. The verdict is reached exactly once: at the
//! headers (nothing follows, or a WebSocket handshake), at the last piece of the body, or at the trailers.
//! Nothing here can fail: what is unexpected is a denial.

mod memory;
mod pending;

pub use memory::Memory;

use std::rc::Rc;

use crate::config::{Hold, Policy, Unmatched};
use crate::explain::{Evidence, Finding};
use crate::reply::Reply;
use crate::request::{Head, Single};
use crate::route::{Mode, Route, select};
use crate::verdict::{Outcome, Reason, Verdict};
use crate::verify;
use memory::Share;
use pending::Pending;

/// What the proxy is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Let go on what has come so far.
    Continue,
    /// Keep it, and call again with the rest.
    Hold,
    /// Answer this, and let nothing go on.
    Reply(Reply),
}

/// What the core asks of the proxy about the request at hand. Nothing is asked for that is not needed.
pub trait Proxy {
    /// The request's headers, serialised as proxy-wasm does; see [`Head::read`].
    fn headers(&self) -> Option<Vec<u8>>;
    /// Takes a header away from the request, in all its occurrences.
    fn remove_header(&self, name: &str);
    /// Gives the request a header, in place of all that it has of that name.
    fn set_header(&self, name: &str, value: &str);
    /// The name of the proxy's own route; empty if it has none.
    fn route_name(&self) -> Vec<u8>;
    /// The port that the request came in by.
    fn listener_port(&self) -> Option<u16>;
    /// The first `size` bytes of the body that the proxy holds now.
    fn body(&self, size: usize) -> Option<Vec<u8>>;
    /// Whether the proxy has chosen an upstream, and so has begun to send the request.
    fn has_upstream(&self) -> bool;
    /// How many bytes of the request, headers and body, have come in so far.
    fn bytes_received(&self) -> Option<u64>;
    /// Why the response that is about to go out is what it is: the proxy's response code details.
    fn response_code_details(&self) -> Vec<u8>;
}

/// The state of one request.
#[derive(Debug)]
pub struct Exchange {
    policy: Rc<Policy>,
    memory: Rc<Memory>,
    watches_for_stall: bool,
    state: State,
    outcome: Option<Outcome>,
    conclusion: Option<Conclusion>,
}

/// A verdict that is to be recorded, with what is kept until then to explain it.
#[derive(Debug)]
pub struct Conclusion {
    /// The verdict and its route.
    pub outcome: Outcome,
    evidence: Option<Box<Evidence>>,
    /// The route that an application may find the request on, where that is why it was denied.
    reads_as: Option<usize>,
}

impl Conclusion {
    /// Why the request was denied, as far as that can be found out; asked for only if somebody will read it. `policy` is
    /// the one that denied it.
    pub fn explain(&self, policy: &Policy, proxy: &dyn Proxy) -> Option<Finding> {
        if let Some(evidence) = &self.evidence {
            return evidence.explain(policy, proxy);
        }
        let route = policy.route(self.reads_as?)?;
        policy.explain().then(|| Finding::other_reading(route))
    }

    fn of(outcome: Outcome) -> Conclusion {
        Conclusion { outcome, evidence: None, reads_as: None }
    }
}

#[derive(Debug)]
enum State {
    /// The headers have not come.
    New,
    /// The request is not whole. It is kept, or in report mode copied as it passes.
    Pending(Box<Pending>),
    /// The request goes its way.
    Released,
    /// A reply has been sent; nothing of the request goes on.
    Refused,
}

impl Exchange {
    /// A request that is about to begin. `memory` is shared by all requests of a virtual machine. `watches_for_stall`
    /// says that it is not known yet whether the proxy hands on the bodies of requests that are stopped at their
    /// headers; see [`Exchange::may_stall`].
    pub fn new(policy: Rc<Policy>, memory: Rc<Memory>, watches_for_stall: bool) -> Exchange {
        Exchange { policy, memory, watches_for_stall, state: State::New, outcome: None, conclusion: None }
    }

    /// The verdict, once there is one.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// The verdict, to be recorded: once, after the step that came to it.
    pub fn take_conclusion(&mut self) -> Option<Conclusion> {
        self.conclusion.take()
    }

    /// Whether the request is watched: it is stopped at its headers, and no piece of its body has come. The proxy
    /// is then to call [`Exchange::on_tick`] twice a second.
    pub fn may_stall(&self) -> bool {
        matches!(&self.state, State::Pending(pending) if pending.is_watched())
    }

    /// The headers are here. `end_of_stream` says that nothing follows them.
    pub fn on_headers(&mut self, end_of_stream: bool, proxy: &dyn Proxy) -> Step {
        if !matches!(self.state, State::New) {
            return self.standing_order(proxy);
        }
        match self.examine(end_of_stream, proxy) {
            Examined::Settled(conclusion) => self.settle(conclusion, proxy),
            Examined::Pending(pending) => {
                let stops = pending.is_held() && self.policy.hold() == Hold::OwnStop;
                self.state = State::Pending(pending);
                if stops { Step::Hold } else { Step::Continue }
            }
        }
    }

    /// A piece of the body is here. While the request is held, `size` is that of all that has come so far; when
    /// it passes, that of this piece alone. `end_of_stream` says that nothing follows.
    pub fn on_body(&mut self, size: usize, end_of_stream: bool, proxy: &dyn Proxy) -> Step {
        let State::Pending(pending) = &mut self.state else { return self.standing_order(proxy) };
        match pending.take_in(&self.policy, size, proxy) {
            Err(reason) => self.conclude(Err(reason), proxy),
            Ok(()) if end_of_stream => self.on_end(proxy),
            Ok(()) => self.standing_order(proxy),
        }
    }

    /// The trailers are here: the body, if any, is whole.
    pub fn on_trailers(&mut self, proxy: &dyn Proxy) -> Step {
        let State::Pending(pending) = &self.state else { return self.standing_order(proxy) };
        match pending.check_kept_back(&self.policy, proxy) {
            Err(reason) => self.conclude(Err(reason), proxy),
            Ok(()) => self.on_end(proxy),
        }
    }

    /// Half a second has passed. Tells a request whose body comes in, but is not handed on, from one whose
    /// body is slow.
    pub fn on_tick(&mut self, proxy: &dyn Proxy) -> Step {
        let has_stalled = match &mut self.state {
            State::Pending(pending) if pending.is_watched() => pending.has_stalled(proxy.bytes_received()),
            _ => false,
        };
        if has_stalled {
            self.conclude(Err(Reason::MisplacedFilter), proxy)
        } else {
            self.standing_order(proxy)
        }
    }

    /// A response is about to go out. If it answers a request that is still held, the request has been acted upon
    /// without a verdict: a redirect or a direct response is sent before any body is. A refusal by the proxy
    /// itself (a time-out, say) is none of that.
    pub fn on_response(&mut self, proxy: &dyn Proxy) -> Step {
        if !matches!(&self.state, State::Pending(pending) if pending.is_held()) {
            return Step::Continue;
        }
        match proxy.response_code_details().as_slice() {
            b"direct_response" | b"via_upstream" => self.conclude(Err(Reason::MisplacedFilter), proxy),
            _ => Step::Continue,
        }
    }

    /// What holds for every further piece of a request once its way is decided.
    fn standing_order(&mut self, proxy: &dyn Proxy) -> Step {
        match &self.state {
            State::Pending(pending) if !pending.is_held() => Step::Continue,
            State::Pending(_) | State::Refused => Step::Hold,
            State::Released => Step::Continue,
            State::New => self.conclude(Err(Reason::Unverifiable), proxy),
        }
    }

    fn examine(&self, end_of_stream: bool, proxy: &dyn Proxy) -> Examined {
        let unrouted = |verdict| Examined::Settled(Conclusion::of(Outcome { route: None, verdict }));
        let policy = &self.policy;
        let read = |bytes| Head::read(bytes, policy.original_path_header(), policy.verified_header());
        let Some(head) = proxy.headers().and_then(read) else {
            if let Some(name) = policy.verified_header() {
                proxy.remove_header(name);
            }
            return unrouted(self.verdict_before_routes());
        };
        for name in head.claims_to_be_verified() {
            proxy.remove_header(name);
        }
        if head.path() == Single::Repeated || head.has_several_hosts() {
            return unrouted(self.verdict_before_routes());
        }
        // Without the header the proxy routes anew, and goes on telling the name of the route before. So a client could
        // be matched by the name of one route and be sent on another.
        let is_rerouted = policy.needs_route_name() && !head.claims_to_be_verified().is_empty();
        if is_rerouted && policy.can_deny() {
            return unrouted(Verdict::Denied(Reason::NoRoute));
        }
        let route_name = if policy.needs_route_name() { proxy.route_name() } else { Vec::new() };
        let authority = head.authority().one().unwrap_or_default();
        let selection = select(policy.routes(), authority, head.path_without_query(), &route_name);
        if let Some(doubt) = policy.doubt(&selection) {
            // Without a path it may be on any route that names one.
            let has_path = head.path() != Single::Absent;
            let reason = if has_path { Reason::NoRoute } else { Reason::Unverifiable };
            let verdict = if doubt.is_denied { Verdict::Denied(reason) } else { Verdict::Reported(reason) };
            let outcome = Outcome { route: None, verdict };
            let reads_as = doubt.route.filter(|_| has_path);
            return Examined::Settled(Conclusion { reads_as, ..Conclusion::of(outcome) });
        }
        match selection.strict.and_then(|position| Some((position, policy.route(position)?))) {
            Some((position, route)) => self.open(position, route, head, end_of_stream, proxy),
            None if policy.unmatched() == Unmatched::Allow => unrouted(Verdict::Passed),
            None => unrouted(Verdict::Denied(Reason::NoRoute)),
        }
    }

    /// The verdict on a request that has no readable, single host and path, so that any route might be its own. Where
    /// nothing is enforced, it is not either.
    fn verdict_before_routes(&self) -> Verdict {
        let reason = Reason::Unverifiable;
        if self.policy.can_deny() { Verdict::Denied(reason) } else { Verdict::Reported(reason) }
    }

    /// What a route makes of the headers.
    fn open(&self, position: usize, route: &Route, head: Head, end: bool, proxy: &dyn Proxy) -> Examined {
        if route.mode() == Mode::Off {
            let outcome = Outcome { route: Some(position), verdict: Verdict::Passed };
            return Examined::Settled(Conclusion::of(outcome));
        }
        let settled = |result, head, body| {
            let outcome = outcome(position, route, result);
            let evidence = Evidence::of(&self.policy, outcome, head, body);
            Examined::Settled(Conclusion { evidence, ..Conclusion::of(outcome) })
        };
        let checked = match pending::check(route, &head) {
            Ok(checked) => checked,
            Err(reason) => return settled(Err(reason), head, end.then(Vec::new)),
        };
        let ends_here = end || head.is_upgrade();
        let mut pending = Pending::new(position, route, head, checked, Share::of(&self.memory));
        let has_room = if ends_here { pending.can_be_verified(0) } else { pending.may_wait(route) };
        if !has_room {
            return settled(Err(Reason::Unverifiable), pending.into_head(), None);
        }
        if ends_here {
            let request = pending.request(route, proxy);
            let result = if pending.is_upgrade() {
                verify::websocket(&request)
            } else {
                verify::request(&request, b"")
            };
            return settled(result, pending.into_head(), Some(Vec::new()));
        }
        if self.watches_for_stall && pending.is_held() && self.policy.hold() == Hold::OwnStop {
            pending.watch(proxy.bytes_received());
        }
        Examined::Pending(Box::new(pending))
    }

    /// The request is whole: read the body, and decide.
    fn on_end(&mut self, proxy: &dyn Proxy) -> Step {
        let State::Pending(pending) = &mut self.state else { return self.standing_order(proxy) };
        let body = if pending.can_be_verified(pending.size()) { pending.whole_body(proxy) } else { None };
        let result = match (&body, self.policy.route(pending.route)) {
            (Some(body), Some(route)) => verify::request(&pending.request(route, proxy), body),
            (None, _) | (_, None) => Err(Reason::Unverifiable),
        };
        self.conclude_with(result, body, proxy)
    }

    fn conclude(&mut self, result: Result<usize, Reason>, proxy: &dyn Proxy) -> Step {
        self.conclude_with(result, None, proxy)
    }

    fn conclude_with(
        &mut self,
        result: Result<usize, Reason>,
        body: Option<Vec<u8>>,
        proxy: &dyn Proxy,
    ) -> Step {
        let pending = match std::mem::replace(&mut self.state, State::Refused) {
            State::Pending(pending) => Some(pending),
            State::New | State::Released | State::Refused => None,
        };
        let routed = pending.and_then(|pending| {
            let position = pending.route;
            Some((outcome(position, self.policy.route(position)?, result), pending.into_head()))
        });
        match routed {
            Some((outcome, head)) => {
                let evidence = Evidence::of(&self.policy, outcome, head, body);
                self.settle(Conclusion { evidence, ..Conclusion::of(outcome) }, proxy)
            }
            None => {
                let outcome = Outcome { route: None, verdict: self.verdict_before_routes() };
                self.settle(Conclusion::of(outcome), proxy)
            }
        }
    }

    fn settle(&mut self, conclusion: Conclusion, proxy: &dyn Proxy) -> Step {
        let outcome = conclusion.outcome;
        self.outcome = Some(outcome);
        self.conclusion = Some(conclusion);
        if let Verdict::Denied(reason) = outcome.verdict {
            self.state = State::Refused;
            return Step::Reply(Reply::to(reason));
        }
        self.state = State::Released;
        if let Some(name) = self.header_to_set(outcome) {
            proxy.set_header(name, "true");
        }
        Step::Continue
    }

    /// The header that tells the upstream of this outcome: none unless the request was verified by enforcement
    /// and its headers are still here.
    fn header_to_set(&self, outcome: Outcome) -> Option<&str> {
        let is_allowed = matches!(outcome.verdict, Verdict::Allowed { .. });
        let is_enforced = self.policy.route(outcome.route?)?.mode() == Mode::Enforce;
        let tells = is_allowed && is_enforced && self.policy.hold() == Hold::OwnStop;
        self.policy.verified_header().filter(|_| tells)
    }
}

enum Examined {
    Settled(Conclusion),
    Pending(Box<Pending>),
}

/// What a result comes to on a route.
fn outcome(position: usize, route: &Route, result: Result<usize, Reason>) -> Outcome {
    let verdict = match (result, route.mode()) {
        (Ok(key), _) => Verdict::Allowed { key },
        (Err(reason), Mode::Enforce) => Verdict::Denied(reason),
        (Err(reason), Mode::Report | Mode::Off) => Verdict::Reported(reason),
    };
    Outcome { route: Some(position), verdict }
}
