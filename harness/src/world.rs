//! The set-up of `docker-compose.yml` without containers, and the fake Twilio that plays `scenarios/webhooks.toml`
//! against it: the same Envoy configurations, the same application, the same tokens.

pub mod express;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use twilio_webhook::client;
use twilio_webhook::failure::Failure;
use twilio_webhook::scenario::lookup::access_log;
use twilio_webhook::scenario::{Row, Setup, Suite, run};

use crate::certs::Certs;
use crate::envoy::{Envoy, EnvoyBinary, Options};
use crate::sample::{Sample, repository};
use crate::scratch::Scratch;
use crate::upstream::{Upstream, to_json};
use express::Express;

/// The hosts in the certificate: the one that Twilio dials, and one that it does not.
pub const HOSTS: [&str; 2] = ["hooks.example.com", "other.example.com"];

/// All services of the harness, on free ports of 127.0.0.1. Dropped, they end.
#[derive(Debug)]
pub struct World {
    envoy: Envoy,
    gateway: Envoy,
    terminated: Envoy,
    sidecar: Envoy,
    _express: Express,
    upstream: Upstream,
    certs: Certs,
    tokens: Tokens,
    scratch: Scratch,
}

/// Environment variables with the keys, by name.
pub type Tokens = BTreeMap<String, String>;

impl World {
    /// Starts them with `module` as the filter.
    ///
    /// # Panics
    /// When one of them does not start; Envoy's log says why.
    pub fn start(binary: &EnvoyBinary, module: &Path) -> Self {
        let scratch = Scratch::new("world");
        let certs = Certs::write(scratch.path(), &HOSTS);
        let tokens = tokens();
        let upstream = Upstream::start();
        let express = Express::start(&tokens["TWILIO_SMS_AUTH_TOKEN"]);
        let options =
            tokens.iter().fold(Options::default(), |options, (name, value)| options.env(name, value));
        let start = |name: &str, ports: &[u16], changes: &[(&str, String)]| {
            let sample = Sample::read(&format!("docker/envoy/{name}.yaml"));
            let sample = sample.replace("/shared/", &format!("{}/", scratch.path().display()));
            let sample = ports.iter().fold(sample, |sample, port| {
                let from = format!("address: 0.0.0.0, port_value: {port}");
                sample.replace(&from, "address: 127.0.0.1, port_value: 0")
            });
            let sample = changes.iter().fold(sample, |sample, (from, to)| sample.replace(from, to));
            Envoy::start(binary, sample.text(), &options)
        };
        let filter = ("/etc/envoy/twilio_proxy_wasm.wasm", module.display().to_string());
        let to = |from, port| (from, format!("address: 127.0.0.1, port_value: {port}"));
        let to_upstream = to("address: upstream, port_value: 8080", upstream.port());
        let to_express = to("address: express, port_value: 3000", express.port());
        let sidecar = start("sidecar", &[8080], &[filter.clone(), to_upstream.clone()]);
        let to_sidecar = to("address: sidecar, port_value: 8080", sidecar.listener_port("inbound"));
        Self {
            envoy: start("envoy", &[8443, 8444, 8445], &[filter, to_upstream, to_express.clone()]),
            gateway: start("gateway", &[8443], &[to_sidecar]),
            terminated: start("terminated", &[8443], &[to_express]),
            sidecar,
            _express: express,
            upstream,
            certs,
            tokens,
            scratch,
        }
    }

    /// Plays a suite against it.
    ///
    /// # Errors
    /// As [`run`].
    pub fn play(&self, suite: &Suite) -> Result<Vec<Row>, Failure> {
        let at = |envoy: &Envoy, listener| format!("127.0.0.1:{}", envoy.listener_port(listener));
        let targets = [
            ("envoy", at(&self.envoy, "https")),
            ("full", at(&self.envoy, "full")),
            ("express", at(&self.envoy, "full")),
            ("misplaced", at(&self.envoy, "misplaced")),
            ("gateway", at(&self.gateway, "https")),
            ("express-terminated", at(&self.terminated, "https")),
        ];
        let stage = Stage {
            targets: targets.map(|(name, address)| (name.to_owned(), address)).into(),
            certs: &self.certs,
            tokens: &self.tokens,
            access_log: &self.scratch.join("access.jsonl"),
            upstream: &self.upstream,
        };
        stage.play(suite)
    }

    /// Returns the logs of the two Envoys with the filter: what to look into when a row is not as expected.
    pub fn log(&self) -> String {
        format!("--- envoy\n{}\n--- sidecar\n{}", self.envoy.log(), self.sidecar.log())
    }
}

/// Returns the scenarios of the repository.
///
/// # Panics
/// When their file is not one.
pub fn scenarios() -> Suite {
    let path = repository().join("scenarios/webhooks.toml");
    Suite::read(&path).unwrap_or_else(|failure| panic!("expected scenarios: {failure}"))
}

/// Returns the keys of `docker/tokens.env`.
///
/// # Panics
/// When it cannot be read.
pub fn tokens() -> Tokens {
    let path = repository().join("docker/tokens.env");
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("expected {}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}

/// Where scenarios are played, and looked up afterwards.
#[derive(Debug)]
pub struct Stage<'a> {
    /// `HOST:PORT` by the name of a target.
    pub targets: BTreeMap<String, String>,
    /// What the targets' certificate is signed by.
    pub certs: &'a Certs,
    /// What requests are signed with.
    pub tokens: &'a Tokens,
    /// Where Envoy writes the verdicts.
    pub access_log: &'a Path,
    /// What is behind it.
    pub upstream: &'a Upstream,
}

impl Stage<'_> {
    /// Sends every row, then looks up what became of it.
    ///
    /// # Errors
    /// As [`run`].
    pub fn play(&self, suite: &Suite) -> Result<Vec<Row>, Failure> {
        let setup = Setup {
            targets: self.targets.clone(),
            client: client::Options {
                cacert: Some(self.certs.authority_file()),
                ..client::Options::default()
            },
            env: Box::new(|name| self.tokens.get(name).cloned()),
            reason: Some(Box::new(|token| access_log(self.access_log, token))),
            upstream: Some(Box::new(|token| {
                let recorded = to_json(&self.upstream.requests(), Some(token));
                serde_json::from_value(recorded).map_err(|error| Failure::Protocol(error.to_string()))
            })),
            patience: Duration::from_secs(15),
        };
        run(suite, &setup)
    }
}
