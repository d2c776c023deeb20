//! One request from its headers to its verdict.
//!
//! The proxy calls [`Exchange::on_headers`], then [`Exchange::on_body`] for each piece of the body, then perhaps
//! [`Exchange::on_trailers`], and does what the [`Step`] says. The verdict is reached exactly once: at the
//! headers (nothing follows, or a WebSocket handshake), at the last piece of the body, or at the trailers; or at the end, of a
//! request that ends before it is whole. Nothing here can fail: what is unexpected is a denial.

mod headers;
mod judged;
mod memory;
mod pending;

pub use memory::Memory;

use std::rc::Rc;

use crate::config::{Hold, Mode};
use crate::explain::Evidence;
use crate::policy::Policy;
use crate::proxy::Proxy;
use crate::reason::Reason;
use crate::record;
use crate::reply::Reply;
use crate::signature::Signer;
use crate::verdict::{Decision, Pass, Verdict};
use crate::verify;
use headers::{AfterHeaders, Arrival};
use judged::Judged;
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

/// The state of one request.
#[derive(Debug)]
pub struct Exchange {
    policy: Rc<Policy>,
    memory: Rc<Memory>,
    watches_for_stall: bool,
    state: State,
    verdict: Option<Verdict>,
    /// What [`Exchange::take_verdict`] returns.
    unrecorded: Option<Judged>,
    /// What is to be recorded at the end, if none of the other filters of this kind judges the request: it is signed, and here
    /// on no route.
    unclaimed: Option<Judged>,
    gate: Gate,
}

/// Whether the proxy's routes have been told that the request may go on.
#[derive(Clone, Copy, Debug)]
enum Gate {
    Shut,
    /// They are to be told this, by [`Exchange::take_pass`].
    Opening(Pass),
    Open,
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
    /// Begins a request. `memory` is shared by all requests of a virtual machine. `watches_for_stall` says that it is not
    /// known yet whether the proxy hands on the bodies of requests that are stopped at their headers; see
    /// [`Exchange::is_watched`].
    pub fn new(policy: Rc<Policy>, memory: Rc<Memory>, watches_for_stall: bool) -> Exchange {
        Exchange {
            policy,
            memory,
            watches_for_stall,
            state: State::New,
            verdict: None,
            unrecorded: None,
            unclaimed: None,
            gate: Gate::Shut,
        }
    }

    /// Returns the verdict, once there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// Returns the verdict a single time, to be recorded after the step that reached it, or at the end, with what is kept to
    /// explain it.
    pub fn take_verdict(&mut self) -> Option<(Verdict, Option<Evidence>)> {
        self.unrecorded.take().map(|judged| (judged.verdict, judged.evidence))
    }

    /// Returns a single time that the request may go on, where the proxy's routes are to be told of that. After the step that
    /// let it go on, the proxy is to write it where they see it, and then to choose the route anew.
    pub fn take_pass(&mut self) -> Option<Pass> {
        let Gate::Opening(pass) = self.gate else { return None };
        self.gate = Gate::Open;
        Some(pass)
    }

    /// Returns true while the request is watched: it is stopped at its headers, and no piece of its body has come, or another
    /// filter is to hold it. The proxy is then to call [`Exchange::on_tick`] twice a second.
    pub fn is_watched(&self) -> bool {
        matches!(&self.state, State::Pending(pending) if pending.is_watched())
    }

    /// Takes the headers. `end_of_stream` says that nothing follows them.
    pub fn on_headers(&mut self, end_of_stream: bool, proxy: &dyn Proxy) -> Step {
        if !matches!(self.state, State::New) {
            return self.current_step(proxy);
        }
        let Exchange { policy, memory, watches_for_stall, .. } = self;
        let watches_for_stall = *watches_for_stall;
        match (Arrival { policy, memory, watches_for_stall, end_of_stream, proxy }).examine() {
            AfterHeaders::Judged(judged) => self.finish(judged, proxy),
            AfterHeaders::Pending(pending) => {
                let stops = pending.is_held() && self.policy.hold() == Hold::OwnStop;
                if !pending.is_held() {
                    // It goes on now, and so has its route chosen before there is a verdict.
                    self.open_gate(Pass { route: Some(pending.judge.route), is_verified: false });
                }
                self.state = State::Pending(pending);
                if stops { Step::Hold } else { Step::Continue }
            }
        }
    }

    /// Takes a piece of the body. While the request is held, `size` is that of all that has come so far; when
    /// it passes, that of this piece alone. `end_of_stream` says that nothing follows.
    pub fn on_body(&mut self, size: usize, end_of_stream: bool, proxy: &dyn Proxy) -> Step {
        let State::Pending(pending) = &mut self.state else { return self.current_step(proxy) };
        match pending.add_piece(&self.policy, size, proxy) {
            Err(reason) => self.fail(reason, proxy),
            Ok(()) if end_of_stream => self.verify(proxy),
            Ok(()) => self.current_step(proxy),
        }
    }

    /// Takes the trailers: the body, if any, is whole.
    pub fn on_trailers(&mut self, proxy: &dyn Proxy) -> Step {
        let State::Pending(pending) = &self.state else { return self.current_step(proxy) };
        match pending.check_not_sent(&self.policy, proxy) {
            Err(reason) => self.fail(reason, proxy),
            Ok(()) => self.verify(proxy),
        }
    }

