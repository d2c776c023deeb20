//! What looking for the cause of a mismatch adds to a flood of forged requests.

use twilio_proxy_wasm_harness::envoy::EnvoyBinary;

use crate::contender::{explaining_filter, start, this_filter};
use crate::turns::FIFTEEN;
use crate::webhooks::forged;

/// How many times the processor time of a forged request with `explain` that without it is: by the least figures of all
/// rounds, and by the medians.
pub(crate) struct Flood {
    pub(crate) least: f64,
    pub(crate) median: f64,
}

pub(crate) fn measure(binary: &EnvoyBinary, upstream: u16) -> Flood {
    eprintln!("bench: a flood with and without explain");
    let envoys = [this_filter(), explaining_filter()].map(|filter| start(binary, upstream, Some(filter), 1));
    let request = forged().bytes;
    let [without, with] = FIFTEEN.measure(envoys.each_ref().map(|envoy| (envoy, request.as_slice(), 403)));
    Flood { least: with[0] / without[0], median: with[1] / without[1] }
}
