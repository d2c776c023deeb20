//! Runs a real Envoy, and both ends of it, for the end-to-end tests and the demo.
//!
//! - [`envoy`] starts an Envoy process from a bootstrap text and reads its log, statistics and ports.
//! - [`sample`] turns a configuration from the repository's `envoy/` directory into that text.
//! - [`filter_state`] makes the filter that gives the plugin keys which change.
//! - [`manifests`] reads the Kubernetes manifests in `deploy/`.
//! - `release` makes the images and files that a release consists of, with the feature of that name.
//! - [`upstream`] is the application behind the proxy: it records every byte that reaches it, and when.
//! - [`client`] is the other side: well-formed and hostile requests over HTTP/1.1 and HTTP/2, plain or TLS.
//! - [`certs`] makes the certificates in between.
//! - [`ending`] waits for whoever is to stop a program.
//! - [`world`] is all of it together: what `docker-compose.yml` runs, without containers.
//!
//! Every function blocks (so none can be called from async code), and every wait has a deadline. The callers
//! are tests, so what must not happen in a working set-up (no free port, a configuration Envoy refuses, a log
//! line that never comes) is a panic that says what was expected; what a test may want to assert on (a reset,
//! a timeout, an exit code) is a value.

pub mod certs;
pub mod client;
pub mod ending;
pub mod envoy;
pub mod filter_state;
pub mod manifests;
#[cfg(feature = "release")]
pub mod release;
pub mod sample;
pub mod scratch;
pub mod upstream;
pub mod world;

mod runtime;
mod wire;

pub use wire::headers::Headers;
