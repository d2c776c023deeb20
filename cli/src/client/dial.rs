//! The connection: name lookup, TCP, TLS.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::tls;
use crate::failure::Failure;
use crate::url::{Url, split_port};

/// The HTTP version to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
pub enum Version {
    /// HTTP/1.1
    #[default]
    #[value(name = "1.1")]
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2; without TLS with prior knowledge
    #[value(name = "2")]
    #[serde(rename = "2")]
    Http2,
}

impl Version {
    /// Returns `HTTP/1.1` or `HTTP/2`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// Where one request is sent.
#[derive(Debug, Clone, Default)]
pub struct Dial {
    /// `HOST:PORT` to connect to instead of the URL's; Host header and server name stay the URL's.
    pub connect: Option<String>,
    /// The HTTP version.
    pub http: Version,
}

/// A TCP or TLS stream.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Connects, with TLS where the URL says so.
pub(super) async fn open(url: &Url, dial: &Dial, tls: &ClientConfig) -> Result<Box<dyn Stream>, Failure> {
    let (host, port) = match &dial.connect {
        Some(connect) => host_port(connect)?,
        None => (url.host().to_owned(), url.port()),
    };
    let tcp = connect(&host, port).await?;
    if !url.is_tls() {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(url.host().to_owned())
        .map_err(|_| Failure::Usage(format!("{} is no name that a certificate could have", url.host())))?;
    let mut config = tls.clone();
    config.alpn_protocols = match dial.http {
        Version::Http1 => vec![b"http/1.1".to_vec()],
        Version::Http2 => vec![b"h2".to_vec()],
    };
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .map_err(|error| tls::failure(url.host(), &error))?;
    // A server without ALPN may well speak HTTP/1.1; that it speaks HTTP/2 has to be agreed on.
    if dial.http == Version::Http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2".as_slice()) {
        return Err(Failure::Protocol(format!("{host}:{port} does not speak HTTP/2")));
    }
    Ok(Box::new(stream))
}

/// Returns TLS settings that trust the file's certificates, or else the system's.
pub(super) fn trust(cacert: Option<&Path>) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    match cacert {
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Some(path) => {
            let unreadable = |error: &dyn std::fmt::Display| {
                Failure::File(format!("cannot read certificates from {}: {error}", path.display()))
            };
            let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
            if roots.is_empty() {
                return Err(unreadable(&"there is none in it"));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, Failure> {
    let addresses: Vec<_> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| Failure::Connect(format!("cannot find {host}: {error}")))?
        .collect();
    let stream = TcpStream::connect(addresses.as_slice())
        .await
        .map_err(|error| Failure::Connect(format!("cannot connect to {host}:{port}: {error}")))?;
    // A request is written in one piece; waiting to fill a packet would only add to the time measured.
    stream.set_nodelay(true).map_err(|error| Failure::Connect(error.to_string()))?;
    Ok(stream)
}

/// Splits `HOST:PORT`.
pub(super) fn host_port(text: &str) -> Result<(String, u16), Failure> {
    let (host, port) = split_port(text);
    match (host, port.and_then(|port| port.parse().ok())) {
        (host, Some(port)) if !host.is_empty() => {
            Ok((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port))
        }
        _ => Err(Failure::Usage(format!("{text:?} is not HOST:PORT"))),
    }
}
