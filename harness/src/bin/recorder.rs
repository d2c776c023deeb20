//! The recording upstream as a program: prints one line for each request that reached it.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use twilio_proxy_wasm_harness::upstream::{Upstream, serve_control};

const USAGE: &str = "usage: recorder [--listen 0.0.0.0:8080] [--control 0.0.0.0:8081]

Answers 200 to everything on --listen (HTTP/1.1 and HTTP/2 without TLS), and prints what came.
--control answers GET /requests, GET /requests/TOKEN (by i-twilio-idempotency-token) and GET /healthz.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let (listen, control) = arguments(std::env::args().skip(1))?;
    let upstream = Upstream::listen(listen, |request| println!("{request}"))
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let port = upstream.port();
    let control = serve_control(control, Arc::new(upstream))
        .map_err(|error| format!("cannot listen on {control}: {error}"))?;
    println!("listening on {}:{port}, control on {control}", listen.ip());
    loop {
        std::thread::park();
    }
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<(SocketAddr, SocketAddr), String> {
    let mut listen = SocketAddr::from(([0, 0, 0, 0], 8080));
    let mut control = SocketAddr::from(([0, 0, 0, 0], 8081));
    while let Some(name) = given.next() {
        let value = given.next().and_then(|value| value.parse().ok());
        match (name.as_str(), value) {
            ("--listen", Some(address)) => listen = address,
            ("--control", Some(address)) => control = address,
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok((listen, control))
}
