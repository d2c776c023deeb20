//! What is found out about a denied request: each mistake, the line that names it, and the remedy.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect is to fail at once"
)]

mod bounds;
mod keys;
#[path = "../support/mod.rs"]
mod support;
mod urls;

use std::rc::Rc;

use support::{End, FakeProxy, Request, words};
use twilio_proxy_wasm::config::Policy;
use twilio_proxy_wasm::explain::Finding;
use twilio_proxy_wasm::record::log_line;

/// The verdict on a request, and what is found out about it.
fn explain(policy: &Rc<Policy>, request: &Request) -> (String, Option<Finding>) {
    let proxy = FakeProxy::of(request);
    let (_, mut exchange) = request.exchange(policy, &proxy, &[], End::Headers);
    let conclusion = exchange.take_conclusion().unwrap();
    assert_eq!(Some(conclusion.outcome), exchange.outcome());
    assert!(exchange.take_conclusion().is_none());
    let finding = conclusion.explain(policy, &proxy);
    assert_eq!(conclusion.explain(policy, &proxy), finding);
    (words(exchange.outcome()), finding)
}

/// The request is denied for this reason, the line begins with this cause and setting, and holds nothing of the
/// request; and with the remedy the request passes.
#[track_caller]
fn finds(
    policy: &Rc<Policy>,
    request: &Request,
    verdict: &str,
    line: &str,
    remedied: (&Rc<Policy>, &Request),
) {
    let (words, finding) = explain(policy, request);
    assert_eq!(words, verdict);
    let finding = finding.unwrap_or_else(|| panic!("nothing was found, not {line}"));
    let text = finding.to_string();
    assert!(text.starts_with(&format!("{line}: ")), "{text}\nnot {line}");
    let outcome = request.send(policy, &[], End::Headers).1.unwrap();
    let logged = log_line(policy, outcome, Some(&finding), 0).unwrap();
    let verb = verdict.split(' ').next().unwrap();
    let route = policy.route(outcome.route.unwrap()).unwrap().name();
    let reason = outcome.verdict.reason().unwrap();
    assert_eq!(logged, format!("twilio_webhook: {verb} route={route} reason={reason} {text}"));
    holds_nothing_of(request, &logged);
    let (policy, request) = remedied;
    let (words, finding) = explain(policy, request);
    assert!(words.starts_with("allowed "), "with the remedy of {line}: {words}, {finding:?}");
    assert_eq!(finding, None);
}

/// Every word of the request that is not a word of the lines themselves is missing from the line.
#[track_caller]
fn holds_nothing_of(request: &Request, line: &str) {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let values = request.headers.iter().filter(|(name, _)| {
        !["connection", "upgrade", "x-twilio-webhooks-signature-settings"].contains(&name.as_str())
    });
    let values = values.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).chain([body]);
    for value in values {
        for word in value.split(['/', '?', '&', '=', ' ', ':', ';', ',', '.']) {
            let is_vocabulary =
                word.len() < 4 || ["http", "https", "bodySHA256", "AccountSid"].contains(&word);
            assert!(is_vocabulary || !line.contains(word), "{word:?} of the request is in the line: {line}");
        }
    }
    assert!(!line.contains(support::TOKEN));
}

/// A request that arrives as it does, signed for this URL.
fn signed(request: Request, url: &str) -> Request {
    request.signature(&support::sign::sha1(support::TOKEN, url, &[]))
}
