//! The command line.

mod network;
mod probe;
mod reach;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;
use crate::fixtures::Kind;
use crate::forge::{DEFAULT_LIMIT, Forge};
use crate::key::{Algorithm, Key, Source};
use crate::sign::Param;

use network::seconds;

pub use network::Network;
pub use probe::Probe;
pub use reach::{Reach, Resolve};

const AFTER_HELP: &str = "\
Exit codes:
  0  done, and the answer, every row of the scenario, the configuration or the request was as expected
  1  one of them was not
  2  the command line or the scenario asks for what cannot be
  3  a token is missing or empty
  4  cannot connect, or the name is not found
  5  TLS: the certificate is refused, or there is no TLS
  6  timeout
  7  the peer breaks the protocol, or a file cannot be read or written
  8  a probe cannot tell, see probe --help

Tokens are read from the environment or from a file, never from an argument, and never printed.

Examples:
  export TWILIO_AUTH_TOKEN=...
  twilio-webhook sign 'https://hooks.example.com/sms' --param From=+15005550001 --param Body=hi
  twilio-webhook send https://hooks.example.com/sms --webhook sms
  twilio-webhook send https://hooks.example.com/sms --forge signature --connect 127.0.0.1:8443 --cacert ca.pem
  twilio-webhook scenario scenarios/webhooks.toml --target envoy=127.0.0.1:8443 --cacert ca.pem
  twilio-webhook check envoy.yaml
  twilio-webhook probe https://hooks.example.com/sms --wait 60s
  twilio-webhook explain captured.har --config envoy.yaml";

/// Plays Twilio against a webhook (signs, sends, forges), and tells what the filter makes of a configuration or a request
#[derive(Debug, Parser)]
#[command(name = "twilio-webhook", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the signature of a URL with its parameters or body
    Sign(Sign),
    /// Send one signed webhook and print the answer
    Send(Send),
    /// Run a file of requests with what is expected of each
    Scenario(Scenario),
    /// Say what a configuration of the filter means, and what is wrong or weak in it
    Check(Check),
    /// Say what the filter makes of a captured request, and why
    Explain(Explain),
    /// Say whether what Twilio did not sign reaches the application behind a URL
    Probe(Probe),
    /// Print the JSON Schema of the filter's configuration, for editors
    Schema,
}

/// `sign`
#[derive(Debug, Args)]
#[expect(missing_docs, reason = "the texts are those of --help")]
pub struct Sign {
    /// The URL as given to Twilio
    pub url: String,
    #[command(flatten)]
    pub content: Content,
    /// Sign a WebSocket handshake: a wss URL, its query as parameters
    #[arg(long, conflicts_with_all = ["json", "method"])]
    pub websocket: bool,
    /// Print a curl command that sends the request instead
    #[arg(long)]
    pub curl: bool,
    #[command(flatten)]
    pub keys: Keys,
}

/// `send`
#[derive(Debug, Args)]
#[expect(missing_docs, reason = "the texts are those of --help")]
#[command(after_help = "\
Without --webhook, --param, --json or --method an SMS is sent. Exits with 0 if the answer is a 2xx (or 101 for a \
WebSocket); with --forge if it is a 4xx; with --expect if it is that status. All exit codes: twilio-webhook --help")]
pub struct Send {
    /// The URL as given to Twilio: it is signed and sent byte for byte
    pub url: String,
    /// A ready-made webhook with the fields that Twilio sends
    #[arg(long, value_name = "KIND")]
    pub webhook: Option<Kind>,
    #[command(flatten)]
    pub content: Content,
    /// A further header, NAME: VALUE; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub headers: Vec<(String, String)>,
    /// A text message for the open WebSocket, expected back; may be repeated
    #[arg(long = "frame", value_name = "TEXT")]
    pub frames: Vec<String>,
    /// Break exactly one thing
    #[arg(long, value_name = "THING")]
    pub forge: Option<Forge>,
    /// What the forgery too-large goes beyond
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_LIMIT)]
    pub too_large_bytes: usize,
    /// The status to expect
    #[arg(long, value_name = "STATUS")]
    pub expect: Option<u16>,
    #[command(flatten)]
    pub reach: Reach,
    #[command(flatten)]
    pub network: Network,
    #[command(flatten)]
    pub keys: Keys,
}

