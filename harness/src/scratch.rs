//! A directory of its own for each run.

use std::path::{Path, PathBuf};
use std::{env, fs};

use tempfile::{Builder, TempDir};

/// A fresh directory under the system's temporary one, removed on drop unless the variable `KEEP_E2E` is set.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
}

impl Scratch {
    /// Makes the directory; `purpose` becomes part of its name.
    ///
    /// # Panics
    /// When the directory cannot be made.
    pub fn new(purpose: &str) -> Self {
        let directory = Builder::new()
            .prefix(&format!("twilio-proxy-wasm-{purpose}-"))
            .disable_cleanup(env::var_os("KEEP_E2E").is_some())
            .tempdir()
            .unwrap_or_else(|error| panic!("expected to create a directory for {purpose}: {error}"));
        Self { directory }
    }

    /// Returns the directory itself.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the path of `name` inside the directory.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes `contents` to `name` inside the directory and returns the path.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, contents)
            .unwrap_or_else(|error| panic!("expected to write {}: {error}", path.display()));
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if env::var_os("KEEP_E2E").is_some() {
            eprintln!("kept {}", self.path().display());
        }
    }
}
