//! One request from its headers to its verdict.
//!
//! The proxy calls [`Exchange::on_headers`], then [`Exchange::on_body`] for each piece of the body, then perhaps
//! [`Exchange::on_trailers`], and does what the [`Step`] says. The verdict is reached exactly once: at the
//! headers (nothing follows, or a WebSocket handshake), at the last piece of the body, or at the trailers.
//! Nothing here can fail: what is unexpected is a denial.

use std::rc::Rc;

use crate::config::{Hold, Policy, Unmatched};
use crate::reply::Reply;
use crate::request::Head;
use crate::route::{Mode, Route, Selection, select};
use crate::signature::{Selected, Tag};
use crate::verdict::{Outcome, Reason, Verdict};
use crate::verify;

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
    watches_for_stall: bool,
    state: State,
    outcome: Option<Outcome>,
}

#[derive(Debug)]
enum State {
    /// The headers have not come.
    New,
    /// The request is not whole. It is kept, or in report mode copied as it passes.
    Pending(Pending),
    /// The request goes its way.
    Released,
    /// A reply has been sent; nothing of the request goes on.
    Refused,
}

#[derive(Debug)]
struct Pending {
    route: usize,
    head: Head,
    tag: Tag,
    selected: Selected,
    body: Body,
    stall: Option<Stall>,
}

/// What is known of a body that is on its way.
#[derive(Debug)]
enum Body {
    /// The proxy keeps it; so many bytes have come.
    Held(usize),
    /// It passes, and this is a copy.
    Copied(Vec<u8>),
}

/// Watches a request that is stopped at its headers, for the sign that the proxy will never hand on its body.
#[derive(Debug)]
struct Stall {
    received_at_headers: u64,
    ticks_with_growth: u8,
}

/// After so many ticks with a body that came in but was not handed on, the filter is misplaced. One could be
/// another filter before this one that is slow.
const TICKS_TO_STALL: u8 = 2;

impl Exchange {
    /// A request that is about to begin. `watches_for_stall` says that it is not known yet whether the proxy
    /// hands on the bodies of requests that are stopped at their headers; see [`Exchange::may_stall`].
    pub fn new(policy: Rc<Policy>, watches_for_stall: bool) -> Exchange {
        Exchange {
            policy,
            watches_for_stall,
            state: State::New,
            outcome: None,
        }
    }

    /// The verdict, once there is one.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Whether the request is watched: it is stopped at its headers, and no piece of its body has come. The proxy
    /// is then to call [`Exchange::on_tick`] twice a second.
    pub fn may_stall(&self) -> bool {
        matches!(&self.state, State::Pending(Pending { stall: Some(_), .. }))
    }

    /// The headers are here. `end_of_stream` says that nothing follows them.
    pub fn on_headers(&mut self, end_of_stream: bool, proxy: &dyn Proxy) -> Step {
        match self.examine(end_of_stream, proxy) {
            Examined::Settled(outcome) => self.settle(outcome, proxy),
            Examined::Pending(pending) => {
                let copies = matches!(pending.body, Body::Copied(_));
                let step = if copies || self.policy.hold() == Hold::BufferAfter {
                    Step::Continue
                } else {
                    Step::Hold
                };
                self.state = State::Pending(pending);
                step
            }
        }
    }

    /// A piece of the body is here. While the request is held, `size` is that of all that has come so far; when
    /// it passes, that of this piece alone. `end_of_stream` says that nothing follows.
    pub fn on_body(&mut self, size: usize, end_of_stream: bool, proxy: &dyn Proxy) -> Step {
        let State::Pending(pending) = &mut self.state else {
            return self.standing_order(proxy);
        };
        pending.stall = None;
        let policy = Rc::clone(&self.policy);
        match pending.take_in(&policy, size, proxy) {
            Err(reason) => self.conclude(Err(reason), proxy),
            Ok(()) if end_of_stream => self.on_end(proxy),
            Ok(()) => self.standing_order(proxy),
        }
    }

    /// The trailers are here: the body, if any, is whole.
    pub fn on_trailers(&mut self, proxy: &dyn Proxy) -> Step {
        match self.state {
            State::Pending(_) => self.on_end(proxy),
            State::New | State::Released | State::Refused => self.standing_order(proxy),
        }
    }

