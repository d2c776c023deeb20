//! What the fuzzer runs: one module for each target, and the naive verifier that they compare the filter with.

pub mod config;
pub mod exchange;
pub mod naive;
pub mod params;
pub mod route;
pub mod signature;
pub mod url;

mod input;
#[path = "../../tests/support/mod.rs"]
mod support;
