//! `make demo`: a real Envoy with the filter, an application behind it, and a fake Twilio in front of it.
//!
//! ```text
//! demo          plays the rows of scenarios/webhooks.toml that the sample serves, and prints what became of each
//! demo serve    leaves Envoy running on https://127.0.0.1:8443 until Enter is pressed, the input ends or a signal comes
//! ```
//!
//! The exit code is 0 if every request met with what was expected, 1 if not.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::ExitCode;

use twilio_proxy_wasm_harness::certs::Certs;
use twilio_proxy_wasm_harness::ending::Input;
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::sample::{Sample, TOKENS, repository};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::Upstream;
use twilio_proxy_wasm_harness::world::{Stage, scenarios};
use twilio_webhook::failure::Failure;
use twilio_webhook::report;
use twilio_webhook::scenario::Row;

const HOST: &str = "hooks.example.com";
/// The rows of the scenarios that are for a configuration like the sample.
const TARGET: &str = "envoy";
/// Where `demo serve` listens, and puts the certificate to trust.
const SERVED_PORT: u16 = 8443;

fn main() -> ExitCode {
    let binary = versions().pop().expect("an Envoy to run");
    match std::env::args().nth(1).as_deref() {
        None => demo(&binary),
        Some("serve") => serve(&binary),
        Some(other) => {
            eprintln!("demo: {other:?} is no command; the only one is `serve`");
            ExitCode::from(2)
        }
    }
}

fn demo(binary: &EnvoyBinary) -> ExitCode {
    let scratch = Scratch::new("demo");
    let certs = Certs::write(scratch.path(), &[HOST]);
    let upstream = Upstream::start();
    let envoy = start(binary, &certs, 0, &upstream);
    println!("Envoy {} with envoy/envoy.yaml, and scenarios/webhooks.toml as Twilio:\n", binary.version);
    match play(&envoy, &certs, &upstream) {
        Ok(rows) => {
            print!("{}", report::table(&rows));
            println!("\nWhat reached the application behind Envoy:");
            for request in upstream.requests() {
                println!("  {request}");
            }
            if rows.iter().all(|row| row.passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => {
            eprintln!("demo: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Sends the demo's requests and looks up what became of each.
fn play(envoy: &Envoy, certs: &Certs, upstream: &Upstream) -> Result<Vec<Row>, Failure> {
    let stage = Stage {
        targets: [(TARGET.to_owned(), format!("127.0.0.1:{}", envoy.listener_port("https")))].into(),
        certs,
        tokens: &TOKENS.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        access_log: &envoy.output_file(),
        upstream,
    };
    let mut suite = scenarios();
    suite.scenarios.retain(|scenario| scenario.target == TARGET);
    stage.play(&suite)
}

fn serve(binary: &EnvoyBinary) -> ExitCode {
    // Envoy itself would share the port with another Envoy, each getting some of the connections, and the certificates
    // would be those of this one.
    if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, SERVED_PORT)) {
        eprintln!("demo: cannot listen on 127.0.0.1:{SERVED_PORT}, is another `make serve` running? {error}");
        return ExitCode::FAILURE;
    }
    let input = Input::read();
    let directory = repository().join("target/demo");
    std::fs::create_dir_all(&directory).expect("a directory for the certificates");
    let certs = Certs::write(&directory, &[HOST]);
    let upstream = Upstream::start();
    let envoy = start(binary, &certs, SERVED_PORT, &upstream);
    println!("Envoy {} serves https://{HOST} on 127.0.0.1:{SERVED_PORT}.", binary.version);
    println!("Its certificate is signed by {}.", relative(&certs.authority_file()));
    println!("Tokens:");
    for (name, value) in TOKENS {
        println!("  {name}={value}");
    }
    println!("What becomes of a webhook:");
    println!("  access log   {}", envoy.output_file().display());
    println!("  Envoy's log  {}", envoy.log_file().display());
    println!("  counters     http://127.0.0.1:{}/stats/prometheus", envoy.admin_port());
    input.wait_for_the_end(|how| println!("{how} to stop it."));
    // Not left to its own end: nothing else would stop it.
    drop(envoy);
    ExitCode::SUCCESS
}

fn start(binary: &EnvoyBinary, certs: &Certs, port: u16, upstream: &Upstream) -> Envoy {
    let config = Sample::read("envoy/envoy.yaml").on_this_machine(certs, port, upstream.port()).into_text();
    let options = TOKENS.iter().fold(Options::default(), |options, (name, value)| options.env(name, value));
    Envoy::start(binary, &config, &options)
}

fn relative(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap_or(path).display().to_string()
}
