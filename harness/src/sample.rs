//! The configurations that the repository ships, adapted for a run on ephemeral ports.

use std::fs;
use std::path::{Path, PathBuf};

use crate::certs::Certs;

/// Returns the root of the repository.
pub fn repository() -> PathBuf {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR"));
    harness.parent().expect("the harness to be a directory of the repository").to_path_buf()
}

/// Returns the release module of the filter, as `make build` leaves it.
///
/// # Panics
/// When it has not been built.
pub fn module() -> PathBuf {
    built("", "make build")
}

/// Returns a module that traps where the header `x-trap-for-tests` asks for it, as `make trap` leaves it.
///
/// # Panics
/// When it has not been built.
pub fn trapping_module() -> PathBuf {
    built("trap", "make trap")
}

fn built(directory: &str, by: &str) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    let path = target.join(directory).join("wasm32-wasip1/release/twilio_proxy_wasm.wasm");
    assert!(path.exists(), "expected the module at {}: run `{by}` first", path.display());
    path
}

/// Returns a module that lets everything pass, as a proxy loads it: what a test must not take for the filter.
///
/// # Panics
/// When its source is not WebAssembly text.
pub fn pass_through() -> Vec<u8> {
    wat::parse_str(include_str!("pass-through.wat")).expect("the text of a module")
}

/// The variables that the configurations in `envoy/` take their tokens from, with values for a test.
pub const TOKENS: [(&str, &str); 3] = [
    ("TWILIO_SMS_AUTH_TOKEN", "test-token-sms"),
    ("TWILIO_SMS_AUTH_TOKEN_NEXT", "test-token-sms-next"),
    ("TWILIO_VOICE_AUTH_TOKEN", "test-token-voice"),
];

/// The text of a shipped configuration, to be changed only by replacements that do occur.
///
/// A test that runs a sample must run what a reader gets. So there is no template: the shipped file is read,
/// and every difference (a port, a path on this machine) is named in the test. A replacement that no longer
/// occurs fails, so that a sample cannot drift away from its test.
///
/// ```no_run
/// # use twilio_proxy_wasm_harness::sample::Sample;
/// let config = Sample::read("envoy/envoy.yaml")
///     .replace("port_value: 8443", "port_value: 0")
///     .replace("port_value: 8080", "port_value: 41234")
///     .into_text();
/// ```
#[derive(Clone, Debug)]
pub struct Sample {
    name: String,
    text: String,
}

impl Sample {
    /// Reads a file; `name` is its path from the root of the repository, like `envoy/envoy.yaml`.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn read(name: &str) -> Self {
        let path = repository().join(name);
        let text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("expected the sample {}: {error}", path.display()));
        Self { name: name.to_owned(), text }
    }

    /// Replaces every occurrence of `from` by `to`.
    ///
    /// # Panics
    /// When `from` does not occur.
    #[must_use]
    pub fn replace(mut self, from: &str, to: &str) -> Self {
        assert!(self.text.contains(from), "{} no longer contains {from:?}", self.name);
        self.text = self.text.replace(from, to);
        self
    }

    /// Does what [`Sample::replace`] does for each pair, in order.
    ///
    /// # Panics
    /// When one of them does not occur.
    #[must_use]
    pub fn replace_all(self, pairs: &[(&str, &str)]) -> Self {
        pairs.iter().fold(self, |sample, (from, to)| sample.replace(from, to))
    }

    /// Changes what a reader changes in each configuration of `envoy/` to what this machine has: the module, the
    /// certificate, the address to listen on (`127.0.0.1` and this port, 0 for any) and the upstream's port.
    #[must_use]
    pub fn on_this_machine(self, certs: &Certs, port: u16, upstream: u16) -> Self {
        self.replace("address: 0.0.0.0, port_value: 8443", &format!("address: 127.0.0.1, port_value: {port}"))
            .replace("port_value: 8080", &format!("port_value: {upstream}"))
            .replace("/etc/envoy/certs/tls.crt", &certs.certificate_file().display().to_string())
            .replace("/etc/envoy/certs/tls.key", &certs.key_file().display().to_string())
            .replace("/etc/envoy/twilio_proxy_wasm.wasm", &module().display().to_string())
    }

    /// Takes the HTTP filter of this name out of each chain, as if nobody had put it there.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn without_filter(mut self, name: &str) -> Self {
        let head = format!("- name: {name}");
        assert!(self.text.lines().any(|line| line.trim() == head), "{} has no filter {name}", self.name);
        let indent = |line: &str| line.len() - line.trim_start().len();
        let mut kept = String::new();
        let mut inside = None;
        for line in self.text.lines() {
            // A filter ends where a line is no deeper than its own first one.
            if inside.is_some_and(|depth| !line.trim().is_empty() && indent(line) <= depth) {
                inside = None;
            }
            if line.trim() == head {
                inside = Some(indent(line));
            }
            if inside.is_none() {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        self.text = kept;
        self
    }

    /// Returns the adapted text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the adapted text, owned.
    pub fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::Sample;

    #[test]
    fn replaces_every_occurrence() {
        let sample = Sample { name: "x".into(), text: "a: 1\nb: 1\nc: 2\n".into() };
        assert_eq!(sample.replace_all(&[(": 1", ": 0"), ("c: 2", "c: 3")]).text(), "a: 0\nb: 0\nc: 3\n");
    }

    #[test]
    fn a_filter_goes_with_all_that_is_deeper() {
        let text = "filters:\n  - name: a\n    b: 1\n\n    # c\n  - name: d\n    e: 2\nf: 3\n";
        let sample = Sample { name: "x".into(), text: text.into() };
        assert_eq!(sample.clone().without_filter("a").text(), "filters:\n  - name: d\n    e: 2\nf: 3\n");
        assert_eq!(sample.without_filter("d").text(), "filters:\n  - name: a\n    b: 1\n\n    # c\nf: 3\n");
    }

    #[test]
    #[should_panic(expected = "rustfmt.toml no longer contains \"port_value: 8443\"")]
    fn a_replacement_that_does_not_occur_is_named() {
        let _ = Sample::read("rustfmt.toml").replace("port_value: 8443", "port_value: 0");
    }
}
