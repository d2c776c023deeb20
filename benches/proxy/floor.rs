//! How near to the sandbox's floor a request is: one that is verified, and those that are on no route.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::envoy::EnvoyBinary;

use crate::contender::{floor_filter, plugin, start, this_filter};
use crate::load::Limit;
use crate::turns::Turns;
use crate::webhooks::{TOKEN, Workload, other, sms};

/// V8 compiles a function for good when it has run some ten thousand times.
const TURNS: Turns = Turns {
    warm_up: Limit { time: Duration::from_secs(60), requests: 100_000 },
    rounds: 25,
    time: Duration::from_millis(250),
};

/// Returns a table.
pub(crate) fn table(binary: &EnvoyBinary, upstream: u16) -> String {
    let rows = measure(binary, upstream);
    let mut text = String::from(
        "| CPU per request | µs, least | median | of the floor, by the least | by the medians | aim |\n\
         |---|---:|---:|---:|---:|---:|\n",
    );
    // Each request with the filter that decides nothing comes before those that are compared with it.
    let mut floor = [1.0, 1.0];
    for Row { name, costs: [least, median], aim } in rows {
        let Some(aim) = aim else {
            floor = [least, median];
            let _ = writeln!(text, "| {name} | {least:.1} | {median:.1} | 1 | 1 | |");
            continue;
        };
        let (by_least, by_median) = (least / floor[0], median / floor[1]);
        let _ = writeln!(
            text,
            "| {name} | {least:.1} | {median:.1} | {by_least:.2} | {by_median:.2} | ≤ {aim} |"
        );
    }
    text + "\n"
}

/// A set-up with a request, and what one takes of processor time in microseconds: the least of all rounds, and the median.
struct Row {
    name: &'static str,
    costs: [f64; 2],
    /// How many times the floor it may take; `None` for the floor itself.
    aim: Option<f64>,
}

fn measure(binary: &EnvoyBinary, upstream: u16) -> Vec<Row> {
    eprintln!("bench: the floor");
    let set_ups: [(&str, Option<f64>, Value, Workload); 6] = [
        ("a wasm filter that decides nothing: an SMS", None, floor_filter(), sms()),
        ("this filter: an SMS, verified", Some(1.15), this_filter(), sms()),
        ("a wasm filter that decides nothing: another request", None, floor_filter(), other()),
        ("this filter: another request, on no route by its path", Some(1.05), this_filter(), other()),
        ("the same by its host", Some(1.05), by(&json!({ "hosts": ["twilio.example.com"] })), other()),
        ("the same by the proxy's route", Some(1.05), by(&json!({ "route_names": ["webhook"] })), other()),
    ];
    let envoys = set_ups
        .map(|(name, aim, filter, request)| (name, aim, start(binary, upstream, Some(filter), 1), request));
    let costs =
        TURNS.measure(envoys.each_ref().map(|(.., envoy, request)| (envoy, request.bytes.as_slice(), 200)));
    envoys.into_iter().zip(costs).map(|((name, aim, ..), costs)| Row { name, costs, aim }).collect()
}

fn by(part: &Value) -> Value {
    plugin(&json!({
        "explain": false,
        "unmatched": "allow",
        "routes": [{ "name": "sms", "match": part, "auth_tokens": [{ "value": TOKEN }] }],
    }))
}
