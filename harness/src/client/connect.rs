//! Where to connect to, and with or without TLS.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::certs::Certs;

/// How long each call of a client may take, unless told otherwise.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A server on this machine.
#[derive(Clone, Debug)]
pub struct Target {
    address: SocketAddr,
    tls: Option<(Certs, String)>,
}

/// A byte stream in both directions, whatever is below.
pub(super) trait Stream: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin> Stream for S {}

/// An open connection.
pub(super) struct Opened {
    pub(super) stream: Box<dyn Stream>,
    /// The same socket, for options that TLS hides.
    pub(super) socket: std::net::TcpStream,
}

impl Target {
    /// Returns a port of 127.0.0.1, without TLS.
    pub fn plain(port: u16) -> Self {
        Self { address: (Ipv4Addr::LOCALHOST, port).into(), tls: None }
    }

    /// Returns a port of 127.0.0.1, with TLS: `name` is sent as SNI, and the certificate must be for it and from
    /// `certs`.
    pub fn tls(port: u16, certs: &Certs, name: &str) -> Self {
        let tls = Some((certs.clone(), name.to_owned()));
        Self { tls, ..Self::plain(port) }
    }

    /// Returns the scheme of a URL for it.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Connects, and offers `alpn` where there is TLS.
    pub(super) async fn open(&self, alpn: &str) -> io::Result<Opened> {
        let stream = TcpStream::connect(self.address).await?;
        // A test that sends pieces wants them to arrive as such.
        stream.set_nodelay(true)?;
        let stream = stream.into_std()?;
        let socket = stream.try_clone()?;
        let stream = TcpStream::from_std(stream)?;
        let Some((certs, name)) = &self.tls else {
            return Ok(Opened { stream: Box::new(stream), socket });
        };
        let name = ServerName::try_from(name.clone()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(certs.client_config(&[alpn]));
        let stream = connector.connect(name, stream).await?;
        Ok(Opened { stream: Box::new(stream), socket })
    }
}
