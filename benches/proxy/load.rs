//! The load: a few connections, each of which sends its next request when it has the answer to the last.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Enough that neither side waits for the other on two processors.
pub(crate) const CONNECTIONS: usize = 4;
/// A request that takes this long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a burst of requests met with.
pub(crate) struct Burst {
    pub(crate) elapsed: Duration,
    /// How long each request took, in ascending order.
    pub(crate) latencies: Vec<Duration>,
    /// The status of each answer, where they were all the same.
    pub(crate) status: u16,
}

/// When a burst ends: whichever comes first.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) time: Duration,
    pub(crate) requests: usize,
}

/// Sends `request` again and again on each connection.
pub(crate) fn burst(port: u16, request: &[u8], connections: usize, limit: Limit) -> Burst {
    let each = Limit { requests: limit.requests.div_ceil(connections), ..limit };
    let mut streams: Vec<_> = (0..connections).map(|_| Connection::open(port)).collect();
    let start = Instant::now();
    let answers: Vec<(Vec<Duration>, u16)> = thread::scope(|scope| {
        let run = |stream| scope.spawn(move || send_all(stream, request, each));
        let running: Vec<_> = streams.iter_mut().map(run).collect();
        running.into_iter().map(|thread| thread.join().expect("a connection that lasts")).collect()
    });
    let elapsed = start.elapsed();
    let status = answers[0].1;
    assert!(answers.iter().all(|(_, own)| *own == status), "connections met with different answers");
    let mut latencies: Vec<Duration> = answers.into_iter().flat_map(|(latencies, _)| latencies).collect();
    latencies.sort_unstable();
    Burst { elapsed, latencies, status }
}

fn send_all(connection: &mut Connection, request: &[u8], limit: Limit) -> (Vec<Duration>, u16) {
    let end = Instant::now() + limit.time;
    let mut latencies = Vec::new();
    let mut status = None;
    while latencies.len() < limit.requests {
        let start = Instant::now();
        if start >= end && status.is_some() {
            break;
        }
        let answer = connection.send(request);
        assert_eq!(*status.get_or_insert(answer), answer, "the same request met with different answers");
        latencies.push(start.elapsed());
    }
    (latencies, status.unwrap_or_default())
}

/// A connection that is kept.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(port: u16) -> Connection {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Connection(BufReader::new(stream))
    }

    /// Sends a request, and returns the status of the answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> u16 {
        self.0.get_mut().write_all(request).expect("a connection that takes the request");
        let head = Head::read(&mut self.0).expect("an answer before the end of the connection");
        head.skip_body(&mut self.0);
        head.first_line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }
}

/// What framing needs of a request or an answer.
pub(crate) struct Head {
    pub(crate) first_line: String,
    length: u64,
}

impl Head {
    /// Reads the next head; `None` at the end of the connection.
    pub(crate) fn read(reader: &mut impl BufRead) -> Option<Head> {
        let (mut first_line, mut length, mut line) = (String::new(), 0, String::new());
        reader.read_line(&mut first_line).ok().filter(|size| *size > 0)?;
        loop {
            line.clear();
            reader.read_line(&mut line).ok().filter(|size| *size > 0)?;
            let Some((name, value)) = line.split_once(':') else { return Some(Head { first_line, length }) };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a length");
            }
            assert!(!name.eq_ignore_ascii_case("transfer-encoding"), "a length was expected");
        }
    }

    pub(crate) fn skip_body(&self, reader: &mut impl BufRead) {
        let copied = std::io::copy(&mut reader.take(self.length), &mut std::io::sink());
        assert_eq!(copied.expect("a whole body"), self.length);
    }
}
