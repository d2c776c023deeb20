//! What the upstream has seen.

use std::collections::HashMap;
use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::request::Request;
use super::sorter::Sorter;
use crate::Headers;
use crate::runtime::poll_until;

/// Bytes that were read from a connection at once, or a part of them.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The connection, counted from 0 in the order of the first byte.
    pub connection: usize,
    /// When they were read.
    pub at: Instant,
    /// The bytes as they came.
    pub bytes: Vec<u8>,
    /// Whether they belong to a request, and not to the HTTP/2 connection as such.
    pub of_request: bool,
}

/// A moment in an upstream's record. The default is its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    pub(super) chunks: usize,
    pub(super) requests: usize,
}

/// The record, shared by all connections and by the test.
pub(super) struct Store {
    state: Mutex<State>,
    changed: Condvar,
    on_request: Box<dyn Fn(&Request) + Send + Sync>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    answer: Answer,
    chunks: Vec<Chunk>,
    requests: Vec<Request>,
    /// The peers of all connections so far, also of those that sent nothing.
    accepted: Vec<SocketAddr>,
    open: HashMap<usize, Open>,
    /// How many connections have sent something.
    spoken: usize,
}

#[derive(Debug)]
struct Open {
    /// The same socket, to look whether something is waiting in it.
    socket: TcpStream,
    sorter: Sorter,
    number: Option<usize>,
}

impl State {
    /// Adds bytes that were read from connection `id`.
    pub(super) fn record(&mut self, id: usize, bytes: &[u8]) {
        let Some(open) = self.open.get_mut(&id).filter(|_| !bytes.is_empty()) else {
            return;
        };
        let connection = *open.number.get_or_insert_with(|| {
            self.spoken += 1;
            self.spoken - 1
        });
        let at = Instant::now();
        open.sorter.feed(bytes, &mut |bytes, of_request| {
            self.chunks.push(Chunk { connection, at, bytes: bytes.to_vec(), of_request });
        });
    }

    /// Returns whether some connection has bytes that were not read yet.
    fn has_unread(&self) -> bool {
        // The sockets do not block: no bytes is an error here, and the end of the stream is a zero.
        self.open.values().any(|open| matches!(open.socket.peek(&mut [0]), Ok(1..)))
    }
}

impl Store {
    pub(super) fn new(on_request: impl Fn(&Request) + Send + Sync + 'static) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), on_request: Box::new(on_request) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answer(&self) -> Answer {
        self.lock().answer.clone()
    }

    pub(super) fn set_answer(&self, answer: Answer) {
        self.lock().answer = answer;
    }

    /// Registers a connection, and returns its id.
    pub(super) fn accepted(&self, peer: SocketAddr, socket: TcpStream) -> usize {
        let mut state = self.lock();
        let id = state.accepted.len();
        state.accepted.push(peer);
        state.open.insert(id, Open { socket, sorter: Sorter::new(), number: None });
        id
    }

    pub(super) fn closed(&self, id: usize) {
        let mut state = self.lock();
        // What was held back as a possible preface was none.
        if let Some(Open { sorter: Sorter::Undecided(held), number: Some(connection), .. }) =
            state.open.remove(&id)
        {
            state.chunks.push(Chunk { connection, at: Instant::now(), bytes: held, of_request: true });
        }
    }

    /// Returns the number of connection `id` in the order of the first byte.
    pub(super) fn number(&self, id: usize) -> usize {
        self.lock().open.get(&id).and_then(|open| open.number).unwrap_or_default()
    }

    /// Adds a request whose header section has arrived.
    pub(super) fn begin(self: &Arc<Self>, request: Request) -> Recording {
        let mut state = self.lock();
        state.requests.push(request);
        self.changed.notify_all();
        Recording { store: Arc::clone(self), index: state.requests.len() - 1 }
    }

    pub(super) fn mark(&self) -> Mark {
        let state = self.lock();
        Mark { chunks: state.chunks.len(), requests: state.requests.len() }
    }

    pub(super) fn requests_since(&self, mark: Mark) -> Vec<Request> {
        self.lock().requests[mark.requests..].to_vec()
    }

    pub(super) fn chunks_since(&self, mark: Mark) -> Vec<Chunk> {
        self.lock().chunks[mark.chunks..].to_vec()
    }

    /// Waits until `enough` holds; `false` when it does not `within` that time.
    pub(super) fn wait(&self, within: Duration, enough: impl Fn(&[Request]) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), within, |state| !enough(&state.requests));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits until everything that has been written to this upstream so far has been read.
    ///
    /// Connections are accepted in their order, so a connection of our own shows when all earlier ones were.
    /// Then the sockets are looked into. An HTTP/1.1 connection that sends a second request while the first
    /// is still being answered is not read; it is waited for one second.
    pub(super) fn settle(&self, address: SocketAddr) {
        let seconds = Duration::from_secs;
        // Looked for only behind this: an earlier connection may have had the same port.
        let before = self.lock().accepted.len();
        let probe = TcpStream::connect_timeout(&address, seconds(30)).expect("the upstream to listen");
        let own = probe.local_addr().expect("a connected socket to have an address");
        poll_until(seconds(30), || self.lock().accepted[before..].contains(&own).then_some(()))
            .expect("the upstream to accept a connection");
        poll_until(seconds(1), || (!self.lock().has_unread()).then_some(()));
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("state", &self.state).finish_non_exhaustive()
    }
}

/// A request in the record that is still arriving. Dropped without [`Recording::complete`], it broke off.
#[derive(Debug)]
pub(super) struct Recording {
    store: Arc<Store>,
    index: usize,
}

impl Recording {
    /// Adds more of the body.
    pub(super) fn data(&self, bytes: &[u8]) {
        self.store.lock().requests[self.index].body.extend_from_slice(bytes);
        self.store.changed.notify_all();
    }

    /// Says that the request is whole.
    pub(super) fn complete(self, trailers: Headers) {
        let mut state = self.store.lock();
        let request = &mut state.requests[self.index];
        request.trailers = trailers;
        request.complete = true;
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let mut state = self.store.lock();
        state.requests[self.index].ended = true;
        let request = state.requests[self.index].clone();
        drop(state);
        self.store.changed.notify_all();
        (self.store.on_request)(&request);
    }
}
