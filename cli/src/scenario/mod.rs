//! Tables of requests with what is expected of each, as TOML.
//!
//! ```toml
//! [[scenario]]
//! name = "SMS, signature altered"             # says what it shows; the table's first column
//! target = "envoy"                            # a name that --target gives HOST:PORT for; this is the default
//! webhook = "sms"                             # sms, voice, status, get, events, websocket, empty; or none
//! params = { Body = "hi", Tag = ["a", "b"] }  # added to the webhook's, or instead of those of the same name
//! json = '{"a": 1}'                           # a JSON body instead
//! method = "POST"
//! url = "https://hooks.example.com/twilio/sms" # what Twilio was given, dials and signs
//! path = "/rewritten?x=1"                     # path and query on the wire, where they differ from the URL's
//! request_url = "https://other.example.com/"  # or the whole URL on the wire
//! headers = { X-Extra = "1" }
//! http = "2"                                  # default 1.1
//! key = { env = "TWILIO_AUTH_TOKEN" }         # the default; or { file = "PATH" }
//! shared_key = { id = "webhooks_sharedkey_01h", algorithm = "HMAC_SHA256", env = "TWILIO_SHARED_KEY" }
//! forge = "signature"                         # breaks one thing: see `twilio-webhook send --help`
//! too_large_bytes = 262144                    # what the forgery `too-large` goes beyond
//! query_in_url = true                         # sign a WebSocket's query as part of the URL, not as parameters
//! frames = ["hello"]                          # messages for an open WebSocket, each expected back
//!
//! [scenario.expect]
//! status = 403
//! reason = "signature_mismatch"               # `none` for a request that is allowed; checked against the access log
//! verdict = "denied"                          # allowed, denied, reported or passed; likewise
//! upstream = "nothing"                        # or "received": whether the application saw it; checked when recorded
//! ```
//!
//! Everything but `name`, `url` and `expect.status` may be left out.

pub mod lookup;
mod prepare;
mod run;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::client::Version;
use crate::failure::Failure;
use crate::fixtures::Kind;
use crate::forge::Forge;
use crate::key::Algorithm;

pub use lookup::{Logged, Received};
pub use run::{Env, ReasonLookup, Setup, UpstreamLookup, run};

/// A scenario file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The rows, in the order in which they are run.
    #[serde(rename = "scenario")]
    pub scenarios: Vec<Scenario>,
}

/// One request and what is expected of it. The fields are those of the file: see the module's documentation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the module's documentation shows each field")]
pub struct Scenario {
    pub name: String,
    #[serde(default = "default_target")]
    pub target: String,
    pub webhook: Option<Kind>,
    #[serde(default)]
    pub params: BTreeMap<String, Values>,
    pub json: Option<String>,
    pub method: Option<String>,
    pub url: String,
    pub path: Option<String>,
    pub request_url: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub http: Version,
    pub key: Option<KeySource>,
    pub shared_key: Option<SharedKey>,
    pub forge: Option<Forge>,
    pub too_large_bytes: Option<usize>,
    #[serde(default)]
    pub query_in_url: bool,
    #[serde(default)]
    pub frames: Vec<String>,
    pub expect: Expect,
}

/// One value, or several of the same name.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Values {
    One(String),
    Many(Vec<String>),
}

/// Where an auth token is kept: one of the two.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct KeySource {
    pub env: Option<String>,
    pub file: Option<PathBuf>,
}

/// A shared key and where it is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SharedKey {
    pub id: String,
    #[serde(default)]
    pub algorithm: Algorithm,
    pub env: Option<String>,
    pub file: Option<PathBuf>,
}

/// What is expected of a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the module's documentation shows each field")]
pub struct Expect {
    pub status: u16,
    pub reason: Option<String>,
    pub verdict: Option<String>,
    pub upstream: Option<Upstream>,
}

/// What the application behind the proxy saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Upstream {
    /// No request at all.
    Nothing,
    /// This request, once, with its body byte for byte.
    Received,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The scenario's name.
    pub name: String,
    /// Method, host and path, and the HTTP version.
    pub request: String,
    /// The expected status, and whether the application should see the request.
    pub expected: String,
    /// The same as it happened.
    pub got: String,
    /// The reason in the access log, or `-` where it was not looked up.
    pub reason: String,
    /// Whether all of it was as expected.
    pub passed: bool,
    /// What was not, or nothing.
    pub detail: String,
    /// The idempotency token, which finds the request in logs.
    pub token: String,
    /// How long the answer took.
    pub milliseconds: u64,
    /// The failure, when there was no answer to judge.
    #[serde(skip)]
    pub failure: Option<Failure>,
}

impl Suite {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// [`Failure::File`], with the line that is wrong.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::File(format!("cannot read {}: {error}", path.display())))?;
        text.parse().map_err(|error| Failure::File(format!("{}, {error}", path.display())))
    }
}

impl std::str::FromStr for Suite {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            Failure::File(format!("line {}: {}", before.matches('\n').count() + 1, error.message()))
        })
    }
}

fn default_target() -> String {
    "envoy".to_owned()
}
