//! Plays Twilio against a webhook: signs requests as Twilio does, sends them byte for byte, forges them, and runs
//! tables of them with what is expected of each.
//!
//! What signs and sends never calls the filter's own code: see [`sign`]. [`check`] and [`explain`] are the filter's core
//! on an operator's terminal.
//!
//! A scenario file is run from Rust with lookups of one's own instead of a log file and a recorder's URL:
//!
//! ```no_run
//! use std::path::Path;
//! use twilio_webhook::client::Options;
//! use twilio_webhook::report;
//! use twilio_webhook::scenario::{Logged, Received, Setup, Suite, run};
//!
//! # fn seen_by_the_application(token: &str) -> Vec<Received> { Vec::new() }
//! # fn line_of_the_access_log(token: &str) -> Option<String> { None }
//! # fn main() -> Result<(), twilio_webhook::failure::Failure> {
//! let suite = Suite::read(Path::new("scenarios/webhooks.toml"))?;
//! let setup = Setup {
//!     targets: [("envoy".to_owned(), "127.0.0.1:8443".to_owned())].into(),
//!     client: Options { cacert: Some("ca.pem".into()), ..Options::default() },
//!     env: Box::new(|name| Some(format!("the test's {name}"))),
//!     reason: Some(Box::new(|token| Ok(line_of_the_access_log(token).map(|text| Logged::parse(&text, ""))))),
//!     upstream: Some(Box::new(|token| Ok(seen_by_the_application(token)))),
//!     ..Setup::default()
//! };
//! let rows = run(&suite, &setup)?;
//! print!("{}", report::table(&rows));
//! assert!(rows.iter().all(|row| row.passed));
//! # Ok(())
//! # }
//! ```

#![warn(missing_docs)]

pub mod args;
pub mod capture;
pub mod check;
pub mod client;
pub mod commands;
pub mod curl;
pub mod explain;
pub mod failure;
pub mod fixtures;
pub mod forge;
pub mod form;
pub mod key;
pub mod parts;
pub mod plugin;
pub mod probe;
pub mod report;
pub mod request;
pub mod scenario;
pub mod sign;
pub mod url;
pub mod webhook;
