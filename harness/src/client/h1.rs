//! An HTTP/1.1 client that sends any bytes.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;

use super::connect::{DEADLINE, Stream, Target};
use super::outcome::{Failure, Response};
use super::request::Request;
use crate::runtime::block_on;
use crate::wire::body::Body;
use crate::wire::head::{self, ResponseHead};
use crate::wire::reader::Reader;

/// One connection, for as many requests as the peer allows.
///
/// ```no_run
/// # use std::time::Duration;
/// # use twilio_proxy_wasm_harness::client::{h1, Request, Target};
/// let mut connection = h1::Connection::open(&Target::plain(8080)).expect("a listener");
/// let whole = Request::new("POST", "hooks.example.com", "/sms").body("Body=Hi").h1_bytes();
/// connection.send_pieces(whole.chunks(5), Duration::from_millis(20)).expect("an open connection");
/// assert_eq!(connection.read_response().expect("an answer").status, 200);
/// ```
#[derive(Debug)]
pub struct Connection {
    reader: Reader<ReadHalf<Box<dyn Stream>>>,
    writer: WriteHalf<Box<dyn Stream>>,
    socket: std::net::TcpStream,
    deadline: Duration,
}

impl Connection {
    /// Connects, with the protocol `http/1.1` where there is TLS.
    ///
    /// # Errors
    /// Nothing listens there, or TLS failed.
    pub fn open(target: &Target) -> Result<Self, Failure> {
        let opened = block_on(async { timeout(DEADLINE, target.open("http/1.1")).await })??;
        let (reader, writer) = tokio::io::split(opened.stream);
        Ok(Self { reader: Reader::new(reader), writer, socket: opened.socket, deadline: DEADLINE })
    }

    /// Sets how long each of the following calls may take.
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The peer reset the connection, or does not read.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let writer = &mut self.writer;
        within(self.deadline, async {
            writer.write_all(bytes).await?;
            Ok(writer.flush().await?)
        })
    }

    /// Sends pieces with a pause after each but the last, so that the peer reads them one by one.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn send_pieces(
        &mut self,
        pieces: impl IntoIterator<Item: AsRef<[u8]>>,
        pause: Duration,
    ) -> Result<(), Failure> {
        let mut first = true;
        for piece in pieces {
            if !std::mem::take(&mut first) {
                std::thread::sleep(pause);
            }
            self.send(piece.as_ref())?;
        }
        Ok(())
    }

    /// Says that nothing more will be sent; reading goes on.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn finish_sending(&mut self) -> Result<(), Failure> {
        let writer = &mut self.writer;
        within(self.deadline, async { Ok(writer.shutdown().await?) })
    }

    /// Breaks the connection with a TCP reset.
    pub fn abort(self) {
        // With this option a close is a reset; only tokio's own type can set it.
        let socket = block_on(async { tokio::net::TcpStream::from_std(self.socket) });
        if let Ok(socket) = socket {
            let _ = socket.set_zero_linger();
        }
    }

    /// Sends a request and reads the response, at the same time: an answer that comes before the request is
    /// sent to the end is returned, and the rest is not sent.
    ///
    /// # Errors
    /// How the exchange ended, if not with a whole response.
    pub fn request(&mut self, request: &Request) -> Result<Response, Failure> {
        let bytes = request.h1_bytes();
        let (reader, writer) = (&mut self.reader, &mut self.writer);
        within(self.deadline, async {
            let write = async {
                // A peer that has answered may refuse the rest. What it answered is still to be read.
                let _ = writer.write_all(&bytes).await;
                let _ = writer.flush().await;
                std::future::pending::<Infallible>().await
            };
            tokio::select! {
                response = read_response(reader, &request.method) => response,
                never = write => match never {},
            }
        })
    }

    /// Reads the next response to a request that was not `HEAD`.
    ///
    /// # Errors
    /// How the exchange ended, if not with a whole response.
    pub fn read_response(&mut self) -> Result<Response, Failure> {
        let reader = &mut self.reader;
        within(self.deadline, read_response(reader, "GET"))
    }

    /// Reads only the next status line and header section, be it an interim response like 100 or a 101.
    ///
    /// # Errors
    /// How the exchange ended, if not so.
    pub fn read_head(&mut self) -> Result<Response, Failure> {
        let reader = &mut self.reader;
        within(self.deadline, async {
            let ResponseHead { status, headers } = head::response(reader).await?;
            Ok(Response { status, headers, ..Response::default() })
        })
    }

    /// Reads `count` bytes, for a connection that was upgraded.
    ///
    /// # Errors
    /// How the connection ended before that.
    pub fn read_exact(&mut self, count: usize) -> Result<Vec<u8>, Failure> {
        let reader = &mut self.reader;
        within(self.deadline, async {
            while reader.buffered().len() < count {
                reader.need().await?;
            }
            Ok(reader.take(count).to_vec())
        })
    }

    /// Reads until the connection ends, and says how it did: [`Failure::Eof`], [`Failure::Reset`], or
    /// [`Failure::Timeout`] when it is still open.
    pub fn drain(&mut self) -> (Vec<u8>, Failure) {
        let reader = &mut self.reader;
        let end = within(self.deadline, async {
            loop {
                reader.need().await?;
            }
        });
        let end = end.map_or_else(|failure| failure, |never: Infallible| match never {});
        (self.reader.take(usize::MAX).to_vec(), end)
    }
}

/// Runs an exchange for at most `deadline`.
fn within<T>(deadline: Duration, exchange: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    block_on(async { timeout(deadline, exchange).await })?
}

/// Reads interim responses and the one after them.
async fn read_response(
    reader: &mut Reader<ReadHalf<Box<dyn Stream>>>,
    method: &str,
) -> Result<Response, Failure> {
    let mut interim = Vec::new();
    loop {
        let head = head::response(reader).await?;
        if head.status < 200 && head.status != 101 {
            interim.push(head.status);
            continue;
        }
        let mut body = Body::new(head.framing(method)?);
        let whole = body.collect(reader).await?;
        let ResponseHead { status, headers } = head;
        return Ok(Response { status, headers, body: whole, trailers: body.trailers, interim });
    }
}
