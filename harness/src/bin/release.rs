//! Writes what a release consists of. `make image` and `make release` call it.
//!
//! usage: release image|all DIRECTORY [PROGRAM]
//!
//! PROGRAM is the tool as a static program, and without it there is no image of it.
//!
//! The environment has what is said of the release: `REVISION`, a commit, and `SOURCE_DATE_EPOCH`, when that was made.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs, io};

use cargo_metadata::{Metadata, MetadataCommand};
use twilio_proxy_wasm_harness::release::{self, About, Cargo};
use twilio_proxy_wasm_harness::sample::{module, repository};

/// What the module is compiled for.
const TARGET: &str = "wasm32-wasip1";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (what, directory, program) = match arguments.as_slice() {
        [what, directory] => (what, directory, None),
        [what, directory, program] => (what, directory, Some(Path::new(program))),
        _ => {
            eprintln!("usage: release image|all DIRECTORY [PROGRAM]");
            return ExitCode::from(2);
        }
    };
    match run(what, Path::new(directory), program) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("release: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: &str, directory: &Path, program: Option<&Path>) -> io::Result<()> {
    let created = env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    let about = About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: env::var("REVISION").unwrap_or_else(|_| "unknown".to_owned()),
        created: created.unwrap_or(0),
    };
    if let Some(program) = program {
        release::write_tool_image(program, &about, directory)?;
    }
    match what {
        "image" => release::write_images(&module(), &about, directory).map(drop),
        "all" => {
            let tree = ["tree", "-p", "twilio-proxy-wasm", "--target", TARGET, "--prefix", "none", "--edges"];
            let facts = Cargo {
                metadata: metadata()?,
                needed: cargo(&[&tree[..], &["normal"]].concat())?,
                contained: cargo(&[&tree[..], &["normal,no-proc-macro"]].concat())?,
                lock: fs::read_to_string(repository().join("Cargo.lock"))?,
            };
            release::write(&module(), &facts, &about, directory)
        }
        other => Err(io::Error::other(format!("{other} is neither image nor all"))),
    }
}

/// Runs `cargo metadata`.
fn metadata() -> io::Result<Metadata> {
    MetadataCommand::new()
        .current_dir(repository())
        .other_options(["--locked", "--filter-platform", TARGET].map(str::to_owned))
        .exec()
        .map_err(io::Error::other)
}

/// Runs cargo, and returns what it prints.
fn cargo(arguments: &[&str]) -> io::Result<String> {
    let program = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(program).args(arguments).arg("--locked").current_dir(repository()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    String::from_utf8(output.stdout).map_err(io::Error::other)
}
