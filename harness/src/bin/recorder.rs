//! The recording upstream as a program: prints one line for each request that reached it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use twilio_proxy_wasm_harness::certs::Certs;
use twilio_proxy_wasm_harness::upstream::{Upstream, control};

/// Answers 200 to everything, and prints a line for each request that came.
#[derive(Parser)]
struct Arguments {
    /// Where to answer, in HTTP/1.1 and in HTTP/2 without TLS
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Where to answer GET /requests, GET /requests/TOKEN (by i-twilio-idempotency-token) and GET /healthz
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8081")]
    control: SocketAddr,
    /// First write a certificate for these hosts, and the authority that signed it, for the proxy in front
    #[arg(long, value_name = "DIRECTORY=HOST,...", value_parser = certs)]
    certs: Option<(PathBuf, Vec<String>)>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("recorder: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let Arguments { listen, control, certs } = Arguments::parse();
    if let Some((directory, hosts)) = certs {
        Certs::write(&directory, &hosts.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let upstream = Upstream::listen(listen, |request| println!("{request}"))
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let port = upstream.port();
    let control = control::serve(control, Arc::new(upstream))
        .map_err(|error| format!("cannot listen on {control}: {error}"))?;
    println!("listening on {}:{port}, control on {control}", listen.ip());
    loop {
        std::thread::park();
    }
}

fn certs(text: &str) -> Result<(PathBuf, Vec<String>), String> {
    let (directory, hosts) = text.split_once('=').ok_or("expected DIRECTORY=HOST,...")?;
    Ok((directory.into(), hosts.split(',').map(str::to_owned).collect()))
}
