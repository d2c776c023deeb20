//! What the filter makes of a captured request, and why: the same code that runs in the proxy.

mod keys;
mod proxy;
mod urls;

pub use keys::{Lookup, policy};
pub use proxy::Setting;

use std::fmt::Write as _;
use std::rc::Rc;

use twilio_proxy_wasm::config::Policy;
use twilio_proxy_wasm::exchange::Exchange;
use twilio_proxy_wasm::explain::Finding;
use twilio_proxy_wasm::record::route_label;
use twilio_proxy_wasm::reply::Reply;
use twilio_proxy_wasm::request::Head;
use twilio_proxy_wasm::verdict::{Outcome, Reason, Verdict};

use crate::capture::Captured;
use crate::check::or_hidden;
use proxy::Replay;

/// The verdict on a request, and what led to it.
#[derive(Debug)]
pub struct Explanation {
    request: String,
    verdict: Verdict,
    route: String,
    key: Option<String>,
    finding: Option<Finding>,
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
        if exchange.outcome().is_none() {
            exchange.on_body(body, true, &replay);
        }
        // Without a verdict nothing is let through.
        let none = Outcome { route: None, verdict: Verdict::Denied(Reason::Unverifiable) };
        let outcome = exchange.outcome().unwrap_or(none);
        let finding = exchange.take_conclusion().and_then(|conclusion| conclusion.explain(policy, &replay));
        let route = outcome.route.and_then(|position| policy.route(position));
        let read = |bytes| Head::read(bytes, policy.original_path_header(), policy.verified_header());
        let head = replay.serialised().and_then(read);
        let (mut tried, mut signed) = (Vec::new(), None);
        if let (Some(route), Some(head)) = (route, &head)
            && is_about_urls(outcome.verdict)
        {
            (tried, signed) = urls::of(route, head, &captured.body, setting.listener_port);
        }
        if outcome.verdict.reason() != Some(Reason::SignatureMismatch) {
            tried.clear();
        }
        Self {
            request: request(captured, setting, head.as_ref()),
            verdict: outcome.verdict,
            route: route_label(policy, outcome).to_owned(),
            key: match outcome.verdict {
                Verdict::Allowed { key } => {
                    route.and_then(|route| Some(route.keys().get(key)?.label().to_owned()))
                }
                _ => finding.as_ref().and_then(|finding| finding.key().map(str::to_owned)),
            },
            signed: signed.or_else(|| finding.as_ref().and_then(Finding::url).map(shown)),
            finding,
            tried,
            notes: captured.notes.clone(),
        }
    }

    /// Adds something that the reader should know.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Whether the request was verified.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        matches!(self.verdict, Verdict::Allowed { .. })
    }

    /// All of it as text, a fact a line.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{name}: {value}");
        };
        line("request", &self.request);
        line("verdict", &verdict(self.verdict));
        line("route", &self.route);
        match (&self.finding, self.verdict.reason()) {
            (Some(finding), _) => {
                let (cause, setting) = (finding.cause(), finding.cause().setting());
                // As in the log: where a key is known, the signature fits it.
                let fits = if finding.key().is_some() { "the signature fits " } else { "" };
                let scheme = if finding.other_scheme() { " and the other scheme" } else { "" };
                line("cause", &format!("{}: {fits}{}{scheme}", cause.label(), cause.text()));
                if let Some(header) = finding.header() {
                    line("header", header);
                }
                if let Some(route) = finding.reads_as() {
                    line("reads as", or_hidden(route));
                }
                line("setting", format!("{}: {}", setting.label(), setting.remedy()).trim_end_matches(": "));
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

/// Whether URLs have been tried.
fn is_about_urls(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Allowed { .. } => true,
        Verdict::Denied(reason) | Verdict::Reported(reason) => {
            matches!(reason, Reason::SignatureMismatch | Reason::BodyHashMismatch)
        }
        Verdict::Passed => false,
    }
}

fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Allowed { .. } => "allowed, the signature fits".to_owned(),
        Verdict::Denied(reason) => {
            format!("denied, {reason}: the client is answered {}", Reply::to(reason).status)
        }
        Verdict::Reported(reason) => {
            format!("reported, {reason}: it goes on, and in mode enforce would be denied")
        }
        Verdict::Passed => "passed, and not verified".to_owned(),
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

/// Bytes of a request as a terminal may be given them.
fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            // Characters that are not seen, or that turn the line round, are none to be printed as they are.
            let is_plain = character == ' ' || character.is_ascii_graphic() || character.is_alphanumeric();
            if is_plain {
                text.push(character);
            } else {
                text.extend(character.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\x{byte:02x}")));
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}
