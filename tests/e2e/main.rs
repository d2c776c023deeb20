//! The built module inside real Envoys of several versions, with real clients and a recording upstream.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test that meets what it does not expect is to fail at once"
)]

mod site;
mod webhook;

mod access_log;
mod bodies;
mod bypass;
mod chain;
mod configuration;
mod counters;
mod dialled;
mod docs;
mod explain;
mod faults;
mod flood;
mod gate;
mod hostile;
mod incomplete;
mod keys;
mod mesh;
mod misplaced;
mod no_route;
mod probe;
mod report;
mod samples;
mod scenarios;
mod seldom;
mod spine;
mod tokens;
mod unsigned;
mod validate;
mod vectors;
mod websocket;