    /// Half a second has passed. Tells a request whose body comes in, but is not handed on, from one whose
    /// body is slow.
    pub fn on_tick(&mut self, proxy: &dyn Proxy) -> Step {
        let State::Pending(Pending {
            stall: Some(stall), ..
        }) = &mut self.state
        else {
            return self.standing_order(proxy);
        };
        if proxy
            .bytes_received()
            .is_some_and(|received| received > stall.received_at_headers)
        {
            stall.ticks_with_growth = stall.ticks_with_growth.saturating_add(1);
        }
        if stall.ticks_with_growth < TICKS_TO_STALL {
            return Step::Hold;
        }
        self.conclude(Err(Reason::MisplacedFilter), proxy)
    }

    /// A response is about to go out. If it answers a request that is still held, the request has been acted upon
    /// without a verdict: a redirect or a direct response is sent before any body is. A refusal by the proxy
    /// itself (a time-out, say) is none of that.
    pub fn on_response(&mut self, proxy: &dyn Proxy) -> Step {
        if !matches!(
            &self.state,
            State::Pending(Pending {
                body: Body::Held(_),
                ..
            })
        ) {
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
            State::Pending(Pending {
                body: Body::Held(_), ..
            })
            | State::Refused => Step::Hold,
            State::Pending(Pending {
                body: Body::Copied(_),
                ..
            })
            | State::Released => Step::Continue,
            State::New => {
                let verdict = Verdict::Denied(Reason::Unverifiable);
                self.settle(Outcome { route: None, verdict }, proxy)
            }
        }
    }

    fn examine(&self, end_of_stream: bool, proxy: &dyn Proxy) -> Examined {
        let policy = &self.policy;
        let denied = |reason| {
            Examined::Settled(Outcome {
                route: None,
                verdict: Verdict::Denied(reason),
            })
        };
        let head = proxy
            .headers()
            .and_then(|bytes| Head::read(bytes, policy.original_path_header(), policy.verified_header()));
        let Some(head) = head else {
            return denied(Reason::Unverifiable);
        };
        if let Some(name) = policy.verified_header().filter(|_| head.claims_to_be_verified()) {
            proxy.remove_header(name);
        }
        let route_name = if policy.needs_route_name() {
            proxy.route_name()
        } else {
            Vec::new()
        };
        let path = head.path().one().unwrap_or_default();
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        let authority = head.authority().one().unwrap_or_default();
        let position = match select(policy.routes(), authority, path, &route_name) {
            Selection::Route(position) => position,
            Selection::Ambiguous => return denied(Reason::NoRoute),
            Selection::Unmatched => {
                return match policy.unmatched() {
                    Unmatched::Allow => Examined::Settled(Outcome {
                        route: None,
                        verdict: Verdict::Passed,
                    }),
                    Unmatched::Deny => denied(Reason::NoRoute),
                };
            }
        };
        let Some(route) = policy.routes().get(position) else {
            return denied(Reason::NoRoute);
        };
        if route.mode() == Mode::Off {
            return Examined::Settled(Outcome {
                route: Some(position),
                verdict: Verdict::Passed,
            });
        }
        match Pending::admit(position, route, head) {
            Err(reason) => Examined::Settled(outcome(position, route, Err(reason))),
            Ok(pending) if pending.head.is_upgrade() => Examined::Settled(outcome(
                position,
                route,
                verify::websocket(&pending.request(route, proxy)),
            )),
            Ok(pending) if end_of_stream => Examined::Settled(outcome(
                position,
                route,
                verify::request(&pending.request(route, proxy), b""),
            )),
            Ok(mut pending) => {
                let stops = matches!(pending.body, Body::Held(_)) && policy.hold() == Hold::OwnStop;
                if stops && self.watches_for_stall {
                    let received_at_headers = proxy.bytes_received().unwrap_or(u64::MAX);
                    pending.stall = Some(Stall {
                        received_at_headers,
                        ticks_with_growth: 0,
                    });
                }
                Examined::Pending(pending)
            }
        }
    }

    /// The request is whole: read the body, once, and decide.
    fn on_end(&mut self, proxy: &dyn Proxy) -> Step {
        let State::Pending(pending) = &mut self.state else {
            return self.standing_order(proxy);
        };
        let body = match &mut pending.body {
            Body::Copied(copy) => Some(std::mem::take(copy)),
            Body::Held(0) => Some(Vec::new()),
            Body::Held(size) => proxy.body(*size).filter(|body| body.len() == *size),
        };
        let route = self.policy.routes().get(pending.route);
        let result = match (body, route) {
            (Some(body), Some(route)) => verify::request(&pending.request(route, proxy), &body),
            _ => Err(Reason::Unverifiable),
        };
        self.conclude(result, proxy)
    }

