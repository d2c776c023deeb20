//! Writes what a release consists of. `make image` and `make release` call it.
//!
//! usage: release image|all DIRECTORY
//!
//! The environment has what is said of the release: `REVISION`, a commit, and `SOURCE_DATE_EPOCH`, when that was made.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs, io};

use twilio_proxy_wasm_harness::release::{self, About, Cargo};
use twilio_proxy_wasm_harness::sample::{module, repository};

/// What the module is compiled for.
const TARGET: &str = "wasm32-wasip1";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [what, directory] = arguments.as_slice() else {
        eprintln!("usage: release image|all DIRECTORY");
        return ExitCode::from(2);
    };
    match run(what, Path::new(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("release: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: &str, directory: &Path) -> io::Result<()> {
    let created = env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    let about = About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: env::var("REVISION").unwrap_or_else(|_| "unknown".to_owned()),
        created: created.unwrap_or(0),
    };
    match what {
        "image" => release::write_images(&module(), &about, directory).map(drop),
        "all" => {
            let tree = ["tree", "-p", "twilio-proxy-wasm", "--target", TARGET, "--prefix", "none", "--edges"];
            let facts = Cargo {
                metadata: cargo(&["metadata", "--format-version", "1", "--filter-platform", TARGET])?,
                needed: cargo(&[&tree[..], &["normal"]].concat())?,
                contained: cargo(&[&tree[..], &["normal,no-proc-macro"]].concat())?,
                lock: fs::read_to_string(repository().join("Cargo.lock"))?,
            };
            release::write(&module(), &facts, &about, directory)
        }
        other => Err(io::Error::other(format!("{other} is neither image nor all"))),
    }
}

/// What cargo has to say.
fn cargo(arguments: &[&str]) -> io::Result<String> {
    let program = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(program).args(arguments).arg("--locked").current_dir(repository()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    String::from_utf8(output.stdout).map_err(io::Error::other)
}
