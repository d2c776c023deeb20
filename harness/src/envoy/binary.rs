//! The Envoy binaries to test with.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::sample::repository;

/// The oldest and the newest Envoy with V8 that can be had, and one between.
const DEFAULT_VERSIONS: &str = "1.36.4 1.39.3 1.40.0";

/// An Envoy binary.
#[derive(Clone, Debug)]
pub struct EnvoyBinary {
    /// What it says of itself, like `1.40.0`.
    pub version: String,
    /// Where it is.
    pub path: PathBuf,
}

impl EnvoyBinary {
    /// Asks the binary at `path` for its version.
    ///
    /// # Panics
    /// When it does not run, or does not say which version it is.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let output = Command::new(&path)
            .arg("--version")
            .output()
            .unwrap_or_else(|error| panic!("expected an Envoy binary at {}: {error}", path.display()));
        // envoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_once("version:").and_then(|(_, rest)| rest.split('/').nth(1));
        let version =
            version.unwrap_or_else(|| panic!("expected the version of {} in {text:?}", path.display()));
        Self { version: version.to_owned(), path }
    }

    /// Returns whether it is of this release, like `(1, 39)`, or a newer one.
    pub fn is_at_least(&self, release: (u32, u32)) -> bool {
        let mut numbers = self.version.split(['.', '-']).map(|number| number.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= release
    }
}

/// Returns the binaries that the end-to-end tests run on, each fetched when it is missing.
///
/// The variable `ENVOY`, a path, wins. Else `ENVOY_VERSIONS`, separated by spaces, names them; else there is
/// a default list, oldest first.
///
/// # Panics
/// With the script's own message, when one cannot be had.
pub fn versions() -> Vec<EnvoyBinary> {
    static FOUND: OnceLock<Vec<EnvoyBinary>> = OnceLock::new();
    FOUND.get_or_init(find).clone()
}

fn find() -> Vec<EnvoyBinary> {
    if let Some(path) = env::var_os("ENVOY").filter(|path| !path.is_empty()) {
        return vec![EnvoyBinary::at(path)];
    }
    let versions = env::var("ENVOY_VERSIONS").unwrap_or_default();
    let versions = if versions.trim().is_empty() { DEFAULT_VERSIONS } else { versions.trim() };
    versions.split_whitespace().map(|version| EnvoyBinary::at(fetched(version))).collect()
}

/// Fetches this version with `tools/envoy`, and returns its path.
fn fetched(version: &str) -> PathBuf {
    let script = repository().join("tools/envoy");
    let output = Command::new(&script)
        .arg(version)
        // Where a download takes its time, it says so.
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("expected to run {}: {error}", script.display()));
    assert!(output.status.success(), "expected {} {version} to find an Envoy", script.display());
    Path::new(String::from_utf8_lossy(&output.stdout).trim()).to_path_buf()
}
