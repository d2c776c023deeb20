//! A proxy made of fields, and requests as Twilio would send them.
#![allow(dead_code, reason = "each test crate takes the part that it needs")]

pub(crate) mod sign;
pub(crate) mod spelling;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use twilio_proxy_wasm::exchange::{Exchange, Step};
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::proxy::Proxy;
use twilio_proxy_wasm::verdict::{Decision, Verdict};

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Returns a policy of JSON in which every variable of the environment holds its own name.
pub(crate) fn policy(json: &str) -> Rc<Policy> {
    let environment = |name: &str| Some(name.as_bytes().to_vec());
    Rc::new(Policy::parse(json.as_bytes(), &environment).unwrap_or_else(|error| panic!("{error}: {json}")))
}

/// Returns a policy that verifies every request with [`TOKEN`]; `more` are further fields.
pub(crate) fn plain(more: &str) -> Rc<Policy> {
    let separator = if more.is_empty() { "" } else { ", " };
    policy(&format!(r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}]{separator}{more} }}"#))
}

/// Returns a verdict in two or three words: `denied no_route`, `allowed 0`.
pub(crate) fn words(verdict: Option<Verdict>) -> String {
    let Some(Verdict { decision, .. }) = verdict else { return "none".to_owned() };
    match decision {
        Decision::Allowed { key } => format!("allowed {key}"),
        Decision::Passed => "passed".to_owned(),
        Decision::PassedSigned => "passed no_route".to_owned(),
        Decision::Incomplete => "incomplete".to_owned(),
        Decision::Denied(reason) => format!("denied {reason}"),
        Decision::Reported(reason) => format!("reported {reason}"),
    }
}

/// Writes headers as proxy-wasm serialises them.
pub(crate) fn serialise(headers: &[(String, Vec<u8>)]) -> Vec<u8> {
    let length = |size: usize| u32::try_from(size).unwrap().to_le_bytes();
    let mut bytes = length(headers.len()).to_vec();
    for (name, value) in headers {
        bytes.extend(length(name.len()));
        bytes.extend(length(value.len()));
    }
    for (name, value) in headers {
        bytes.extend(name.bytes().chain([0]).chain(value.iter().copied()).chain([0]));
    }
    bytes
}

/// A proxy that says what its fields say, and notes what it is asked for and told to do.
#[derive(Default)]
pub(crate) struct FakeProxy {
    pub(crate) headers: Option<Vec<u8>>,
    pub(crate) route_name: &'static str,
    pub(crate) port: Option<u16>,
    /// What another filter has left in filter state, by its key.
    pub(crate) filter_states: RefCell<BTreeMap<&'static str, Vec<u8>>>,
    /// What filters of this kind have left.
    pub(crate) own_states: RefCell<BTreeMap<String, Vec<u8>>>,
    pub(crate) body: RefCell<Vec<u8>>,
    pub(crate) has_upstream: Cell<bool>,
    pub(crate) received: Cell<Option<u64>>,
    pub(crate) details: Cell<&'static str>,
    pub(crate) status: Cell<Option<u16>>,
    pub(crate) calls: RefCell<Vec<String>>,
}

impl FakeProxy {
    pub(crate) fn of(request: &Request) -> FakeProxy {
        FakeProxy { headers: Some(serialise(&request.headers)), ..FakeProxy::default() }
    }

    fn note(&self, call: String) {
        self.calls.borrow_mut().push(call);
    }

    /// Returns the calls of a kind, in their order.
    pub(crate) fn calls(&self, kinds: &[&str]) -> Vec<String> {
        let is_meant = |call: &&String| kinds.iter().any(|kind| call.starts_with(kind));
        self.calls.borrow().iter().filter(is_meant).cloned().collect()
    }
}

impl Proxy for FakeProxy {
    fn headers(&self) -> Option<Vec<u8>> {
        self.note("headers".to_owned());
        self.headers.clone()
    }

    fn remove_header(&self, name: &str) {
        self.note(format!("remove {name}"));
    }

    fn set_header(&self, name: &str, value: &str) {
        self.note(format!("set {name}: {value}"));
    }

    fn route_name(&self) -> Vec<u8> {
        self.note("route name".to_owned());
        self.route_name.as_bytes().to_vec()
    }

    fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        self.note(format!("filter state {key}"));
        self.filter_states.borrow().get(key).cloned()
    }

    fn own_state(&self, key: &str) -> Option<Vec<u8>> {
        self.note(format!("own state {key}"));
        self.own_states.borrow().get(key).cloned()
    }

    fn set_own_state(&self, key: &str, value: &str) {
        self.note(format!("leave {key}: {value}"));
        self.own_states.borrow_mut().insert(key.to_owned(), value.as_bytes().to_vec());
    }

    fn listener_port(&self) -> Option<u16> {
        self.note("port".to_owned());
        self.port
    }

    fn body(&self, size: usize) -> Option<Vec<u8>> {
        self.note(format!("body {size}"));
        let body = self.body.borrow();
        Some(body[..size.min(body.len())].to_vec())
    }

    fn has_upstream(&self) -> bool {
        self.note("upstream".to_owned());
        self.has_upstream.get()
    }

    fn bytes_received(&self) -> Option<u64> {
        self.note("bytes".to_owned());
        self.received.get()
    }

    fn response_code_details(&self) -> Vec<u8> {
        self.note("details".to_owned());
        self.details.get().as_bytes().to_vec()
    }

    fn response_status(&self) -> Option<u16> {
        self.note("status".to_owned());
        self.status.get()
    }
}

