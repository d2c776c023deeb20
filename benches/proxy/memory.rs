//! Whether memory stays where it is, however many requests there are.

use std::time::Duration;

use twilio_proxy_wasm_harness::envoy::EnvoyBinary;

use crate::contender::{start, this_filter};
use crate::load::{CONNECTIONS, Limit, burst};
use crate::webhooks;

const STEPS: [usize; 5] = [1_000, 100_000, 250_000, 500_000, 1_000_000];

/// After so many requests, so many kilobytes resident and so many bytes allocated by Envoy itself.
pub(crate) struct Row {
    pub(crate) requests: usize,
    pub(crate) resident_kb: u64,
    pub(crate) allocated: u64,
}

pub(crate) fn measure(binary: &EnvoyBinary, upstream: u16) -> Vec<Row> {
    let envoy = start(binary, upstream, Some(this_filter()), 1);
    let port = envoy.listener_port("main");
    let workloads = webhooks::all();
    let mut sent = 0;
    let step = |requests: usize| {
        // Of each hundred requests, two are large: as many as make the heap move, and the run still end.
        let hundreds = (requests - sent) / 100;
        for workload in &workloads {
            let large = workload.bytes.len() > 10_000;
            let share = if large { hundreds } else { hundreds * 98 / 3 };
            let limit = Limit { time: Duration::from_secs(1_800), requests: share };
            let _ = burst(port, &workload.bytes, CONNECTIONS, limit);
        }
        sent = requests;
        // What Envoy frees late is to be free.
        std::thread::sleep(Duration::from_secs(6));
        eprintln!("bench: {requests} requests, {} KB", envoy.resident() / 1024);
        Row { requests, resident_kb: envoy.resident() / 1024, allocated: envoy.memory() }
    };
    STEPS.map(step).into()
}