/// `scenario`
#[derive(Debug, Args)]
#[expect(missing_docs, reason = "the texts are those of --help")]
#[command(after_help = "\
The file's format is described at the top of scenarios/webhooks.toml. The access log is JSON lines with the fields \
idempotency_token, response_code_details and twilio_webhook. All exit codes: twilio-webhook --help")]
pub struct Scenario {
    /// The scenario file (TOML)
    pub file: PathBuf,
    /// Where a target named in the file is, NAME=HOST:PORT; may be repeated
    #[arg(long = "target", value_name = "NAME=HOST:PORT", value_parser = pair)]
    pub targets: Vec<(String, String)>,
    /// Envoy's access log, in which the reasons are looked up
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,
    /// Control URL of the recorder behind the proxy: GET URL/requests/TOKEN tells what reached it
    #[arg(long, value_name = "URL")]
    pub upstream: Option<String>,
    /// How long to wait, after the last request, for the access log and the recorder
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = seconds)]
    pub patience: Duration,
    /// How to report
    #[arg(long, default_value = "table")]
    pub format: Format,
    /// Write the report there instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub network: Network,
}

/// `check`
#[derive(Debug, Args)]
#[command(after_help = "\
Reads the plugin's own configuration (JSON), and files that hold one: of Envoy (YAML or JSON: a bootstrap, a listener, a \
filter, a config dump), of Istio (WasmPlugin, TrafficExtension, EnvoyFilter) or of Envoy Gateway (EnvoyExtensionPolicy). \
Says of each what it means, and what is an error (the filter rejects it, or cannot hold requests where it stands), a \
warning (to be set right) or a note (weaker than it could be, and perhaps meant so).

Exits with 0 without an error, with 1 if there is one or, with --strict, a warning, with 2 if the command line is wrong, \
with 7 if a file cannot be read or none holds a configuration of the filter. Nothing is connected to, no secret is read \
from the environment, and none is printed: a variable that the proxy has need not be set here.")]
pub struct Check {
    /// Files that belong together, such as a plugin and its buffer; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Exit with 1 for a warning too
    #[arg(long)]
    pub strict: bool,
}

/// `explain`
#[derive(Debug, Args)]
#[command(after_help = "\
The capture is a curl command (for a POSIX shell, cmd or PowerShell; nothing is run or sent), a HAR file, HTTP as it goes \
over the wire, or what tcpdump -X or -A prints of it: which of them is found out. With --config the keys are read from the variables of this shell that the configuration \
names, and from the files that --filter-state names; what is not known is left out. Neither a key nor a signature is ever printed.

Exits with 0 if the request is verified, with 1 if it is not, with 2 if the command line is wrong, with 3 if there is no \
key, with 7 if a file cannot be read or understood.",
    // What signs for the other subcommands verifies here.
    mut_arg("shared_key", |arg| arg.help("Verify with the shared key of this id instead"))
)]
pub struct Explain {
    /// The captured request; - is standard input
    #[arg(default_value = "-", value_name = "FILE")]
    pub file: PathBuf,
    /// The plugin's configuration, or a file that holds it, as for `check`; without it one key verifies every request
    #[arg(long, value_name = "FILE", conflicts_with_all = ["auth_token_env", "auth_token_file", "shared_key"])]
    pub config: Option<PathBuf>,
    /// The file that the proxy fills this filter state from, for keys by `filter_state`; may be repeated
    #[arg(long = "filter-state", value_name = "KEY=FILE", value_parser = pair, requires = "config")]
    pub filter_states: Vec<(String, String)>,
    /// Of several plugins in the file the one whose place, as `check` prints it, has this in it
    #[arg(long, value_name = "TEXT", requires = "config")]
    pub plugin: Option<String>,
    /// Of several requests in a HAR file the one of this number, from 1
    #[arg(long, value_name = "NUMBER")]
    pub entry: Option<usize>,
    /// What was dialled, where the capture does not tell
    #[arg(long, default_value = "https")]
    pub scheme: Scheme,
    /// The port that the proxy listens on, if it is not in the file
    #[arg(long, value_name = "PORT")]
    pub listener_port: Option<u16>,
    /// The proxy's route that the request is on, for match.route_names; empty for none
    #[arg(long, value_name = "NAME")]
    pub route_name: Option<String>,
    /// The key, without --config
    #[command(flatten)]
    pub keys: Keys,
}