/// What a client sends.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, url: &str) -> Request {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, path) = rest.split_at(rest.find('/').unwrap());
        let scheme = scheme.replace("ws", "http");
        Request { headers: Vec::new(), body: Vec::new() }
            .header(":method", method)
            .header(":scheme", scheme)
            .header(":authority", authority)
            .header(":path", path)
    }

    /// Returns a form, signed for this URL with [`TOKEN`].
    pub(crate) fn form(url: &str, body: &str) -> Request {
        let pairs: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        Request::new("POST", url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .signature(&sign::sha1(TOKEN, url, &pairs))
    }

    /// Returns a request without a body, signed for this URL with [`TOKEN`].
    pub(crate) fn get(url: &str) -> Request {
        Request::new("GET", url).signature(&sign::sha1(TOKEN, url, &[]))
    }

    /// Returns JSON, whose hash is put at the end of this URL, signed with [`TOKEN`].
    pub(crate) fn json(url: &str, body: &str) -> Request {
        let mark = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{mark}bodySHA256={}", sign::sha256_hex(body.as_bytes()));
        let signature = sign::sha1(TOKEN, &url, &[]);
        Request::new("POST", &url).header("content-type", "application/json").body(body).signature(&signature)
    }

    /// Returns a WebSocket handshake, signed for this URL with these parameters and [`TOKEN`].
    pub(crate) fn websocket(url: &str, signed: &str, params: &[(String, String)]) -> Request {
        Request::new("GET", url)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .signature(&sign::sha1(TOKEN, signed, params))
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Request {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Request {
        self.headers.retain(|(own, _)| own != name);
        self
    }

    /// Puts this header in the place of all of its name.
    pub(crate) fn with(self, name: &str, value: impl Into<Vec<u8>>) -> Request {
        self.without(name).header(name, value)
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = body.into();
        self
    }

    pub(crate) fn signature(self, signature: &str) -> Request {
        self.with("x-twilio-signature", signature)
    }

    /// Sends the request through an exchange as a proxy would, its body cut into pieces of these sizes and a
    /// rest. What is held piles up, what passes does not. The last step is the answer.
    pub(crate) fn send(&self, policy: &Rc<Policy>, cuts: &[usize], end: End) -> (Step, Option<Verdict>) {
        let (step, exchange) = self.exchange(policy, &FakeProxy::of(self), cuts, end);
        (step, exchange.verdict())
    }

    /// Does the same with this proxy, and returns the exchange as well.
    pub(crate) fn exchange(
        &self,
        policy: &Rc<Policy>,
        proxy: &FakeProxy,
        cuts: &[usize],
        end: End,
    ) -> (Step, Exchange) {
        let mut exchange = Exchange::new(Rc::clone(policy), Rc::default(), false);
        let is_upgrade = self.headers.iter().any(|(name, _)| name == "upgrade");
        let has_body = !self.body.is_empty() || end != End::Headers;
        let mut step = exchange.on_headers(!has_body && !is_upgrade, proxy);
        if !has_body || exchange.verdict().is_some() {
            return (step, exchange);
        }
        let mut rest = self.body.as_slice();
        let mut pieces: Vec<&[u8]> = Vec::new();
        for cut in cuts {
            let (piece, after) = rest.split_at(*cut.min(&rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        let mut passes = step == Step::Continue;
        for (index, piece) in pieces.iter().enumerate() {
            if passes {
                proxy.body.borrow_mut().clear();
            }
            proxy.body.borrow_mut().extend_from_slice(piece);
            let size = proxy.body.borrow().len();
            let is_last = index + 1 == pieces.len() && end != End::Trailers;
            step = exchange.on_body(size, is_last, proxy);
            passes = step == Step::Continue;
            if exchange.verdict().is_some() {
                return (step, exchange);
            }
        }
        if end == End::Trailers {
            step = exchange.on_trailers(proxy);
        }
        (step, exchange)
    }

    /// Returns the verdict on the request, sent whole.
    pub(crate) fn verdict(&self, policy: &Rc<Policy>) -> String {
        words(self.send(policy, &[], End::Headers).1)
    }
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With its headers, if it has no body; else with the last piece of it.
    Headers,
    /// With a piece of its body, be it empty.
    Body,
    /// With trailers.
    Trailers,
}
