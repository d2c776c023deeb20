//! What looking for the cause of a mismatch adds to a flood of forged requests.

use std::time::Duration;

use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary};

use crate::contender::{explaining_filter, start, this_filter};
use crate::load::{CONNECTIONS, Limit, burst};
use crate::process::cpu_micros;
use crate::webhooks::forged;

const ROUNDS: usize = 15;

/// How many times the processor time of a forged request with `explain` that without it is: by the least figures of all
/// rounds, and by the medians.
pub(crate) struct Flood {
    pub(crate) least: f64,
    pub(crate) median: f64,
}

pub(crate) fn measure(binary: &EnvoyBinary, upstream: u16) -> Flood {
    eprintln!("bench: a flood with and without explain");
    let envoys = [this_filter(), explaining_filter()].map(|filter| start(binary, upstream, Some(filter), 1));
    let mut costs = [const { Vec::new() }; 2];
    // The first round is for the just-in-time compilers.
    for round in 0..=ROUNDS {
        for (envoy, costs) in envoys.iter().zip(&mut costs) {
            let cost = cost(envoy);
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    costs.iter_mut().for_each(|costs| costs.sort_unstable_by(f64::total_cmp));
    let [without, with] = costs;
    Flood { least: with[0] / without[0], median: with[ROUNDS / 2] / without[ROUNDS / 2] }
}

fn cost(envoy: &Envoy) -> f64 {
    let before = cpu_micros(envoy.pid());
    let limit = Limit { time: Duration::from_millis(500), requests: 100_000 };
    let burst = burst(envoy.listener_port("main"), &forged().bytes, CONNECTIONS, limit);
    assert_eq!(burst.status, 403);
    std::thread::sleep(Duration::from_millis(5));
    (cpu_micros(envoy.pid()) - before) / burst.latencies.len() as f64
}