/// Whether TLS was dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scheme {
    /// TLS
    Https,
    /// No TLS
    Http,
}

/// A report's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people
    Table,
    /// One JSON object
    Json,
    /// JUnit XML
    Junit,
}

/// Parameters and bodies.
#[derive(Debug, Args)]
pub struct Content {
    /// A parameter, not encoded; may be repeated. Replaces the webhook's own of that name
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    pub params: Vec<Param>,
    /// A JSON body, or @FILE to read it from; its bodySHA256 is added to the query
    #[arg(long, value_name = "TEXT|@FILE", conflicts_with = "params")]
    pub json: Option<String>,
    /// The HTTP method; with GET, parameters go into the query
    #[arg(long)]
    pub method: Option<String>,
    /// Sign a WebSocket's query as part of the URL instead
    #[arg(long)]
    pub query_in_url: bool,
}

impl Content {
    /// Reads the JSON body: the text itself, or the bytes of the file that it names.
    ///
    /// # Errors
    /// [`Failure::File`] when the file cannot be read.
    pub fn json_body(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(text) = &self.json else { return Ok(None) };
        match text.strip_prefix('@') {
            None => Ok(Some(text.clone().into_bytes())),
            Some(path) => fs::read(path)
                .map(Some)
                .map_err(|error| Failure::File(format!("cannot read {path}: {error}"))),
        }
    }
}

/// Where the key is.
#[derive(Debug, Args)]
pub struct Keys {
    /// Environment variable that holds the auth token
    #[arg(long, value_name = "NAME", default_value = "TWILIO_AUTH_TOKEN")]
    pub auth_token_env: String,
    /// File that holds the auth token
    #[arg(long, value_name = "PATH", conflicts_with = "auth_token_env")]
    pub auth_token_file: Option<PathBuf>,
    /// Sign with the shared key of this id instead
    #[arg(long, value_name = "ID", conflicts_with_all = ["auth_token_env", "auth_token_file"])]
    pub shared_key: Option<String>,
    /// The shared key's algorithm
    #[arg(long, requires = "shared_key", default_value = "HMAC_SHA256", action = ArgAction::Set)]
    pub algorithm: Algorithm,
    /// Environment variable that holds the shared key
    #[arg(long, value_name = "NAME", requires = "shared_key", default_value = "TWILIO_SHARED_KEY")]
    pub shared_key_env: String,
    /// File that holds the shared key
    #[arg(long, value_name = "PATH", requires = "shared_key", conflicts_with = "shared_key_env")]
    pub shared_key_file: Option<PathBuf>,
}

impl Keys {
    /// Reads the key.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn read(&self) -> Result<Key, Failure> {
        let read = |env: &String, file: &Option<PathBuf>| {
            let source = match file {
                Some(path) => Source::File(path.clone()),
                None => Source::Env(env.clone()),
            };
            source.read(&|name| std::env::var(name).ok())
        };
        Ok(match &self.shared_key {
            None => Key::AuthToken(read(&self.auth_token_env, &self.auth_token_file)?),
            Some(id) => Key::Shared {
                id: id.clone(),
                algorithm: self.algorithm,
                secret: read(&self.shared_key_env, &self.shared_key_file)?,
            },
        })
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    let (name, value) = (name.trim(), value.trim());
    // Either could otherwise end the header and begin another.
    if name.is_empty() || text.chars().any(char::is_control) || name.contains(' ') {
        return Err("expected NAME: VALUE".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}
