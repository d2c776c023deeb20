//! The exchange: every way from the first callback to the last, as the proxy goes it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect is to fail at once"
)]

mod calls;
mod changing;
mod ends;
mod gate;
mod keys;
mod matching;
mod memory;
mod misplaced;
mod modes;
mod neighbours;
mod order;
mod paths;
mod rules;
mod side_effects;
#[path = "../support/mod.rs"]
mod support;
mod upgrades;
mod whole;

use std::rc::Rc;

use support::{FakeProxy, Request, words};
use twilio_proxy_wasm::exchange::{Exchange, Step};
use twilio_proxy_wasm::metrics;
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::record;

/// Plays a script and compares each answer with the one that stands behind the colon.
///
/// | line | meaning |
/// |---|---|
/// | `headers`, `headers end` | the headers are here; `end`: nothing follows |
/// | `body TEXT`, `body TEXT end` | a piece of the body is here, `-` for an empty one |
/// | `size N`, `size N end` | so many bytes are said to be here, whatever is |
/// | `trailers`, `tick`, `response DETAILS`, `response DETAILS STATUS` | these callbacks |
/// | `received N`, `upstream` | from here on so many bytes have come in; an upstream is chosen |
/// | `over` | the request is over |
/// | `recorded` | what is to be recorded now |
/// | `watched` | whether the proxy is to tick |
/// | `verdict` | what has been decided |
/// | `gate` | what the proxy's routes are told, if there is something to tell them now |
#[track_caller]
fn play(policy: &Rc<Policy>, request: &Request, script: &str) {
    play_on(policy, &FakeProxy::of(request), true, script);
}

#[track_caller]
fn play_on(policy: &Rc<Policy>, proxy: &FakeProxy, watches: bool, script: &str) {
    let mut stage =
        Stage { exchange: Exchange::new(Rc::clone(policy), Rc::default(), watches), proxy, passes: false };
    let lines: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut decided = None;
    let played: Vec<String> = lines.iter().map(|line| stage.line(policy, line, &mut decided)).collect();
    assert_eq!(played, lines);
}

struct Stage<'a> {
    exchange: Exchange,
    proxy: &'a FakeProxy,
    /// Whether the last piece of the body went on, so that the proxy no longer holds it.
    passes: bool,
}

impl Stage<'_> {
    fn line(&mut self, policy: &Policy, line: &str, decided: &mut Option<String>) -> String {
        let event = line.split(": ").next().unwrap();
        let told: Vec<&str> = event.split(' ').collect();
        let ends = told.last() == Some(&"end");
        let (exchange, proxy) = (&mut self.exchange, self.proxy);
        let step = match told[0] {
            "headers" => exchange.on_headers(ends, proxy),
            "body" => {
                let mut body = proxy.body.borrow_mut();
                if self.passes {
                    body.clear();
                }
                body.extend(told[1].bytes().filter(|byte| *byte != b'-'));
                let size = body.len();
                drop(body);
                exchange.on_body(size, ends, proxy)
            }
            "size" => exchange.on_body(told[1].parse().unwrap(), ends, proxy),
            "trailers" => exchange.on_trailers(proxy),
            "tick" => exchange.on_tick(proxy),
            "over" => {
                exchange.on_end(proxy);
                Step::Continue
            }
            "recorded" => {
                let verdict = exchange.take_verdict().map(|(verdict, _)| verdict);
                return format!("recorded: {}", words(verdict));
            }
            "response" => {
                proxy.details.set(told[1].to_owned().leak());
                proxy.status.set(told.get(2).map(|status| status.parse().unwrap()));
                exchange.on_response(proxy)
            }
            "received" => {
                proxy.received.set(Some(told[1].parse().unwrap()));
                return event.to_owned();
            }
            "upstream" => {
                proxy.has_upstream.set(true);
                return event.to_owned();
            }
            "watched" => return format!("watched: {}", exchange.is_watched()),
            "verdict" => return format!("verdict: {}", words(exchange.verdict())),
            "gate" => {
                let pass = exchange.take_pass();
                let state = pass.map_or_else(|| "shut".to_owned(), |pass| record::gate_state(policy, pass));
                return format!("gate: {state}");
            }
            _ => panic!("no such line: {line}"),
        };
        if told[0] == "body" || told[0] == "size" {
            self.passes = step == Step::Continue;
        }
        if let Some(verdict) = exchange.verdict() {
            // What holds of every verdict: it does not change, and it has a counter, a line and a label.
            assert!(
                metrics::verdicts(policy).iter().any(|known| metrics::slot(*known) == metrics::slot(verdict))
            );
            assert_eq!(record::log_line(policy, verdict, None, 0).is_some(), verdict.reason().is_some());
            let now = record::filter_state(policy, verdict);
            assert_eq!(decided.get_or_insert_with(|| now.clone()), &now);
        }
        let answer = match step {
            Step::Continue => "continue".to_owned(),
            Step::Hold => "hold".to_owned(),
            Step::Reply(reply) => {
                format!("{} {}", reply.status, reply.details.strip_prefix("twilio_webhook_").unwrap())
            }
        };
        format!("{event}: {answer}")
    }
}

/// Sends each request and compares its verdict with the one that stands beside it.
#[track_caller]
fn verdicts(policy: &Rc<Policy>, table: &[(&str, Request, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .map(|(name, request, expected)| (name, request.verdict(policy), expected))
        .filter(|(_, got, expected)| got != *expected)
        .map(|(name, got, expected)| format!("{name}: {got}, not {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
