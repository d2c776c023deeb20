//! `probe`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::failure::Failure;
use crate::key::{Algorithm, Key, Source};
use crate::probe::Kind;

use super::network::{Network, seconds};
use super::reach::Reach;

/// `probe`
#[derive(Debug, Args)]
#[expect(missing_docs, reason = "the texts are those of --help")]
#[command(after_help = "\
Sends each URL requests that Twilio did not sign, and says for each whether the filter denied it, the proxy did, or it \
reached the application. To a ws or wss URL it sends handshakes alone. Every request has the header \
X-Twilio-Webhook-Probe: 1 and tells of a message that does not exist; where verification is off, the application gets \
it. docs/probe.md has what to do then.

Exits with 0 if nothing came through (and what is signed did, if there is a key), with 1 if something did (or what is \
signed did not), with 8 if an answer says neither, or with --strict if nothing shows that the filter verifies, with 4, 5 \
or 6 if nobody answers at all. All exit codes: twilio-webhook --help")]
pub struct Probe {
    /// URLs as given to Twilio
    #[arg(required = true, value_name = "URL")]
    pub urls: Vec<String>,
    /// Environment variable that holds the auth token: sends requests that are rightly signed as well, which must pass
    #[arg(long, value_name = "NAME")]
    pub token_env: Option<String>,
    /// File that holds the auth token, to the same end
    #[arg(long, value_name = "PATH", conflicts_with = "token_env")]
    pub token_file: Option<PathBuf>,
    /// What --token-env or --token-file holds is the shared key of this id
    #[arg(long, value_name = "ID")]
    pub shared_key: Option<String>,
    /// The shared key's algorithm
    #[arg(long, requires = "shared_key", default_value = "HMAC_SHA256")]
    pub algorithm: Algorithm,
    /// The account that requests are said to be of, for a token that is tied to one
    #[arg(long, value_name = "SID")]
    pub account_sid: Option<String>,
    /// A shape of request not to send; may be repeated
    #[arg(long, value_name = "SHAPE")]
    pub skip: Vec<Kind>,
    /// Another Envoy stands in front of the one with the filter, as a gateway before a sidecar
    #[arg(long)]
    pub behind_envoy: bool,
    /// Exit with 8 for a URL that is closed by the proxy alone
    #[arg(long)]
    pub strict: bool,
    /// Probe again until all is as it should be, for so long at most
    #[arg(long, value_name = "SECONDS", default_value = "0", hide_default_value = true, value_parser = wait)]
    pub wait: Duration,
    /// Send each URL's requests to every address that its host's name has, as those of all pods of a headless Service
    #[arg(long)]
    pub every_address: bool,
    /// Print what would be sent, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Report in JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub reach: Reach,
    #[command(flatten)]
    pub network: Network,
}

impl Probe {
    /// Returns where the key is, if one is to be used.
    #[must_use]
    pub fn source(&self) -> Option<Source> {
        let env = self.token_env.clone().map(Source::Env);
        env.or_else(|| self.token_file.clone().map(Source::File))
    }

    /// Reads the key, if one is to be used.
    ///
    /// # Errors
    /// As [`Source::read`]; [`Failure::Usage`] for a shared key's id without the key.
    pub fn key(&self) -> Result<Option<Key>, Failure> {
        let Some(source) = self.source() else {
            return match &self.shared_key {
                None => Ok(None),
                Some(_) => Err(Failure::Usage(
                    "--shared-key goes with --token-env or --token-file, which say where the key is"
                        .to_owned(),
                )),
            };
        };
        let secret = source.read(&|name| std::env::var(name).ok())?;
        Ok(Some(match &self.shared_key {
            None => Key::AuthToken(secret),
            Some(id) => Key::Shared { id: id.clone(), algorithm: self.algorithm, secret },
        }))
    }
}

/// Reads a number of seconds, as the other options take it, or with its unit: `60s`.
fn wait(text: &str) -> Result<Duration, String> {
    match text {
        "0" | "0s" => Ok(Duration::ZERO),
        _ => seconds(text.strip_suffix('s').unwrap_or(text)),
    }
}
