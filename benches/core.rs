//! What the core costs natively, without a proxy and a sandbox around it: `cargo bench --bench core`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark that meets what it does not expect is to fail at once"
)]

mod workload;

use divan::Bencher;
use workload::Workload;

fn main() {
    divan::main();
}

fn run(bencher: Bencher<'_, '_>, workload: &Workload, allowed: bool) {
    assert_eq!(workload.verify(), allowed);
    bencher.bench_local(|| workload.verify());
}

#[divan::bench]
fn sms(bencher: Bencher<'_, '_>) {
    run(bencher, &Workload::sms(), true);
}

/// With a token that may change while the proxy serves.
#[divan::bench]
fn changing_sms(bencher: Bencher<'_, '_>) {
    run(bencher, &Workload::changing_sms(), true);
}

#[divan::bench]
fn forged_sms(bencher: Bencher<'_, '_>) {
    run(bencher, &Workload::forged_sms(), false);
}

#[divan::bench]
fn get(bencher: Bencher<'_, '_>) {
    run(bencher, &Workload::get(), true);
}

#[divan::bench]
fn events_64k(bencher: Bencher<'_, '_>) {
    run(bencher, &Workload::events(), true);
}

#[divan::bench]
fn twenty_routes(bencher: Bencher<'_, '_>) {
    run(bencher, &Workload::twenty_routes(), true);
}

#[divan::bench]
fn five_tokens(bencher: Bencher<'_, '_>) {
    run(bencher, &Workload::five_tokens(), true);
}

/// With the first of the URLs, or the tenth.
#[divan::bench(args = [false, true])]
fn tried(bencher: Bencher<'_, '_>, is_tenth: bool) {
    run(bencher, &Workload::tried(is_tenth), true);
}

#[divan::bench]
fn other(bencher: Bencher<'_, '_>) {
    run(bencher, &Workload::other(), true);
}

/// Measures a request that is on no route, by a path of which every piece has to be read.
#[divan::bench(args = [4_096, 50_000])]
fn worst_path(bencher: Bencher<'_, '_>, size: usize) {
    run(bencher, &Workload::other_path("/a;", "/.%20", size), true);
}

/// Measures a denial with the search for its cause, which the proxy does once a second at most.
#[divan::bench]
fn forged_query(bencher: Bencher<'_, '_>) {
    run(bencher, &Workload::forged_query(), false);
}

#[divan::bench(args = [1, 20, 200, 2_000, 5_000])]
fn form_60k(bencher: Bencher<'_, '_>, parameters: usize) {
    run(bencher, &Workload::large_form(parameters), true);
}
