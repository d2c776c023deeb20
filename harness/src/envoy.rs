//! A real Envoy: started from a bootstrap text, observed through its admin port and log, and stopped.

mod admin;
mod binary;
mod options;
mod process;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

pub use binary::{EnvoyBinary, versions};
pub use options::Options;
pub use process::{Exit, LogMark};

use crate::runtime::poll_until;
use admin::Admin;
use options::HotRestart;
use process::{BASE_ID, Process};

/// How long Envoy has for becoming ready, or for refusing its configuration.
const START: Duration = Duration::from_secs(30);
/// How long it has for an orderly end.
const STOP: Duration = Duration::from_secs(10);

/// A running Envoy. Dropped, it is killed, and shows the end of its log if the test is panicking.
///
/// ```no_run
/// # use twilio_proxy_wasm_harness::{envoy::{self, Envoy, Options}, sample::Sample};
/// for binary in envoy::versions() {
///     let config = Sample::read("envoy/envoy.yaml").replace("port_value: 8443", "port_value: 0");
///     let options = Options::default().env("TWILIO_SMS_AUTH_TOKEN", "12345");
///     let envoy = Envoy::start(&binary, config.text(), &options);
///     let port = envoy.listener_port("https");
///     // ... send requests to `port` ...
///     assert_eq!(envoy.counter("http.https.downstream_rq_4xx"), 0);
/// }
/// ```
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: Admin,
}

/// Why an Envoy did not become ready.
#[derive(Debug)]
pub enum StartError {
    /// It ended by itself: usually it refused the configuration.
    Exited(Exit),
    /// It neither ended nor became ready. The text is its log.
    NotReady(String),
}

impl Envoy {
    /// Starts an Envoy and waits until it is ready.
    ///
    /// `config` is a bootstrap in YAML or JSON, with relative paths seen from the root of the repository. Its admin
    /// address is overridden by a free port of 127.0.0.1.
    ///
    /// # Panics
    /// With the end of the log, when Envoy does not become ready.
    pub fn start(binary: &EnvoyBinary, config: &str, options: &Options) -> Self {
        Self::try_start(binary, config, options)
            .unwrap_or_else(|error| panic!("expected Envoy {} to start\n{error}", binary.version))
    }

    /// Does what [`Envoy::start`] does, for programs that are no tests.
    ///
    /// # Errors
    /// When Envoy ends, or is not ready after 30 seconds.
    pub fn try_start(binary: &EnvoyBinary, config: &str, options: &Options) -> Result<Self, StartError> {
        let mut process = Process::spawn(binary, config, options, &[]);
        let admin_file = process.scratch().join("admin");
        let ready = poll_until(START, || {
            if let Some(exit) = process.exited() {
                return Some(Err(StartError::Exited(exit)));
            }
            let admin = Admin::read(&admin_file)?;
            admin.is_live().then_some(Ok(admin))
        });
        match ready {
            Some(Ok(admin)) => Ok(Self { process, admin }),
            Some(Err(error)) => Err(error),
            None => Err(StartError::NotReady(process.log())),
        }
    }

    /// Starts an Envoy that must end by itself because of its configuration.
    ///
    /// # Panics
    /// When it becomes ready, or does neither.
    pub fn expect_refusal(binary: &EnvoyBinary, config: &str, options: &Options) -> Exit {
        match Self::try_start(binary, config, options) {
            Err(StartError::Exited(exit)) => exit,
            Err(error) => panic!("expected Envoy {} to refuse its configuration\n{error}", binary.version),
            // Its log comes with it: see `Drop`.
            Ok(_running) => {
                panic!("expected Envoy {} to refuse its configuration, but it runs", binary.version)
            }
        }
    }

    /// Runs `envoy --mode validate`, which loads plugins too, and returns its exit code and log.
    ///
    /// # Panics
    /// When it does not end in 30 seconds.
    pub fn validate(binary: &EnvoyBinary, config: &str, options: &Options) -> Exit {
        let mut process = Process::spawn(binary, config, options, &["--mode", "validate"]);
        poll_until(START, || process.exited()).unwrap_or_else(|| {
            panic!("expected envoy --mode validate to end within {START:?}\n{}", process.log())
        })
    }

    /// Returns the id by which another process finds this one; there is one with [`Options::hot_restart`] alone.
    fn base_id(&self) -> String {
        let file = self.process.scratch().join(BASE_ID);
        std::fs::read_to_string(file).expect("the id of a process that may hand over").trim().to_owned()
    }