    /// Notes that half a second has passed. Tells a request whose body comes in, but is not handed on, from one whose
    /// body is slow, and finds one that an upstream has although another filter was to hold it.
    pub fn on_tick(&mut self, proxy: &dyn Proxy) -> Step {
        let is_misplaced = match &mut self.state {
            State::Pending(pending) => pending.is_misplaced(proxy),
            _ => false,
        };
        if is_misplaced { self.fail(Reason::MisplacedFilter, proxy) } else { self.current_step(proxy) }
    }

    /// Takes notice of a response that is about to go out. If an upstream answers a request that is still held, the request
    /// has been acted upon without a verdict.
    ///
    /// What the proxy answers by itself (a redirect to https, say, or that the request took too long) has acted on nothing:
    /// its answer goes out, and nothing of the request goes on any more. Behind a gate that may be the answer of the route
    /// that is shut, to a request for which it would have opened: then the filter does not hold.
    pub fn on_response(&mut self, proxy: &dyn Proxy) -> Step {
        let State::Pending(pending) = &self.state else { return Step::Continue };
        if !pending.is_held() {
            return Step::Continue;
        }
        let is_behind_gate = self.policy.clear_route_cache(Some(pending.judge.route));
        let is_redirect = || matches!(proxy.response_status(), Some(300..=399));
        match proxy.response_code_details().as_slice() {
            b"via_upstream" => self.fail(Reason::MisplacedFilter, proxy),
            b"direct_response" if is_behind_gate && !is_redirect() => {
                self.fail(Reason::MisplacedFilter, proxy)
            }
            b"direct_response" => {
                self.state = State::Refused;
                Step::Continue
            }
            _ => Step::Continue,
        }
    }

    /// Takes notice that the request is over, however it ended.
    pub fn on_end(&mut self, proxy: &dyn Proxy) {
        if let State::Pending(pending) = &self.state {
            let verdict = Verdict { route: Some(pending.judge.route), decision: Decision::Incomplete };
            self.verdict = Some(verdict);
            self.unrecorded = Some(Judged::from(verdict));
            self.state = State::Refused;
        }
        if let Some(judged) = self.unclaimed.take() {
            let is_none_of_ours = record::is_judged(proxy);
            let passed = || Judged::without_route(Decision::Passed);
            self.unrecorded = Some(if is_none_of_ours { passed() } else { judged });
        }
    }

    /// Returns the step for a callback that changes nothing.
    fn current_step(&mut self, proxy: &dyn Proxy) -> Step {
        match &self.state {
            State::Pending(pending) if !pending.is_held() => Step::Continue,
            State::Pending(_) | State::Refused => Step::Hold,
            State::Released => Step::Continue,
            State::New => self.fail(Reason::Unverifiable, proxy),
        }
    }

    /// Verifies the request, which is whole.
    fn verify(&mut self, proxy: &dyn Proxy) -> Step {
        let State::Pending(pending) = &mut self.state else { return self.current_step(proxy) };
        let body = if pending.can_be_verified(pending.size()) { pending.whole_body(proxy) } else { None };
        let result = match (&body, self.policy.route(pending.judge.route)) {
            (Some(body), Some(route)) => verify::request(&pending.request(route, proxy), body),
            (None, _) | (_, None) => Err(Reason::Unverifiable),
        };
        self.decide(result, body, proxy)
    }

    /// Ends a request that cannot be verified.
    fn fail(&mut self, reason: Reason, proxy: &dyn Proxy) -> Step {
        self.decide(Err(reason), None, proxy)
    }

    /// Comes to the verdict on a request that waited, or on one whose headers never came.
    fn decide(&mut self, result: Result<Signer, Reason>, body: Option<Vec<u8>>, proxy: &dyn Proxy) -> Step {
        let pending = match std::mem::replace(&mut self.state, State::Refused) {
            State::Pending(pending) => Some(pending),
            State::New | State::Released | State::Refused => None,
        };
        let judged = match pending {
            Some(pending) => {
                let judge = pending.judge;
                Judged::on_route(&self.policy, judge, result, pending.into_head(), body)
            }
            None => Judged::unreadable(&self.policy),
        };
        self.finish(judged, proxy)
    }

    fn finish(&mut self, judged: Judged, proxy: &dyn Proxy) -> Step {
        let verdict = judged.verdict;
        self.verdict = Some(verdict);
        if verdict.decision == Decision::PassedSigned {
            self.unclaimed = Some(judged);
        } else {
            self.unrecorded = Some(judged);
        }
        if let Decision::Denied(reason) = verdict.decision {
            self.state = State::Refused;
            return Step::Reply(Reply::to(reason));
        }
        self.state = State::Released;
        if let Some(pass) = verdict.pass() {
            self.open_gate(pass);
        }
        if let Some(name) = self.header_to_set(verdict) {
            proxy.set_header(name, "true");
            proxy.set_own_state(&record::header_key(name), "true");
        }
        Step::Continue
    }

    fn open_gate(&mut self, pass: Pass) {
        if matches!(self.gate, Gate::Shut) && self.policy.clear_route_cache(pass.route) {
            self.gate = Gate::Opening(pass);
        }
    }

    /// Returns the header that tells the upstream of this verdict: none unless the request was verified in `enforce` and
    /// its headers are still here.
    fn header_to_set(&self, verdict: Verdict) -> Option<&str> {
        let is_allowed = matches!(verdict.decision, Decision::Allowed { .. });
        let is_enforced = self.policy.route(verdict.route?)?.mode() == Mode::Enforce;
        let tells = is_allowed && is_enforced && self.policy.hold() == Hold::OwnStop;
        self.policy.verified_header().filter(|_| tells)
    }
}
