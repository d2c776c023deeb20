//! Whether the cost grows with the number of parameters and no faster.

use std::time::Duration;

use twilio_proxy_wasm_harness::envoy::EnvoyBinary;

use crate::contender::{start, this_filter};
use crate::load::Limit;
use crate::turns::cost;
use crate::webhooks::descending;

const COUNTS: [usize; 6] = [1, 10, 100, 1_000, 5_000, 20_000];
const ROUNDS: usize = 7;
const LIMIT: Limit = Limit { time: Duration::from_millis(200), requests: 10_000 };

/// The processor time of the proxy per request, in microseconds: the least of some rounds.
pub(crate) struct Row {
    pub(crate) parameters: usize,
    pub(crate) bytes: usize,
    /// Without the filter.
    pub(crate) alone: f64,
    /// Names that differ and come sorted backwards.
    pub(crate) backwards: f64,
    /// One name, with values that come sorted backwards.
    pub(crate) one_name: f64,
}

pub(crate) fn measure(binary: &EnvoyBinary, upstream: u16) -> Vec<Row> {
    eprintln!("bench: scaling");
    let alone = start(binary, upstream, None, 1);
    let filtered = start(binary, upstream, Some(this_filter()), 1);
    let row = |parameters| {
        let [backwards, one_name] = [false, true].map(|one_name| descending(parameters, one_name).bytes);
        let mut row = Row {
            parameters,
            bytes: backwards.len(),
            alone: f64::INFINITY,
            backwards: f64::INFINITY,
            one_name: f64::INFINITY,
        };
        for _ in 0..ROUNDS {
            row.alone = row.alone.min(cost((&alone, &backwards, 200), 1, LIMIT));
            row.backwards = row.backwards.min(cost((&filtered, &backwards, 200), 1, LIMIT));
            row.one_name = row.one_name.min(cost((&filtered, &one_name, 200), 1, LIMIT));
        }
        row
    };
    COUNTS.map(row).into()
}
