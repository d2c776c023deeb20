//! The configurations that the repository ships, adapted for a run on ephemeral ports.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn repository() -> PathBuf {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR"));
    harness.parent().expect("the harness to be a directory of the repository").to_path_buf()
}

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

    /// [`Sample::replace`] for each pair, in order.
    ///
    /// # Panics
    /// When one of them does not occur.
    #[must_use]
    pub fn replace_all(self, pairs: &[(&str, &str)]) -> Self {
        pairs.iter().fold(self, |sample, (from, to)| sample.replace(from, to))
    }

    /// The adapted text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The adapted text, owned.
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
    #[should_panic(expected = "rustfmt.toml no longer contains \"port_value: 8443\"")]
    fn a_replacement_that_does_not_occur_is_named() {
        let _ = Sample::read("rustfmt.toml").replace("port_value: 8443", "port_value: 0");
    }
}
