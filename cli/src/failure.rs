//! What can go wrong, and the exit code each failure ends the tool with.

use std::fmt;

/// A failure of the tool itself, told to the user as one line.
///
/// An answer that is not the expected one is no failure: see [`crate::scenario::Row`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The command line or the scenario file asks for what cannot be: exit code 2, clap's own.
    Usage(String),
    /// A token or shared key is missing or empty: exit code 3.
    Token(String),
    /// The name cannot be resolved, or nothing accepts the connection: exit code 4.
    Connect(String),
    /// The server's certificate is refused, or TLS cannot be agreed on: exit code 5.
    Tls(String),
    /// The deadline passed: exit code 6.
    Timeout(String),
    /// The peer does not speak the protocol: exit code 7.
    Protocol(String),
    /// A file cannot be read, written or understood: exit code 7.
    File(String),
    /// What came back neither shows that something is as it should be nor that it is not: exit code 8.
    Unclear(String),
}

impl Failure {
    /// Returns the exit code documented in `--help`.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Token(_) => 3,
            Self::Connect(_) => 4,
            Self::Tls(_) => 5,
            Self::Timeout(_) => 6,
            Self::Protocol(_) | Self::File(_) => 7,
            Self::Unclear(_) => 8,
        }
    }

    /// Puts what the failure happened to in front of it.
    #[must_use]
    pub fn context(self, what: &str) -> Self {
        let add = |text: String| format!("{what}: {text}");
        match self {
            Self::Usage(text) => Self::Usage(add(text)),
            Self::Token(text) => Self::Token(add(text)),
            Self::Connect(text) => Self::Connect(add(text)),
            Self::Tls(text) => Self::Tls(add(text)),
            Self::Timeout(text) => Self::Timeout(add(text)),
            Self::Protocol(text) => Self::Protocol(add(text)),
            Self::File(text) => Self::File(add(text)),
            Self::Unclear(text) => Self::Unclear(add(text)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(text)
        | Self::Token(text)
        | Self::Connect(text)
        | Self::Tls(text)
        | Self::Timeout(text)
        | Self::Protocol(text)
        | Self::File(text)
        | Self::Unclear(text)) = self;
        // An operating system's or a server's own text may have line ends; a failure is one line.
        f.write_str(&text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl std::error::Error for Failure {}
