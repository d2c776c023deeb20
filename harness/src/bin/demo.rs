//! `make demo`: a real Envoy with the filter, an application behind it, and a fake Twilio in front of it.
//!
//! ```text
//! demo          plays the rows of scenarios/webhooks.toml that the sample serves, and prints what became of each; then some of
//!               them again, with the filter taken out of the sample: the gate lets nothing through
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
use twilio_webhook::scenario::{Row, Suite, Upstream as Seen};

const HOST: &str = "hooks.example.com";
/// The rows of the scenarios that are for a configuration like the sample.
const TARGET: &str = "envoy";
/// Those that are sent once more, without the filter: what is rightly signed, and what is not.
const AGAIN: [&str; 3] = ["SMS", "Signature altered by one bit", "No signature"];
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
    let as_expected = with_filter(binary, &certs, &upstream)
        .and_then(|so_far| without_filter(binary, &certs).map(|rest| so_far && rest));
    match as_expected {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("demo: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn with_filter(binary: &EnvoyBinary, certs: &Certs, upstream: &Upstream) -> Result<bool, Failure> {
    let envoy = start(binary, &sample(certs, 0, upstream));
    println!("Envoy {} with envoy/envoy.yaml, and scenarios/webhooks.toml as Twilio:\n", binary.version);
    let mut suite = scenarios();
    suite.scenarios.retain(|scenario| scenario.target == TARGET);
    let rows = play(&suite, &envoy, certs, upstream)?;
    print!("{}", report::table(&rows));
    println!("\nWhat reached the application behind Envoy:");
    for request in upstream.requests() {
        println!("  {request}");
    }
    Ok(rows.iter().all(|row| row.passed))
}

/// The sample without its filter, as if it had been forgotten: nothing is verified, and nothing reaches the application.
fn without_filter(binary: &EnvoyBinary, certs: &Certs) -> Result<bool, Failure> {
    let upstream = Upstream::start();
    let envoy = start(binary, &sample(certs, 0, &upstream).without_filter("twilio_webhook"));
    println!("\nThe same Envoy without the filter. Its gate stays shut, for whatever is signed or not:\n");
    let mut suite = scenarios();
    suite.scenarios.retain(|scenario| scenario.target == TARGET && AGAIN.contains(&scenario.name.as_str()));
    for scenario in &mut suite.scenarios {
        (scenario.expect.status, scenario.expect.upstream) = (403, Some(Seen::Nothing));
        (scenario.expect.reason, scenario.expect.verdict) = (None, None);
    }
    let rows = play(&suite, &envoy, certs, &upstream)?;
    print!("{}", report::table(&rows));
    println!("\nWhat reached the application: {} requests.", upstream.requests().len());
    Ok(rows.len() == AGAIN.len() && rows.iter().all(|row| row.passed) && upstream.requests().is_empty())
}

/// Sends requests and looks up what became of each.
fn play(suite: &Suite, envoy: &Envoy, certs: &Certs, upstream: &Upstream) -> Result<Vec<Row>, Failure> {
    let stage = Stage {
        targets: [(TARGET.to_owned(), format!("127.0.0.1:{}", envoy.listener_port("https")))].into(),
        certs,
        tokens: &TOKENS.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        access_log: &envoy.output_file(),
        upstream,
    };
    stage.play(suite)
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
    let envoy = start(binary, &sample(&certs, SERVED_PORT, &upstream));
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

fn sample(certs: &Certs, port: u16, upstream: &Upstream) -> Sample {
    Sample::read("envoy/envoy.yaml").on_this_machine(certs, port, upstream.port())
}

fn start(binary: &EnvoyBinary, sample: &Sample) -> Envoy {
    let options = TOKENS.iter().fold(Options::default(), |options, (name, value)| options.env(name, value));
    Envoy::start(binary, sample.text(), &options)
}

fn relative(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap_or(path).display().to_string()
}
