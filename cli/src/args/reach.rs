//! Where a URL's host is, if not where its name leads.

use std::net::{IpAddr, SocketAddr};

use clap::Args;

use crate::client::{Dial, Version};
use crate::failure::Failure;
use crate::url::Url;

/// Other ways to a URL than by its host's name. Host header and TLS server name stay the URL's.
#[derive(Debug, Args)]
pub struct Reach {
    /// Connect there instead of to the URL's host; Host header and TLS server name stay the URL's
    #[arg(long, value_name = "HOST:PORT")]
    pub connect: Option<String>,
    /// Take this address for that host and port; may be repeated
    #[arg(long, value_name = "HOST:PORT:ADDRESS", value_parser = resolve, conflicts_with = "connect")]
    pub resolve: Vec<Resolve>,
    /// The HTTP version
    #[arg(long, value_name = "VERSION", default_value = "1.1")]
    pub http: Version,
}

/// An address to take for a host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Resolve {
    pub host: String,
    pub port: u16,
    pub address: IpAddr,
}

impl Reach {
    /// Returns how to reach a URL.
    #[must_use]
    pub fn dial(&self, url: &Url) -> Dial {
        let resolved = self.resolve.iter().find(|resolve| resolve.is_for(url));
        let resolved = resolved.map(|resolve| SocketAddr::new(resolve.address, resolve.port).to_string());
        Dial { connect: self.connect.clone().or(resolved), http: self.http }
    }

    /// Refuses an address that no URL asks for: it is one for a host or port that was misspelt.
    ///
    /// # Errors
    /// [`Failure::Usage`] then.
    pub fn check(&self, urls: &[Url]) -> Result<(), Failure> {
        match self.resolve.iter().find(|resolve| !urls.iter().any(|url| resolve.is_for(url))) {
            None => Ok(()),
            Some(Resolve { host, port, .. }) => Err(Failure::Usage(format!(
                "--resolve names {host}:{port}, and no URL is of that host and port"
            ))),
        }
    }
}

impl Resolve {
    fn is_for(&self, url: &Url) -> bool {
        self.port == url.port() && self.host.eq_ignore_ascii_case(url.host())
    }
}

fn resolve(text: &str) -> Result<Resolve, String> {
    let parsed = || {
        let (host, rest) = text.split_once(':').filter(|(host, _)| !host.is_empty())?;
        let (port, address) = rest.split_once(':')?;
        let address = address.trim_start_matches('[').trim_end_matches(']');
        Some(Resolve { host: host.to_owned(), port: port.parse().ok()?, address: address.parse().ok()? })
    };
    parsed().ok_or_else(|| "expected HOST:PORT:ADDRESS, the address in figures".to_owned())
}
