//! The application behind the proxy: answers everything, and records every byte with the time it came.

mod answer;
pub mod control;
mod frames;
mod h1;
mod h2;
mod json;
mod request;
mod serve;
mod sorter;
mod store;
mod tap;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use answer::Answer;
pub use json::to_json;
pub use request::{Protocol, Request};
pub use store::{Chunk, Mark};

use crate::runtime::{block_on, spawn};
use store::Store;

/// A recording HTTP server on one port, for HTTP/1.1 and for HTTP/2 with prior knowledge, told apart by the
/// preface. Dropped, it closes its port and all connections.
///
/// ```no_run
/// # use std::time::Duration;
/// # use twilio_proxy_wasm_harness::upstream::Upstream;
/// let upstream = Upstream::start();
/// let mark = upstream.mark();
/// // ... send a request that the proxy must deny to a proxy in front of upstream.port() ...
/// assert_eq!(upstream.bytes_since(mark), b"");
/// // ... and one that it must let through ...
/// let seen = upstream.wait_for_requests(1, Duration::from_secs(5));
/// assert_eq!(seen[0].body, b"Body=Hi");
/// ```
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    store: Arc<Store>,
    accepting: JoinHandle<()>,
    stop: Arc<Notify>,
}

impl Upstream {
    /// Listens on a free port of 127.0.0.1 and answers 200 with a small body.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start() -> Self {
        Self::start_with(Answer::default())
    }

    /// Does what [`Upstream::start`] does, with another answer.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start_with(answer: Answer) -> Self {
        let upstream = Self::listen((Ipv4Addr::LOCALHOST, 0).into(), |_| ()).expect("a free loopback port");
        upstream.answer_with(answer);
        upstream
    }

    /// Listens on `address`; `on_request` is called for each request when it has ended, whole or not.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn listen(
        address: SocketAddr,
        on_request: impl Fn(&Request) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = block_on(tokio::net::TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        let store = Arc::new(Store::new(on_request));
        let stop = Arc::new(Notify::new());
        let accepting = spawn(serve::accept(listener, Arc::clone(&store), Arc::clone(&stop)));
        Ok(Self { address, store, accepting, stop })
    }

    /// Returns the port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sets the answer to every request that is whole from now on.
    pub fn answer_with(&self, answer: Answer) {
        self.store.set_answer(answer);
    }

    /// Returns this moment, for the `_since` functions.
    pub fn mark(&self) -> Mark {
        self.store.settle(self.address);
        self.store.mark()
    }

    /// Returns every request so far, also those that are still arriving or broke off.
    ///
    /// A request is here soon after its header section arrived: to see one, wait for it. To show that none
    /// came, use [`Upstream::bytes_since`], which also has what never became a whole header section.
    pub fn requests(&self) -> Vec<Request> {
        self.requests_since(Mark::default())
    }

    /// Returns the requests whose header section came after `mark`.
    pub fn requests_since(&self, mark: Mark) -> Vec<Request> {
        self.store.requests_since(mark)
    }

    /// Waits until `count` requests have ended since the start, and returns all requests so far.
    ///
    /// # Panics
    /// When they do not come `within` that time.
    pub fn wait_for_requests(&self, count: usize, within: Duration) -> Vec<Request> {
        self.wait_for_requests_since(Mark::default(), count, within)
    }

    /// Waits until `count` requests have ended since `mark`, and returns all requests since.
    ///
    /// # Panics
    /// When they do not come `within` that time.
    pub fn wait_for_requests_since(&self, mark: Mark, count: usize, within: Duration) -> Vec<Request> {
        let ended = |requests: &[Request]| requests.iter().filter(|request| request.ended).count() >= count;
        self.wait_until(mark, within, ended).unwrap_or_else(|requests| {
            panic!("expected {count} requests at the upstream within {within:?}, got {requests:#?}")
        })
    }

    /// Waits until the requests since `mark`, which may still be arriving, are as `wanted`, and returns them.
    ///
    /// # Errors
    /// What there is instead when `within` is over.
    pub fn wait_until(
        &self,
        mark: Mark,
        within: Duration,
        wanted: impl Fn(&[Request]) -> bool,
    ) -> Result<Vec<Request>, Vec<Request>> {
        let reached = self.store.wait(within, |requests| wanted(&requests[mark.requests..]));
        let requests = self.store.requests_since(mark);
        if reached { Ok(requests) } else { Err(requests) }
    }

    /// Returns the bytes of requests that arrived on any connection since `mark`.
    ///
    /// Of HTTP/1.1 that is every byte. Of HTTP/2 it is every frame on a stream but `WINDOW_UPDATE`; the
    /// preface,
    /// `SETTINGS`, `PING`, `GOAWAY` belong to the connection and do not count.
    ///
    /// What the proxy has handed to its socket by now is included, without a pause in the test: this first
    /// reads all connections dry. What the proxy still holds is not; if that matters, send a request that
    /// must pass behind the one that must not, and wait for it.
    pub fn bytes_since(&self, mark: Mark) -> Vec<u8> {
        let chunks = self.chunks_since(mark).into_iter().filter(|chunk| chunk.of_request);
        chunks.flat_map(|chunk| chunk.bytes).collect()
    }

    /// Returns everything read since `mark`, piece by piece with its time and connection.
    pub fn chunks_since(&self, mark: Mark) -> Vec<Chunk> {
        self.store.settle(self.address);
        self.store.chunks_since(mark)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.notify_one();
        // Waited for: a test may go on with the port being closed.
        let _ = block_on(&mut self.accepting);
    }
}
