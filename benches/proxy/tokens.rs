//! What it adds to a request that its token may change while Envoy serves.

use std::fs;

use twilio_proxy_wasm_harness::envoy::EnvoyBinary;
use twilio_proxy_wasm_harness::filter_state::filled_from_file;
use twilio_proxy_wasm_harness::scratch::Scratch;

use crate::contender::{changing_filter, start_chain, this_filter};
use crate::turns::FIFTEEN;
use crate::webhooks::{TOKEN, sms};

const KEY: &str = "twilio.auth_tokens";

/// The processor time of an SMS in microseconds: with the token in the configuration, with another filter before that fills
/// filter state for nobody, and with the token from there.
pub(crate) struct Tokens {
    pub(crate) least: [f64; 3],
    pub(crate) median: [f64; 3],
}

/// Measures nothing on an Envoy that cannot read a file while it serves.
pub(crate) fn measure(binary: &EnvoyBinary, upstream: u16) -> Option<Tokens> {
    if !binary.is_at_least((1, 38)) {
        return None;
    }
    eprintln!("bench: tokens that may change");
    let scratch = Scratch::new("bench-tokens");
    let directory = scratch.join("twilio");
    fs::create_dir(&directory).expect("a directory");
    fs::write(directory.join("auth_tokens"), format!("{TOKEN}\n")).expect("a file");
    let fill = || filled_from_file(KEY, &directory, "auth_tokens");
    let chains = [vec![this_filter()], vec![fill(), this_filter()], vec![fill(), changing_filter(KEY)]];
    let envoys = chains.map(|chain| start_chain(binary, upstream, chain, 1));
    let request = sms().bytes;
    let all = FIFTEEN.measure(envoys.each_ref().map(|envoy| (envoy, request.as_slice(), 200)));
    Some(Tokens { least: all.map(|[least, _]| least), median: all.map(|[_, median]| median) })
}
