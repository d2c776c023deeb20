//! What a request costs in several set-ups that take turns.

use std::time::Duration;

use twilio_proxy_wasm_harness::envoy::Envoy;

use crate::load::{CONNECTIONS, Limit, burst};
use crate::process::cpu_micros;
use crate::startup::least_and_median;

/// A set-up: the proxy, the request, and the status that it owes it.
pub(crate) type SetUp<'a> = (&'a Envoy, &'a [u8], u16);

/// How often and how long each set-up has its turn.
#[derive(Clone, Copy)]
pub(crate) struct Turns {
    /// Before the first one, for the just-in-time compilers.
    pub(crate) warm_up: Limit,
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
}

/// Enough where set-ups differ by a tenth.
pub(crate) const FIFTEEN: Turns = Turns {
    warm_up: Limit { time: Duration::from_millis(500), requests: 100_000 },
    rounds: 15,
    time: Duration::from_millis(500),
};

impl Turns {
    /// Returns the processor time of a request in microseconds for each set-up: the least of all rounds, and the median.
    pub(crate) fn measure<const N: usize>(self, set_ups: [SetUp<'_>; N]) -> [[f64; 2]; N] {
        for set_up in set_ups {
            let _ = cost(set_up, CONNECTIONS, self.warm_up);
        }
        let mut costs = [const { Vec::new() }; N];
        for round in 0..self.rounds {
            // In another order each time.
            for turn in 0..N {
                let at = (turn + round) % N;
                costs[at].push(cost(set_ups[at], CONNECTIONS, Limit { time: self.time, requests: 100_000 }));
            }
        }
        costs.map(|costs| least_and_median(costs).into())
    }
}

/// Returns the processor time of a request in microseconds, by one burst.
pub(crate) fn cost((envoy, request, status): SetUp<'_>, connections: usize, limit: Limit) -> f64 {
    let before = cpu_micros(envoy.pid());
    let burst = burst(envoy.listener_port("main"), request, connections, limit);
    assert_eq!(burst.status, status);
    // What follows the last answer belongs to it.
    std::thread::sleep(Duration::from_millis(5));
    (cpu_micros(envoy.pid()) - before) / burst.latencies.len() as f64
}
