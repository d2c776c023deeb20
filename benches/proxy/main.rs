//! `make bench`: what a webhook costs, in six set-ups side by side on one machine.
//!
//! ```text
//! proxy              measures all, prints it and writes it into docs/benchmarks.md and docs/benchmarks.svg
//! proxy floor        how near to the sandbox's floor it is, alone
//! proxy tokens       what a token costs that may change while Envoy serves, alone
//! proxy plugins      memory and start with many plugins alone
//! proxy tail         latencies at a fixed rate alone
//! proxy memory       memory after 100 000 and after 1 000 000 requests alone
//! ```
//!
//! `BENCH_ROUNDS` (25) is how many bursts each set-up gets with each request, `BENCH_MILLISECONDS` (250) how long one is.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    missing_docs,
    reason = "a benchmark that meets what it does not expect is to fail at once"
)]

mod contender;
mod explain;
mod figures;
mod floor;
mod load;
mod memory;
mod page;
mod plot;
mod plugins;
mod process;
mod scaling;
mod startup;
mod tail;
mod tokens;
mod turns;
mod upstream;
mod webhooks;

use std::time::Duration;

use figures::{Measured, Sample};
use load::{CONNECTIONS, Limit};
use twilio_proxy_wasm_harness::envoy::versions;

fn main() {
    let binary = versions().pop().expect("an Envoy to run");
    let upstream = upstream::start();
    match std::env::args().nth(1).as_deref() {
        Some("tokens") => return print!("{}", page::tokens(&tokens::measure(&binary, upstream))),
        Some("floor") => return print!("{}", floor::table(&binary, upstream)),
        Some("plugins") => return print!("{}", plugins::table(&binary, upstream)),
        Some("tail") => return print!("{}", tail::table(&binary, upstream)),
        _ => {}
    }
    // Cargo passes an argument of its own to every benchmark.
    if !std::env::args().any(|argument| argument == "memory") {
        let all = page::All {
            measured: measure(&contender::all(&binary, upstream)),
            floor: floor::table(&binary, upstream),
            flood: explain::measure(&binary, upstream),
            tokens: tokens::measure(&binary, upstream),
            scaling: scaling::measure(&binary, upstream),
            startup: startup::measure(&binary, upstream),
            plugins: plugins::table(&binary, upstream),
            tail: tail::table(&binary, upstream),
        };
        plot::write(&all.measured);
        print!("{}", page::side_by_side(&binary.version, &all));
    }
    print!("{}", page::memory(&binary.version, &memory::measure(&binary, upstream)));
}

/// Lets each contender have each request, in short rounds that take turns: what else the machine does then falls on
/// all of them alike.
fn measure(contenders: &[contender::Contender]) -> Measured {
    let rounds = number("BENCH_ROUNDS", 25);
    let limit = Limit { time: milliseconds(), requests: 100_000 };
    let mut measured = Measured::new(contenders, webhooks::all());
    // The just-in-time compilers of V8, in Envoy as in Node.js, take some thousand requests for the last word.
    for contender in contenders {
        for workload in &measured.workloads {
            let time =
                if workload.name == "SMS" { Duration::from_secs(2) } else { Duration::from_millis(700) };
            let requests = number("BENCH_WARM_UP", 20_000);
            let _ = load::burst(contender.port(), &workload.bytes, CONNECTIONS, Limit { time, requests });
        }
    }
    for round in 0..rounds {
        eprintln!("bench: round {} of {rounds}", round + 1);
        for at in 0..measured.workloads.len() {
            for turn in 0..contenders.len() {
                let turn = (turn + round) % contenders.len();
                let sample = sample(&contenders[turn], &measured.workloads[at], limit);
                measured.note(turn, at, sample);
            }
        }
    }
    measured
}

fn sample(contender: &contender::Contender, workload: &webhooks::Workload, limit: Limit) -> Sample {
    let before = contender.cpu_micros();
    let burst = load::burst(contender.port(), &workload.bytes, CONNECTIONS, limit);
    // What follows the last answer belongs to it.
    std::thread::sleep(Duration::from_millis(5));
    let after = contender.cpu_micros();
    assert_eq!(burst.status, contender.status(workload), "{} with {}", contender.name, workload.name);
    Sample::new(&burst, (after.0 - before.0, after.1 - before.1))
}

fn milliseconds() -> Duration {
    Duration::from_millis(number("BENCH_MILLISECONDS", 250) as u64)
}

/// Returns a number from the environment.
fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}
