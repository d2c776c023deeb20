//! The recording upstream as a program: prints one line for each request that reached it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use twilio_proxy_wasm_harness::certs::Certs;
use twilio_proxy_wasm_harness::upstream::{Upstream, serve_control};

const USAGE: &str = "usage: recorder [--listen 0.0.0.0:8080] [--control 0.0.0.0:8081] [--certs DIRECTORY=HOST,...]

Answers 200 to everything on --listen (HTTP/1.1 and HTTP/2 without TLS), and prints what came.
--control answers GET /requests, GET /requests/TOKEN (by i-twilio-idempotency-token) and GET /healthz.
--certs first writes a certificate for these hosts, and the authority that signed it, for the proxy in front.";

struct Arguments {
    listen: SocketAddr,
    control: SocketAddr,
    certs: Option<(PathBuf, Vec<String>)>,
}

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
    let Arguments { listen, control, certs } = arguments(std::env::args().skip(1))?;
    if let Some((directory, hosts)) = certs {
        Certs::write(&directory, &hosts.iter().map(String::as_str).collect::<Vec<_>>());
    }
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

fn arguments(mut given: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let any = |port| SocketAddr::from(([0, 0, 0, 0], port));
    let mut arguments = Arguments { listen: any(8080), control: any(8081), certs: None };
    let usage = |_| USAGE.to_owned();
    while let Some(name) = given.next() {
        let value = given.next().ok_or_else(|| USAGE.to_owned())?;
        match name.as_str() {
            "--listen" => arguments.listen = value.parse().map_err(usage)?,
            "--control" => arguments.control = value.parse().map_err(usage)?,
            "--certs" => {
                let (directory, hosts) = value.split_once('=').ok_or_else(|| USAGE.to_owned())?;
                let hosts = hosts.split(',').map(str::to_owned).collect();
                arguments.certs = Some((directory.into(), hosts));
            }
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(arguments)
}
