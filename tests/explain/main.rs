//! What is found out about a denied request: each mistake, the line that names it, and the remedy.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect is to fail at once"
)]

mod bodies;
mod bounds;
mod elsewhere;
mod keys;
mod no_route;
mod queries;
mod readings;
#[path = "../support/mod.rs"]
mod support;
mod urls;

use std::rc::Rc;

use support::{End, FakeProxy, Request, words};
use twilio_proxy_wasm::explain::Explanation;
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::record::log_line;

/// The verdict on a request, and what is found out about it.
fn explain(policy: &Rc<Policy>, request: &Request) -> (String, Option<Explanation>) {
    let proxy = FakeProxy::of(request);
    let (_, mut exchange) = request.exchange(policy, &proxy, &[], End::Headers);
    let (verdict, evidence) = exchange.take_verdict().unwrap();
    assert_eq!(Some(verdict), exchange.verdict());
    assert!(exchange.take_verdict().is_none());
    let explain = || evidence.as_ref().and_then(|evidence| evidence.explain(policy, &proxy));
    let explanation = explain();
    assert_eq!(explain(), explanation);
    (words(exchange.verdict()), explanation)
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
    let (words, explanation) = explain(policy, request);
    assert_eq!(words, verdict);
    let explanation = explanation.unwrap_or_else(|| panic!("nothing was found, not {line}"));
    let text = explanation.to_string();
    assert!(text.starts_with(&format!("{line}: ")), "{text}\nnot {line}");
    let judged = request.send(policy, &[], End::Headers).1.unwrap();
    let logged = log_line(policy, judged, Some(&explanation), 0).unwrap();
    let verb = verdict.split(' ').next().unwrap();
    let route = policy.route(judged.route.unwrap()).unwrap().name();
    let reason = judged.reason().unwrap();
    assert_eq!(logged, format!("twilio_webhook: {verb} route={route} reason={reason} {text}"));
    holds_nothing_of(request, &logged);
    let (policy, request) = remedied;
    let (words, explanation) = explain(policy, request);
    assert!(words.starts_with("allowed "), "with the remedy of {line}: {words}, {explanation:?}");
    assert_eq!(explanation, None);
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
            let is_vocabulary = word.len() < 4
                || ["http", "https", "bodySHA256", "AccountSid", "Body", "host"].contains(&word);
            assert!(is_vocabulary || !line.contains(word), "{word:?} of the request is in the line: {line}");
        }
    }
    assert!(!line.contains(support::TOKEN));
}

/// A request that arrives as it does, signed for this URL.
fn signed(request: Request, url: &str) -> Request {
    request.signature(&support::sign::sha1(support::TOKEN, url, &[]))
}
