//! What the filter makes of a captured request, and why: the same code that runs in the proxy.

mod keys;
mod proxy;
mod shown;
mod urls;

pub use keys::{FilterStates, Lookup, policy};
pub use proxy::Setting;

use std::fmt::Write as _;
use std::rc::Rc;

use twilio_proxy_wasm::exchange::Exchange;
use twilio_proxy_wasm::explain as filter;
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::reason::Reason;
use twilio_proxy_wasm::record::route_label;
use twilio_proxy_wasm::reply::Reply;
use twilio_proxy_wasm::request::Head;
use twilio_proxy_wasm::verdict::{Decision, Verdict};

use crate::capture::Captured;
use crate::check::or_hidden;
use proxy::Replay;
use shown::shown;

/// The verdict on a request, and what led to it.
#[derive(Debug)]
pub struct Explanation {
    request: String,
    decision: Decision,
    route: String,
    key: Option<String>,
    found: Option<filter::Explanation>,
    signed: Option<String>,
    tried: Vec<String>,
    notes: Vec<String>,
}

impl Explanation {
    /// Runs the request through the filter.
    #[must_use]
    pub fn of(captured: &Captured, policy: &Rc<Policy>, setting: &Setting) -> Self {
        let replay = Replay::of(captured, setting);
        let mut exchange = Exchange::new(Rc::clone(policy), Rc::default(), false);
        let body = captured.body.len();
        exchange.on_headers(body == 0 && !replay.is_upgrade(), &replay);
        if exchange.verdict().is_none() {
            exchange.on_body(body, true, &replay);
        }
        // Without a verdict nothing is let through.
        let none = Verdict::without_route(Decision::Denied(Reason::Unverifiable));
        let verdict = exchange.verdict().unwrap_or(none);
        if exchange.verdict().is_some() {
            exchange.on_end(&replay);
        }
        let evidence = exchange.take_verdict().and_then(|(_, evidence)| evidence);
        let found = evidence.and_then(|evidence| evidence.explain(policy, &replay));
        let route = verdict.route.and_then(|position| policy.route(position));
        let read = |bytes| Head::read(bytes, policy.original_path_header(), policy.verified_header());
        let head = replay.serialised().and_then(read);
        let (mut tried, mut signed) = (Vec::new(), None);
        if let (Some(route), Some(head)) = (route, &head)
            && is_about_urls(verdict.decision)
        {
            (tried, signed) = urls::of(route, head, &captured.body, &replay);
        }
        if verdict.reason() != Some(Reason::SignatureMismatch) {
            tried.clear();
        }
        Self {
            request: request(captured, setting, head.as_ref()),
            decision: verdict.decision,
            route: route_label(policy, verdict).to_owned(),
            key: match verdict.decision {
                Decision::Allowed { key } => {
                    route.and_then(|route| Some(key.label(route.keys())?.into_owned()))
                }
                _ => found.as_ref().and_then(|found| found.key().map(str::to_owned)),
            },
            signed: signed.or_else(|| found.as_ref().and_then(filter::Explanation::url).map(shown)),
            found,
            tried,
            notes: captured.notes.clone(),
        }
    }

    /// Adds something that the reader should know.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Returns whether the request was verified.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        matches!(self.decision, Decision::Allowed { .. })
    }

    /// Returns the explanation as text, a fact a line.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{name}: {value}");
        };
        line("request", &self.request);
        line("verdict", &words(self.decision));
        line("route", &self.route);
        match (&self.found, self.decision.reason()) {
            (Some(found), _) => {
                let (cause, setting) = (found.cause(), found.cause().setting());
                // As in the log: where a key is known, the signature fits it.
                let fits = if found.key().is_some() { "the signature fits " } else { "" };
                let scheme = if found.other_scheme() { " and the other scheme" } else { "" };
                line("cause", &format!("{}: {fits}{}{scheme}", cause.label(), cause.text()));
                for (name, value) in found.detail().iter().flat_map(|detail| detail.fields()) {
                    line(&name.replace('_', " "), or_hidden(&value));
                }
                line("setting", &format!("{}: {}", setting.label(), setting.remedy()));
            }
            (None, Some(reason)) => line("look at", reason.hint()),
            (None, None) => {}
        }
        if let Some(key) = &self.key {
            line("key", key);
        }
        if let Some(signed) = &self.signed {
            line("signed for", signed);
        }
        for url in &self.tried {
            line("tried", url);
        }
        for note in &self.notes {
            line("note", note);
        }
        text
    }
}

/// Returns whether the decision was reached by trying URLs.
fn is_about_urls(decision: Decision) -> bool {
    match decision {
        Decision::Allowed { .. } => true,
        Decision::Denied(reason) | Decision::Reported(reason) => match reason {
            Reason::SignatureMismatch | Reason::BodyHashMismatch => true,
            Reason::BodyTooLarge
            | Reason::MalformedSignature
            | Reason::MisplacedFilter
            | Reason::MissingSignature
            | Reason::NoRoute
            | Reason::UnknownKey
            | Reason::UnsignedBody
            | Reason::Unverifiable => false,
        },
        Decision::Passed | Decision::PassedSigned | Decision::Incomplete => false,
    }
}

fn words(decision: Decision) -> String {
    match decision {
        Decision::Allowed { .. } => "allowed, the signature fits".to_owned(),
        Decision::Denied(reason) => {
            format!("denied, {reason}: the client is answered {}", Reply::to(reason).status)
        }
        Decision::Reported(reason) => {
            format!("reported, {reason}: it goes on, and in mode enforce would be denied")
        }
        Decision::Passed | Decision::PassedSigned => "passed, and not verified".to_owned(),
        Decision::Incomplete => "incomplete".to_owned(),
    }
}

fn request(captured: &Captured, setting: &Setting, head: Option<&Head>) -> String {
    let scheme = if captured.tls.unwrap_or(setting.tls) { "https" } else { "http" };
    let authority = captured.authority.as_deref().unwrap_or_default();
    let url = [scheme.as_bytes(), b"://", authority, &captured.target].concat();
    let body = match captured.body.len() {
        0 => "no body".to_owned(),
        size => {
            let kind = if head.is_some_and(Head::is_form) { "a form" } else { "a body that is no form" };
            format!("{kind} of {size} byte{}", if size == 1 { "" } else { "s" })
        }
    };
    format!("{} {}, {body}", shown(&captured.method), shown(&url))
}
