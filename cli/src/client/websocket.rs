//! What happens on an open WebSocket: each message is sent and has to come back (RFC 6455, 5.2).
//!
//! By hand as well, because a library insists on a peer that is in the right: whether an application masks its frames
//! is no concern of the proxy in front of it, so an echo of the very bytes will do.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::failure::Failure;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// Any mask does: it is there against proxies that take frames for requests.
const MASK: [u8; 4] = [0x74, 0x77, 0x69, 0x6c];
/// Nobody echoes more than was sent; a longer frame is no frame at all.
const MAX_PAYLOAD: u64 = 16 << 20;

/// Sends the frames one by one, and returns what came back for each. `early` are bytes that came with the handshake.
pub(super) async fn converse<S>(stream: S, early: Vec<u8>, frames: &[String]) -> Result<Vec<String>, Failure>
where
    S: AsyncRead + AsyncWrite,
{
    let (read, mut write) = tokio::io::split(stream);
    let mut read = early.as_slice().chain(read);
    let broken = |error: io::Error| Failure::Protocol(format!("the WebSocket broke: {error}"));
    let mut echoes = Vec::new();
    for frame in frames {
        send(&mut write, TEXT, frame.as_bytes()).await.map_err(broken)?;
        echoes.push(message(&mut read, &mut write).await.map_err(broken)?);
    }
    // A goodbye; how the peer takes it changes nothing any more.
    drop(send(&mut write, CLOSE, &1000_u16.to_be_bytes()).await);
    drop(write.shutdown().await);
    Ok(echoes)
}

/// Reads one whole text message, and answers what comes in between.
async fn message(
    read: &mut (impl AsyncRead + Unpin),
    write: &mut (impl AsyncWrite + Unpin),
) -> io::Result<String> {
    let mut message = Vec::new();
    loop {
        let (is_last, opcode, payload) = receive(read).await?;
        match opcode {
            TEXT | CONTINUATION => {
                message.extend(payload);
                if is_last {
                    return Ok(String::from_utf8_lossy(&message).into_owned());
                }
            }
            PING => send(write, PONG, &payload).await?,
            PONG => {}
            CLOSE => return Err(io::Error::other("the other end closed it before it echoed")),
            other => return Err(io::Error::other(format!("there came a frame of the kind {other}"))),
        }
    }
}

async fn send(write: &mut (impl AsyncWrite + Unpin), opcode: u8, payload: &[u8]) -> io::Result<()> {
    let mut frame = vec![0x80 | opcode];
    // The highest bit of the length says that the payload is masked.
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => frame.push(0x80 | length),
        (_, Ok(length)) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend(u64::try_from(payload.len()).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(masked(payload, MASK));
    write.write_all(&frame).await?;
    write.flush().await
}

async fn receive(read: &mut (impl AsyncRead + Unpin)) -> io::Result<(bool, u8, Vec<u8>)> {
    let (first, second) = (read.read_u8().await?, read.read_u8().await?);
    let length = match second & 0x7f {
        126 => u64::from(read.read_u16().await?),
        127 => read.read_u64().await?,
        length => u64::from(length),
    };
    if length > MAX_PAYLOAD {
        return Err(io::Error::other(format!("there came a frame of {length} bytes")));
    }
    let mut mask = [0; 4];
    if second & 0x80 != 0 {
        read.read_exact(&mut mask).await?;
    }
    let mut payload = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    read.read_exact(&mut payload).await?;
    Ok((first & 0x80 != 0, first & 0x0f, masked(&payload, mask)))
}

fn masked(payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
}
