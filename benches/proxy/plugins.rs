//! What many plugins in one proxy take: of memory, and of time until the proxy is ready.

use std::fmt::Write as _;
use std::time::Instant;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::envoy::EnvoyBinary;

use crate::contender::{floor_filter, plugin, start_chain, this_filter};
use crate::startup::{least_and_median, used};
use crate::webhooks::TOKEN;

const WORKERS: u32 = 8;
const COUNTS: [usize; 2] = [10, 50];
const ROUNDS: usize = 5;

/// A set-up: how long it took to be ready, in milliseconds, and what it took of memory then, in megabytes; the medians.
struct Row {
    name: String,
    ready: f64,
    resident: f64,
}

/// Returns a table.
pub(crate) fn table(binary: &EnvoyBinary, upstream: u16) -> String {
    eprintln!("bench: many plugins");
    let mut rows = vec![
        measure(binary, upstream, "none", &[]),
        measure(binary, upstream, "a wasm filter that decides nothing", &[floor_filter()]),
        measure(binary, upstream, "1 plugin", &[this_filter()]),
    ];
    for count in COUNTS {
        for (vm_ids, how) in [(1, "one virtual machine for all"), (count, "a virtual machine for each")] {
            let filters: Vec<Value> = (0..count).map(|number| numbered(number, number % vm_ids)).collect();
            rows.push(measure(binary, upstream, &format!("{count} plugins, {how}"), &filters));
        }
    }
    let mut text = format!(
        "With {WORKERS} workers, when each has served requests:\n\n| | resident, MB | ready after, ms |\n|---|---:|---:|\n"
    );
    for Row { name, ready, resident } in rows {
        let _ = writeln!(text, "| {name} | {resident:.1} | {ready:.0} |");
    }
    text + "\n"
}

/// The first one judges what the load sends; the others have routes of their own.
fn numbered(number: usize, vm_id: usize) -> Value {
    if number == 0 {
        return in_vm(this_filter(), vm_id);
    }
    let filter = plugin(&json!({
        "explain": false,
        "unmatched": "allow",
        "routes": [{
            "name": format!("team-{number}"),
            "match": { "path": { "prefix": format!("/team-{number}") } },
            "auth_tokens": [{ "value": TOKEN }],
        }],
    }));
    in_vm(filter, vm_id)
}

/// Plugins of one module share a virtual machine where its name is the same.
fn in_vm(mut filter: Value, vm_id: usize) -> Value {
    filter["typed_config"]["config"]["vm_config"]["vm_id"] = json!(vm_id.to_string());
    filter
}

fn measure(binary: &EnvoyBinary, upstream: u16, name: &str, filters: &[Value]) -> Row {
    let (mut times, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let envoy = start_chain(binary, upstream, filters.to_vec(), WORKERS);
        times.push(begin.elapsed().as_secs_f64() * 1e3);
        sizes.push(used(&envoy) / 1024.0);
    }
    let [ready, resident] = [times, sizes].map(|figures| least_and_median(figures).1);
    Row { name: name.to_owned(), ready, resident }
}
