//! Ways round the filter, and what becomes of each: a table on one site, row by row. Of every row the verdict, its reason
//! and its counter are checked, that nothing of a refused request reached the upstream, and that the next good request
//! passes.

mod app;
mod apps;
mod bodies;
mod content_types;
mod headers;
mod hosts;
mod keys;
mod methods;
mod raw;
mod route_names;
mod row;
mod sweep;
mod targets;
mod upgrades;

use twilio_proxy_wasm_harness::envoy::versions;

use crate::site::{Layout, Site};
use row::{Row, check, with_policy};

fn check_all(layout: Layout, tables: &[fn() -> Vec<Row>]) {
    for binary in versions() {
        let site = Site::start(&binary, &with_policy(layout.clone()));
        let wrong: Vec<String> = tables.iter().flat_map(|table| check(&site, &table())).collect();
        assert!(wrong.is_empty(), "Envoy {}:\n{}", binary.version, wrong.join("\n"));
    }
}

/// The whole table where the filter holds the request, which is what it does unless told otherwise.
const TABLES: [fn() -> Vec<Row>; 8] = [
    targets::rows,
    hosts::rows,
    headers::rows,
    methods::rows,
    content_types::rows,
    bodies::rows,
    upgrades::rows,
    keys::rows,
];

#[test]
fn nothing_gets_round_the_filter_with_hold_self() {
    check_all(Layout::default(), &TABLES);
}

/// Where a buffer after the filter holds the request, but for upgrades: that buffer does not let them through.
#[test]
fn nothing_gets_round_the_filter_with_a_buffer_after() {
    check_all(Layout::buffer_after(), &TABLES);
}
