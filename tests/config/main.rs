//! The configuration: what is read, and what is said of what is wrong.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect is to fail at once"
)]

mod canary;
mod encode;
mod files;
mod protobuf;
mod table;
mod warnings;

use twilio_proxy_wasm::config::ConfigError;
use twilio_proxy_wasm::policy::Policy;

/// The variables of the proxy's environment.
fn environment(name: &str) -> Option<Vec<u8>> {
    let value = match name {
        "TWILIO_AUTH_TOKEN" | "TWILIO_EU_TOKEN" | "TWILIO_SHARED_KEY" => "5ca1ab1e0ddba11",
        "TWILIO_NEWLINE" => "5ca1ab1e0ddba11\n",
        "TWILIO_EMPTY" => "",
        _ => return None,
    };
    Some(value.into())
}

fn parse(configuration: &[u8]) -> Result<Policy, ConfigError> {
    Policy::parse(configuration, &environment)
}
