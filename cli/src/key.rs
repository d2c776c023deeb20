//! The keys that Twilio signs with, and where they may come from: the environment or a file, never an argument,
//! because arguments are visible to every user of the machine and stay in shell histories.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

use crate::failure::Failure;

/// A secret that cannot be printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret's text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the bytes that key the HMAC.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The hash under the HMAC, by Twilio's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
pub enum Algorithm {
    /// What auth tokens always use, and shared keys may.
    #[value(name = "HMAC_SHA1")]
    #[serde(rename = "HMAC_SHA1")]
    HmacSha1,
    /// What shared keys use unless told otherwise.
    #[default]
    #[value(name = "HMAC_SHA256")]
    #[serde(rename = "HMAC_SHA256")]
    HmacSha256,
}

impl Algorithm {
    /// Returns the name in `X-Twilio-Webhooks-Signature-Settings`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha1 => "HMAC_SHA1",
            Self::HmacSha256 => "HMAC_SHA256",
        }
    }

    /// Returns the other one of the two.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::HmacSha1 => Self::HmacSha256,
            Self::HmacSha256 => Self::HmacSha1,
        }
    }
}

/// What a request is signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// An account's auth token: HMAC-SHA1, and no header says so.
    AuthToken(Secret),
    /// A shared key: the settings header names it and its algorithm.
    Shared {
        /// `webhooks_sharedkey_…`
        id: String,
        /// The hash.
        algorithm: Algorithm,
        /// The key itself.
        secret: Secret,
    },
}

impl Key {
    /// Returns the key's bytes.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        match self {
            Self::AuthToken(secret) | Self::Shared { secret, .. } => secret,
        }
    }

    /// Returns the hash this key signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::AuthToken(_) => Algorithm::HmacSha1,
            Self::Shared { algorithm, .. } => *algorithm,
        }
    }

    /// Returns the same kind of key with another secret.
    #[must_use]
    pub fn with_secret(&self, secret: Secret) -> Self {
        match self {
            Self::AuthToken(_) => Self::AuthToken(secret),
            Self::Shared { id, algorithm, .. } => {
                Self::Shared { id: id.clone(), algorithm: *algorithm, secret }
            }
        }
    }
}

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An environment variable.
    Env(String),
    /// A file; line ends after the secret are not part of it.
    File(PathBuf),
}

impl Source {
    /// Reads the secret. `env` looks a variable up; in the tool it is the process's environment.
    ///
    /// # Errors
    /// [`Failure::Token`] when it is missing or empty, [`Failure::File`] when the file cannot be read.
    pub fn read(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Secret, Failure> {
        let text = match self {
            Self::Env(name) => env(name)
                .ok_or_else(|| Failure::Token(format!("the environment variable {name} is not set")))?,
            Self::File(path) => fs::read_to_string(path)
                .map_err(|error| Failure::File(format!("cannot read {}: {error}", path.display())))?,
        };
        let text = match self {
            Self::Env(_) => text.as_str(),
            Self::File(_) => text.trim_end_matches(['\r', '\n']),
        };
        if text.trim().is_empty() {
            return Err(Failure::Token(format!("{self} is empty: an empty key signs nothing")));
        }
        Ok(Secret::new(text))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}
