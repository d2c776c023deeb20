//! Whether the cost grows with the number of parameters and no faster.

use std::time::Duration;

use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary};

use crate::contender::{start, this_filter};
use crate::load::{Limit, burst};
use crate::process::cpu_micros;
use crate::webhooks::descending;

const COUNTS: [usize; 6] = [1, 10, 100, 1_000, 5_000, 20_000];
const ROUNDS: usize = 7;

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
            row.alone = row.alone.min(cost(&alone, &backwards));
            row.backwards = row.backwards.min(cost(&filtered, &backwards));
            row.one_name = row.one_name.min(cost(&filtered, &one_name));
        }
        row
    };
    COUNTS.map(row).into()
}

fn cost(envoy: &Envoy, request: &[u8]) -> f64 {
    let before = cpu_micros(envoy.pid());
    let limit = Limit { time: Duration::from_millis(200), requests: 10_000 };
    let burst = burst(envoy.listener_port("main"), request, 1, limit);
    assert_eq!(burst.status, 200);
    std::thread::sleep(Duration::from_millis(5));
    (cpu_micros(envoy.pid()) - before) / burst.latencies.len() as f64
}
