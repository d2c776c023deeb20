//! Sends a request byte for byte as it was written, over the connection asked for, within a deadline.

mod answer;
mod dial;
mod http1;
mod http2;
mod tls;
mod websocket;

pub use answer::Answer;
pub use dial::{Dial, Version};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use tokio::runtime::{Builder, Runtime};

use crate::failure::Failure;
use crate::request::Request;

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// PEM certificates to trust instead of the system's.
    pub cacert: Option<PathBuf>,
    /// The deadline of a whole request, from the connection to the last byte.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { cacert: None, timeout: Duration::from_secs(10) }
    }
}

/// A client: one connection for each request, as different requests may trust and dial differently.
///
/// It blocks. From asynchronous code call it on a thread that may block (`tokio::task::spawn_blocking`).
#[derive(Debug)]
pub struct Client {
    tls: Arc<ClientConfig>,
    timeout: Duration,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Client {
    /// Reads the certificates to trust.
    ///
    /// # Errors
    /// [`Failure::File`] when they cannot be read.
    pub fn new(options: &Options) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Protocol(format!("cannot start: {error}")))?;
        let tls = Arc::new(dial::trust(options.cacert.as_deref())?);
        Ok(Self { tls, timeout: options.timeout, runtime: Some(runtime) })
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// # Errors
    /// [`Failure::Connect`], [`Failure::Tls`], [`Failure::Timeout`] or [`Failure::Protocol`].
    pub fn send(&self, request: &Request, dial: &Dial) -> Result<Answer, Failure> {
        let Some(runtime) = &self.runtime else {
            return Err(Failure::Protocol("the client has ended".into()));
        };
        let started = Instant::now();
        let exchange = async { tokio::time::timeout(self.timeout, self.exchange(request, dial)).await };
        let answer = runtime.block_on(exchange).map_err(|_| {
            let seconds = self.timeout.as_secs_f64();
            Failure::Timeout(format!("no whole answer from {} within {seconds} s", request.url.authority))
        })??;
        Ok(Answer { elapsed: started.elapsed(), ..answer })
    }

    async fn exchange(&self, request: &Request, dial: &Dial) -> Result<Answer, Failure> {
        let stream = dial::open(&request.url, dial, &self.tls).await?;
        match dial.http {
            Version::Http1 => http1::exchange(stream, request).await,
            Version::Http2 => http2::exchange(stream, request).await,
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Not the ordinary drop, which waits for a name lookup that the deadline has already given up on.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