    fn conclude(&mut self, result: Result<usize, Reason>, proxy: &dyn Proxy) -> Step {
        let position = match &self.state {
            State::Pending(pending) => Some(pending.route),
            State::New | State::Released | State::Refused => None,
        };
        let route = position.and_then(|position| Some((position, self.policy.routes().get(position)?)));
        let outcome = match (route, result) {
            (Some((position, route)), result) => outcome(position, route, result),
            (None, Ok(_)) => Outcome {
                route: None,
                verdict: Verdict::Denied(Reason::Unverifiable),
            },
            (None, Err(reason)) => Outcome {
                route: None,
                verdict: Verdict::Denied(reason),
            },
        };
        self.settle(outcome, proxy)
    }

    fn settle(&mut self, outcome: Outcome, proxy: &dyn Proxy) -> Step {
        self.outcome = Some(outcome);
        if let Verdict::Denied(reason) = outcome.verdict {
            self.state = State::Refused;
            return Step::Reply(Reply::to(reason));
        }
        self.state = State::Released;
        let enforced = outcome
            .route
            .and_then(|position| self.policy.routes().get(position));
        let is_enforced = enforced.is_some_and(|route| route.mode() == Mode::Enforce);
        if let (Verdict::Allowed { .. }, true, Hold::OwnStop) =
            (outcome.verdict, is_enforced, self.policy.hold())
        {
            if let Some(name) = self.policy.verified_header() {
                proxy.set_header(name, "true");
            }
        }
        Step::Continue
    }
}

enum Examined {
    Settled(Outcome),
    Pending(Pending),
}

/// What a result comes to on a route.
fn outcome(position: usize, route: &Route, result: Result<usize, Reason>) -> Outcome {
    let verdict = match (result, route.mode()) {
        (Ok(key), _) => Verdict::Allowed { key },
        (Err(reason), Mode::Enforce) => Verdict::Denied(reason),
        (Err(reason), Mode::Report | Mode::Off) => Verdict::Reported(reason),
    };
    Outcome {
        route: Some(position),
        verdict,
    }
}

impl Pending {
    /// Checks all that the headers alone can tell.
    fn admit(position: usize, route: &Route, head: Head) -> Result<Pending, Reason> {
        route.url().dialled(&head)?;
        let is_connect = head.method().one().is_none_or(|method| method == b"CONNECT");
        if is_connect || (head.is_upgrade() && !head.is_websocket_handshake()) {
            return Err(Reason::Unverifiable);
        }
        let tag = Tag::parse(head.signature())?;
        let selected = route.keys().select(head.settings())?;
        let limit = u64::try_from(route.max_body_bytes()).unwrap_or(u64::MAX);
        if head.announced_length().is_some_and(|length| length > limit) {
            return Err(Reason::BodyTooLarge);
        }
        let body = if route.mode() == Mode::Report {
            Body::Copied(Vec::new())
        } else {
            Body::Held(0)
        };
        Ok(Pending {
            route: position,
            head,
            tag,
            selected,
            body,
            stall: None,
        })
    }

    /// Accounts for a piece of the body.
    fn take_in(&mut self, policy: &Policy, size: usize, proxy: &dyn Proxy) -> Result<(), Reason> {
        let limit = policy.routes().get(self.route).map_or(0, Route::max_body_bytes);
        match &mut self.body {
            Body::Held(_) if policy.hold() == Hold::BufferAfter && proxy.has_upstream() => {
                return Err(Reason::MisplacedFilter);
            }
            Body::Held(_) if size > limit => return Err(Reason::BodyTooLarge),
            Body::Held(held) => *held = size,
            Body::Copied(copy) if copy.len().saturating_add(size) > limit => {
                return Err(Reason::BodyTooLarge);
            }
            Body::Copied(_) if size == 0 => {}
            Body::Copied(copy) => copy.extend(proxy.body(size).ok_or(Reason::Unverifiable)?),
        }
        Ok(())
    }

    fn request<'a>(&'a self, route: &'a Route, proxy: &'a dyn Proxy) -> verify::Request<'a> {
        let Pending {
            head, tag, selected, ..
        } = self;
        verify::Request {
            head,
            route,
            tag,
            selected: *selected,
            port: proxy,
        }
    }
}

//TEST
//MODTESTS
