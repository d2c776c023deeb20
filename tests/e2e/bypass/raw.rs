//! HTTP/2 frames by hand, for header sections that no client library would send.

use twilio_proxy_wasm_harness::client::{Failure, Target, h1};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// `HEADERS` with these fields, in their order.
pub fn headers(fields: &[(&str, &str)], ends: bool) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        // A literal field without indexing, and with a name of its own (RFC 7541, 6.2.2).
        block.push(0);
        text(&mut block, name);
        text(&mut block, value);
    }
    frame(HEADERS, END_HEADERS | if ends { END_STREAM } else { 0 }, 1, &block)
}

/// `DATA`.
pub fn data(bytes: &[u8], ends: bool) -> Vec<u8> {
    frame(DATA, if ends { END_STREAM } else { 0 }, 1, bytes)
}

/// `RST_STREAM` with `CANCEL`.
pub fn reset() -> Vec<u8> {
    frame(RST_STREAM, 0, 1, &8u32.to_be_bytes())
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame of fewer than 2^24 bytes").to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags, 0, 0, 0, stream];
    [&head, payload].concat()
}

/// A string without Huffman coding: its length as a 7-bit prefixed integer (RFC 7541, 5.1), then its bytes.
fn text(to: &mut Vec<u8>, text: &str) {
    let mut rest = text.len();
    if rest < 127 {
        to.push(rest as u8);
    } else {
        to.push(127);
        rest -= 127;
        while rest >= 128 {
            to.push((rest % 128) as u8 | 128);
            rest /= 128;
        }
        to.push(rest as u8);
    }
    to.extend_from_slice(text.as_bytes());
}

/// Sends frames, and reads until stream 1 has its answer or the connection ends. The status is told by its place in
/// HPACK's static table, or its literal digits.
pub fn exchange(target: &Target, frames: &[u8]) -> Result<u16, Failure> {
    let mut connection = h1::Connection::open(target)?;
    connection.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), frames].concat())?;
    loop {
        let head = connection.read_exact(9)?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let payload = connection.read_exact(length)?;
        match (head[3], head[4], head[8]) {
            (HEADERS, _, 1) => return Ok(status(&payload)),
            (RST_STREAM, _, 1) => return Err(Failure::StreamReset(u32::from(payload[3]))),
            (GOAWAY, ..) => return Err(Failure::GoAway(u32::from(payload[7]))),
            (SETTINGS, flags, _) if flags & ACK == 0 => {
                // The peer may have gone already; what it sent before is still to be read.
                let _ = connection.send(&frame(SETTINGS, ACK, 0, &[]));
            }
            _ => {}
        }
    }
}

fn status(block: &[u8]) -> u16 {
    // Envoy may begin with a change of the table's size (001xxxxx), and writes `:status` first.
    let block = if block[0] & 0xE0 == 0x20 { &block[1..] } else { block };
    match block {
        [first, ..] if (0x88..=0x8E).contains(first) => {
            [200, 204, 206, 304, 400, 404, 500][usize::from(first - 0x88)]
        }
        // Name 8 of the static table with a literal of three digits, Huffman coded (5 or 6 bits each) or not.
        [0x48 | 0x08 | 0x18, 3, a, b, c, ..] if a.is_ascii_digit() => {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        [0x48 | 0x08 | 0x18, length, coded @ ..] => huffman_digits(&coded[..usize::from(length & 0x7F)]),
        _ => panic!("expected :status first in {block:02x?}"),
    }
}

/// Three digits in HPACK's Huffman code: 0 to 2 have five bits, 3 to 9 six (RFC 7541, appendix B).
fn huffman_digits(coded: &[u8]) -> u16 {
    let bits: Vec<u8> = coded.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    let (mut at, mut number) = (0, 0);
    let take = |at: usize, count: usize| {
        bits[at..at + count].iter().fold(0u16, |sum, bit| sum << 1 | u16::from(*bit))
    };
    for _ in 0..3 {
        let short = take(at, 5);
        let digit = if short <= 2 { short } else { take(at, 6) - 0x19 + 3 };
        at += if short <= 2 { 5 } else { 6 };
        number = number * 10 + digit;
    }
    number
}
