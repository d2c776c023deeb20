//! The process: its files, its end, its processor time.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use super::binary::EnvoyBinary;
use super::options::{HotRestart, Options};
use crate::scratch::Scratch;

/// Merged over every bootstrap, so that any number of runs can go on at the same time.
const ADMIN: &str =
    r#"{"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}}"#;

/// Where the id is written by which another process takes over.
pub(super) const BASE_ID: &str = "base-id";

/// How a process ended that did so by itself.
#[derive(Clone, Debug)]
pub struct Exit {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The whole log.
    pub log: String,
}

/// A moment in a log. The default is its beginning.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogMark(usize);

/// An Envoy process, killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    scratch: Scratch,
}

impl Process {
    /// Starts the process. What it says is its own matter from here on.
    pub(super) fn spawn(binary: &EnvoyBinary, config: &str, options: &Options, more: &[&str]) -> Self {
        let scratch = Scratch::new("envoy");
        // Envoy reads JSON as YAML, but not the other way round.
        let config = scratch.write("envoy.yaml", config);
        let mut command = Command::new(&binary.path);
        command
            .arg("--config-path")
            .arg(config)
            .args(["--config-yaml", ADMIN])
            .arg("--admin-address-path")
            .arg(scratch.join("admin"))
            .args(["--concurrency", &options.concurrency.to_string()])
            .args(["--log-level", &options.log_level])
            // An access log that a test waits for is not to wait for its buffer (10 seconds).
            .args(["--file-flush-interval-msec", "20"]);
        if let Some(levels) = &options.component_log_level {
            command.args(["--component-log-level", levels]);
        }
        match &options.hot_restart {
            HotRestart::No => command.arg("--disable-hot-restart"),
            HotRestart::Before => {
                command.args(["--use-dynamic-base-id", "--base-id-path"]).arg(scratch.join(BASE_ID))
            }
            // The old process is not to end by itself.
            HotRestart::After(id) => {
                command.args(["--restart-epoch", "1", "--base-id", id, "--parent-shutdown-time-s", "3600"])
            }
        };
        let child = command
            .args(&options.arguments)
            .args(more)
            .env_clear()
            .envs(options.env.iter().map(|(name, value)| (name, value)))
            .current_dir(crate::sample::repository())
            .stdin(Stdio::null())
            .stdout(log_file(&stdout(&scratch)))
            .stderr(log_file(&stderr(&scratch)))
            .spawn()
            .unwrap_or_else(|error| panic!("expected to run {}: {error}", binary.path.display()));
        Self { child, scratch }
    }

    /// Returns how it ended, if it has.
    pub(super) fn exited(&mut self) -> Option<Exit> {
        let status = self.child.try_wait().expect("the state of our own child process");
        status.map(|status: ExitStatus| Exit { code: status.code(), log: self.log() })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    pub(super) fn log(&self) -> String {
        self.log_since(LogMark::default())
    }

    pub(super) fn log_file(&self) -> PathBuf {
        stderr(&self.scratch)
    }

    pub(super) fn log_mark(&self) -> LogMark {
        LogMark(read(&self.log_file()).len())
    }

    pub(super) fn log_since(&self, mark: LogMark) -> String {
        let log = read(&self.log_file());
        String::from_utf8_lossy(log.get(mark.0..).unwrap_or_default()).into_owned()
    }

    pub(super) fn output(&self) -> String {
        String::from_utf8_lossy(&read(&self.output_file())).into_owned()
    }

    pub(super) fn output_file(&self) -> PathBuf {
        stdout(&self.scratch)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the end of Envoy's log ---\n{}\n---", tail(&self.log()));
        }
    }
}

/// Returns the last lines of a log, without Envoy's list of its own extensions, which would fill them.
pub(super) fn tail(log: &str) -> String {
    let extensions = |line: &&str| line.contains("[info][main]") && line.contains("]   ");
    let lines: Vec<&str> = log.lines().filter(|line| !extensions(line)).collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

fn stderr(scratch: &Scratch) -> PathBuf {
    scratch.join("stderr.log")
}

fn stdout(scratch: &Scratch) -> PathBuf {
    scratch.join("stdout.log")
}

/// Opens the file for appending, because an access log to `/dev/stdout` opens it a second time.
fn log_file(path: &Path) -> fs::File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap_or_else(|error| panic!("expected to create {}: {error}", path.display()))
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("expected to read {}: {error}", path.display()))
}
