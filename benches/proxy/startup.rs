//! How long the module takes to load, and what each further worker's VM takes of memory.

use std::time::{Duration, Instant};

use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary};
use twilio_proxy_wasm_harness::sample::module;

use crate::contender::{floor_filter, start, this_filter};
use crate::load::{Limit, burst};
use crate::webhooks::sms;

const ROUNDS: usize = 9;
/// Few and many worker threads.
const WORKERS: [u32; 2] = [1, 9];

/// Figures of Envoy alone, with the floor, and with this filter.
pub(crate) struct Startup {
    pub(crate) module_bytes: u64,
    /// Milliseconds from the start of the process until it is ready, to within the 5 of the harness' polling: least and median.
    pub(crate) milliseconds: [(f64, f64); 3],
    /// Kilobytes of memory for each further worker, with connections and requests on each: the median.
    pub(crate) kilobytes_per_worker: [f64; 3],
}

pub(crate) fn measure(binary: &EnvoyBinary, upstream: u16) -> Startup {
    eprintln!("bench: start and memory");
    let filters = [None, Some(floor_filter()), Some(this_filter())];
    let (mut times, mut sizes) = ([const { Vec::new() }; 3], [const { Vec::new() }; 3]);
    for _ in 0..ROUNDS {
        for (at, filter) in filters.iter().enumerate() {
            let [few, many] = WORKERS.map(|workers| {
                let begin = Instant::now();
                let envoy = start(binary, upstream, filter.clone(), workers);
                if workers == 1 {
                    times[at].push(begin.elapsed().as_secs_f64() * 1e3);
                }
                used(&envoy)
            });
            sizes[at].push((many - few) / f64::from(WORKERS[1] - WORKERS[0]));
        }
    }
    Startup {
        module_bytes: std::fs::metadata(module()).expect("the module").len(),
        milliseconds: times.map(least_and_median),
        kilobytes_per_worker: sizes.map(|sizes| least_and_median(sizes).1),
    }
}

/// Returns the least of some figures, and the median.
pub(crate) fn least_and_median(mut figures: Vec<f64>) -> (f64, f64) {
    figures.sort_unstable_by(f64::total_cmp);
    (figures[0], figures[figures.len() / 2])
}

/// Returns the memory in kilobytes after some requests on many connections, which fall on all workers.
pub(crate) fn used(envoy: &Envoy) -> f64 {
    let limit = Limit { time: Duration::from_millis(500), requests: 2_000 };
    let burst = burst(envoy.listener_port("main"), &sms().bytes, 64, limit);
    assert_eq!(burst.status, 200);
    (envoy.resident() / 1024) as f64
}
