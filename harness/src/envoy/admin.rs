//! Envoy's admin interface.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::client::{Failure, Request, Response, Target, h1};

/// A client of the admin port.
#[derive(Debug)]
pub(super) struct Admin {
    port: u16,
}

impl Admin {
    /// Takes the address from the file that Envoy writes it to; `None` when it is not there yet.
    pub(super) fn read(file: &Path) -> Option<Self> {
        let address = fs::read_to_string(file).ok()?;
        let (_, port) = address.trim().rsplit_once(':')?;
        Some(Self { port: port.parse().ok()? })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Returns whether Envoy has started with everything in its bootstrap.
    pub(super) fn is_live(&self) -> bool {
        self.exchange("GET", "/ready").is_ok_and(|ready| ready.status == 200 && ready.text().trim() == "LIVE")
    }

    pub(super) fn get(&self, path: &str) -> String {
        self.expect("GET", path)
    }

    pub(super) fn post(&self, path: &str) -> String {
        self.expect("POST", path)
    }

    pub(super) fn json(&self, path: &str) -> Value {
        let text = self.get(path);
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("expected JSON from {path}: {error} in {text}"))
    }

    fn expect(&self, method: &str, path: &str) -> String {
        let response = self
            .exchange(method, path)
            .unwrap_or_else(|failure| panic!("expected the admin port to answer {path}: {failure:?}"));
        assert_eq!(response.status, 200, "expected 200 for {path}: {}", response.text());
        response.text()
    }

    fn exchange(&self, method: &str, path: &str) -> Result<Response, Failure> {
        let request = Request::new(method, "localhost", path);
        h1::Connection::open(&Target::plain(self.port))?.request(&request)
    }
}
