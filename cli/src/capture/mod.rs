//! A request as somebody captured it: a curl command, a HAR file, HTTP as it went over the wire, or what `tcpdump` prints of it.
//!
//! What is read here carries a signature, and may carry anything: no error repeats a part of it.

mod captured;
mod curl;
mod har;
mod raw;
mod shell;
mod target;
mod tcpdump;
mod windows;

pub use captured::{Captured, Header};

use crate::failure::Failure;

/// Which request of several, and how a capture is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice {
    /// Of a HAR file the entry of this number, from 1.
    pub entry: Option<usize>,
    /// Whether standard input is the capture itself, so that nothing else can be read from it.
    pub is_stdin: bool,
}

/// Reads a capture, whichever of the four it is.
///
/// # Errors
/// [`Failure::File`] if it is none, or not whole.
pub fn read(bytes: &[u8], choice: Choice) -> Result<Captured, Failure> {
    let decoded = of_utf16(bytes);
    let bytes = decoded.as_deref().unwrap_or(bytes);
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let start = bytes.trim_ascii_start();
    let captured = if start.starts_with(b"{") {
        har::read(start, choice.entry)
    } else if raw::is_request(start) {
        raw::read(start)
    } else if let Some(command) = curl::command(start) {
        curl::read(command, choice.is_stdin)
    } else if tcpdump::is_dump(start) {
        tcpdump::read(start)
    } else if tcpdump::is_file(bytes) {
        Err("is a file of packets: print it with tcpdump -X -r FILE, and give what that prints".to_owned())
    } else if is_of_powershell(start) {
        Err("is a command of PowerShell's own: copy it as cURL, or all as HAR".to_owned())
    } else if start.is_empty() {
        Err("is empty".to_owned())
    } else {
        Err("is neither a curl command, nor a HAR file, nor an HTTP request with its headers, nor of tcpdump"
            .to_owned())
    };
    let checked = captured.and_then(|captured| check(&captured).map(|()| captured));
    checked.map_err(|problem| Failure::File(format!("the capture {problem}")))
}

/// Returns what PowerShell has written to a file with `>`, which is UTF-16 with a byte order mark.
fn of_utf16(bytes: &[u8]) -> Option<Vec<u8>> {
    let (rest, read): (_, fn([u8; 2]) -> u16) = match bytes {
        [0xFF, 0xFE, rest @ ..] => (rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => (rest, u16::from_be_bytes),
        _ => return None,
    };
    let units: Vec<u16> = rest.chunks_exact(2).filter_map(|pair| Some(read(pair.try_into().ok()?))).collect();
    String::from_utf16(&units).ok().filter(|_| rest.len() % 2 == 0).map(String::into_bytes)
}

fn is_of_powershell(text: &[u8]) -> bool {
    ["Invoke-WebRequest", "Invoke-RestMethod"]
        .iter()
        .any(|name| text.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name.as_bytes())))
}

/// Refuses a request of which something else would be printed than it seems: a quote in the wrong place could make a URL of a
/// signature.
fn check(captured: &Captured) -> Result<(), String> {
    let is_method = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    if captured.method.is_empty() || captured.method.len() > 24 || !captured.method.iter().all(is_method) {
        return Err("has a method that is no word, such as POST".to_owned());
    }
    let authority = captured.authority.as_deref().unwrap_or_default();
    if authority.iter().chain(&captured.target).any(|byte| *byte <= b' ' || *byte == 0x7F) {
        return Err(
            "has a host or a path with a space or a control character, which a proxy answers with 400 itself"
                .to_owned(),
        );
    }
    Ok(())
}
