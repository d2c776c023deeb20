//! How long requests take that come at a fixed rate, whether or not the ones before them have been answered.
//!
//! Each request has a time at which it is due, and what is measured is the time from then to its answer: where the proxy
//! makes one wait, those that were to be sent meanwhile have waited too.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary};

use crate::contender::{explaining_filter, floor_filter, start, this_filter};
use crate::load::Connection;
use crate::webhooks::{Workload, forged, form_of, sms};

const CONNECTIONS: u32 = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
/// One forged request in so many.
const FORGED: u32 = 100;

/// A kind of load: its name, the request, how many a second, and whether some of them are forged.
struct Load {
    name: &'static str,
    request: Workload,
    rate: u32,
    has_forged: bool,
}

/// Returns a table.
pub(crate) fn table(binary: &EnvoyBinary, upstream: u16) -> String {
    eprintln!("bench: the tail");
    let loads = [
        Load { name: "1 KB", request: sms(), rate: 800, has_forged: false },
        Load { name: "200 KB", request: form_of(200_000), rate: 80, has_forged: false },
        Load {
            name: "1 KB, one in a hundred forged, with `explain`",
            request: sms(),
            rate: 800,
            has_forged: true,
        },
    ];
    let set_ups = [
        ("Envoy alone", None),
        ("a wasm filter that decides nothing", Some(floor_filter())),
        ("this filter", Some(this_filter())),
        ("this filter, `explain`", Some(explaining_filter())),
    ];
    let envoys: Vec<(&str, Envoy)> =
        set_ups.map(|(name, filter): (_, Option<Value>)| (name, start(binary, upstream, filter, 1))).into();
    let mut text = format!(
        "At a fixed rate on {CONNECTIONS} connections, {ROUNDS} rounds of {} s each, in microseconds:\n\n\
         | load | a second | | p50 | p99 | p99.9 | most |\n|---|---:|---|---:|---:|---:|---:|\n",
        ROUND.as_secs()
    );
    for load in &loads {
        let mut latencies = vec![Vec::new(); envoys.len()];
        // The first round is for the just-in-time compiler.
        for round in 0..=ROUNDS {
            for (at, (_, envoy)) in envoys.iter().enumerate() {
                let explains = at == envoys.len() - 1;
                if explains == load.has_forged || (at == 0 && load.has_forged) {
                    let measured = run(envoy.listener_port("main"), load);
                    if round > 0 {
                        latencies[at].extend(measured);
                    }
                }
            }
        }
        for ((name, _), mut latencies) in envoys.iter().zip(latencies) {
            if latencies.is_empty() {
                continue;
            }
            latencies.sort_unstable();
            let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_micros();
            let _ = writeln!(
                text,
                "| {} | {} | {name} | {} | {} | {} | {} |",
                load.name,
                load.rate,
                at(0.5),
                at(0.99),
                at(0.999),
                at(1.0)
            );
        }
    }
    text + "\n"
}

/// Sends one round, and returns how long each request took from when it was due.
fn run(port: u16, load: &Load) -> Vec<Duration> {
    let forged = forged();
    let interval = Duration::from_secs(1) * CONNECTIONS / load.rate;
    let start = Instant::now() + Duration::from_millis(20);
    let send_all = |number: u32| {
        let mut connection = Connection::open(port);
        let mut latencies = Vec::new();
        // The connections take turns.
        let mut due = start + interval * number / CONNECTIONS;
        for sent in 0.. {
            if due >= start + ROUND {
                break;
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let is_forged = load.has_forged && (sent * CONNECTIONS + number).is_multiple_of(FORGED);
            let status = connection.send(if is_forged { &forged.bytes } else { &load.request.bytes });
            assert!(status == 200 || (is_forged && status == 403), "{status}");
            latencies.push(due.elapsed());
            due += interval;
        }
        latencies
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..CONNECTIONS).map(|number| scope.spawn(move || send_all(number))).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("a connection that lasts")).collect()
    })
}
