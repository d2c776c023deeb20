//! An Express application, like that of `docker/express`, run by Node.js with the packages that `tools/oracles` fetches.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::sample::repository;

/// The running application, killed when dropped.
#[derive(Debug)]
pub struct Express {
    child: Child,
    port: u16,
}

impl Express {
    /// Starts the application of `docker/express` on a free port. Its middleware verifies with `token`.
    ///
    /// # Panics
    /// As [`Express::run`].
    pub fn start(token: &str) -> Self {
        Self::run(&repository().join("docker/express/server.js"), token)
    }

    /// Starts the application in this file, which listens on `HOST` and `PORT` and says so in a line.
    ///
    /// # Panics
    /// When Node.js or the packages are missing, or it does not start.
    pub fn run(script: &Path, token: &str) -> Self {
        let mut child = Command::new("node")
            .arg(script)
            .env("NODE_PATH", packages())
            .env("TWILIO_AUTH_TOKEN", token)
            .envs([("HOST", "127.0.0.1"), ("PORT", "0"), ("NODE_ENV", "production")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("expected to run node: {error}"));
        let mut line = String::new();
        // Its own errors go where ours go; it says nothing more after this line.
        let output = child.stdout.take().expect("the output that was asked for");
        let read = BufReader::new(output).read_line(&mut line);
        let port = line.trim().strip_prefix("listening on ").and_then(|port| port.parse().ok());
        let port =
            port.unwrap_or_else(|| panic!("expected the application to listen, not {read:?} {line:?}"));
        Self { child, port }
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Express {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the directory of Node.js packages.
fn packages() -> PathBuf {
    let script = repository().join("tools/oracles");
    // Where it has to download, it says so.
    let output = Command::new(&script).stderr(Stdio::inherit()).output();
    let output = output.unwrap_or_else(|error| panic!("expected to run {}: {error}", script.display()));
    assert!(output.status.success(), "expected {} to find the packages", script.display());
    Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("node/node_modules")
}