    /// Returns how many bytes the process holds in memory.
    ///
    /// # Panics
    /// When the process has ended.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("the state of a child that runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its resident memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kilobytes") * 1024
    }

    /// Asks Envoy to end, as an operator does, and waits for it.
    ///
    /// # Panics
    /// When it does not end in 10 seconds.
    pub fn stop(mut self) -> Exit {
        self.admin.post("/quitquitquit");
        poll_until(STOP, || self.process.exited())
            .unwrap_or_else(|| panic!("expected Envoy to end within {STOP:?} of /quitquitquit"))
    }

    /// Returns the port of the listener `name`, of which the configuration says 0.
    ///
    /// # Panics
    /// When there is no such listener.
    pub fn listener_port(&self, name: &str) -> u16 {
        let listeners = self.admin.json("/listeners?format=json");
        let all = listeners["listener_statuses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let port = |listener: &Value| listener["local_address"]["socket_address"]["port_value"].as_u64();
        all.iter()
            .find(|listener| listener["name"] == name)
            .and_then(port)
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or_else(|| panic!("expected a listener {name:?} with a port in {listeners:#}"))
    }

    /// Returns the port of the admin interface on 127.0.0.1.
    pub fn admin_port(&self) -> u16 {
        self.admin.port()
    }

    /// Returns all statistics, one `name: value` a line.
    pub fn stats(&self) -> String {
        self.admin.get("/stats")
    }

    /// Returns one counter or gauge by its full name; 0 when it does not exist, which is how Envoy shows an unused
    /// one.
    pub fn counter(&self, name: &str) -> u64 {
        let stats = self.stats();
        let value = stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    }

    /// Waits until a counter has reached `value`; `false` when it has not `within` that time.
    pub fn wait_for_counter(&self, name: &str, value: u64, within: Duration) -> bool {
        poll_until(within, || (self.counter(name) >= value).then_some(())).is_some()
    }

    /// Returns all statistics in Prometheus' text format.
    pub fn prometheus(&self) -> String {
        self.admin.get("/stats/prometheus")
    }

    /// Returns the effective configuration.
    pub fn config_dump(&self) -> Value {
        self.admin.json("/config_dump")
    }

    /// Returns how many bytes Envoy has allocated, without what V8 maps for itself.
    pub fn memory(&self) -> u64 {
        let memory = self.admin.json("/memory");
        let allocated = memory["allocated"].as_str().and_then(|bytes| bytes.parse().ok());
        allocated.unwrap_or_else(|| panic!("expected a number of allocated bytes in {memory:#}"))
    }

    /// Returns the answer to `GET` of any path of the admin interface.
    pub fn admin(&self, path: &str) -> String {
        self.admin.get(path)
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Returns the directory of this run, with the configuration and the logs.
    pub fn directory(&self) -> &Path {
        self.process.scratch().path()
    }

    /// Returns the log so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Returns the file that the log goes to.
    pub fn log_file(&self) -> PathBuf {
        self.process.log_file()
    }

    /// Returns this moment in the log.
    pub fn log_mark(&self) -> LogMark {
        self.process.log_mark()
    }

    /// Returns the log from `mark` on.
    pub fn log_since(&self, mark: LogMark) -> String {
        self.process.log_since(mark)
    }

    /// Waits until the log contains `text`; `false` when it does not `within` that time.
    pub fn wait_for_log(&self, text: &str, within: Duration) -> bool {
        self.wait_for_log_since(LogMark::default(), text, within)
    }

    /// Waits until the log from `mark` on contains `text`; `false` when it does not `within` that time.
    pub fn wait_for_log_since(&self, mark: LogMark, text: &str, within: Duration) -> bool {
        poll_until(within, || self.log_since(mark).contains(text).then_some(())).is_some()
    }

    /// Returns what Envoy has written to its standard output: the access log, where the configuration sends it there.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// Returns the file that Envoy's standard output goes to.
    pub fn output_file(&self) -> PathBuf {
        self.process.output_file()
    }

    /// Waits until the standard output contains `text`; `false` when it does not `within` that time.
    pub fn wait_for_output(&self, text: &str, within: Duration) -> bool {
        poll_until(within, || self.output().contains(text).then_some(())).is_some()
    }
}

impl Options {
    /// Takes over the listeners of a process with [`Options::hot_restart`], which goes on with the requests that it has.
    #[must_use]
    pub fn after(mut self, old: &Envoy) -> Self {
        self.hot_restart = HotRestart::After(old.base_id());
        self
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(Exit { code: Some(code), log }) => {
                write!(f, "it exited with {code}:\n{}", process::tail(log))
            }
            Self::Exited(Exit { code: None, log }) => {
                write!(f, "a signal ended it:\n{}", process::tail(log))
            }
            Self::NotReady(log) => write!(f, "it is not ready after {START:?}:\n{}", process::tail(log)),
        }
    }
}

impl std::error::Error for StartError {}
