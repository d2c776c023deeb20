//! A request as somebody captured it: a curl command, a HAR file, or HTTP as it went over the wire.
//!
//! What is read here carries a signature, and may carry anything: no error repeats a part of it.

mod curl;
mod har;
mod raw;
mod shell;
mod target;

use crate::failure::Failure;

/// A header: its name in lower case, and its value.
pub type Header = (String, Vec<u8>);

/// A captured request, with the bytes that a proxy would get.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Captured {
    /// The method.
    pub method: Vec<u8>,
    /// Whether it came over TLS; `None` if the capture does not tell.
    pub tls: Option<bool>,
    /// `Host`, or `:authority`.
    pub authority: Option<Vec<u8>>,
    /// Path and query.
    pub target: Vec<u8>,
    /// The headers in their order, `Host` not among them.
    pub headers: Vec<Header>,
    /// The body, without its framing.
    pub body: Vec<u8>,
    /// What the reader should know of how it was read.
    pub notes: Vec<String>,
}

impl std::fmt::Debug for Captured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Captured").field("headers", &self.headers.len()).finish_non_exhaustive()
    }
}

impl Captured {
    /// The values of a header.
    pub fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_slice())
    }

    /// The one value of a header.
    #[must_use]
    pub fn one(&self, name: &'static str) -> Option<&[u8]> {
        let mut values = self.values(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// Takes `Host` out of the headers. Of several a proxy makes one, with commas.
    fn take_host(&mut self) {
        let hosts: Vec<&[u8]> = self.values("host").collect();
        if !hosts.is_empty() {
            self.authority = Some(hosts.join(&b','));
        }
        self.headers.retain(|(name, _)| name != "host");
    }
}

/// Which request of several, and how a capture is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice {
    /// Of a HAR file the entry of this number, from 1.
    pub entry: Option<usize>,
    /// Whether standard input is the capture itself, so that nothing else can be read from it.
    pub is_stdin: bool,
}

/// Reads a capture, whichever of the three it is.
///
/// # Errors
/// [`Failure::File`] if it is none, or not whole.
pub fn read(bytes: &[u8], choice: Choice) -> Result<Captured, Failure> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let start = bytes.trim_ascii_start();
    let captured = if start.starts_with(b"{") {
        har::read(start, choice.entry)
    } else if raw::is_request(start) {
        raw::read(start)
    } else if let Some(command) = curl::command(start) {
        curl::read(command, choice.is_stdin)
    } else if start.is_empty() {
        Err("is empty".to_owned())
    } else {
        Err("is neither a curl command, nor a HAR file, nor an HTTP request with its headers".to_owned())
    };
    let checked = captured.and_then(|captured| check(&captured).map(|()| captured));
    checked.map_err(|problem| Failure::File(format!("the capture {problem}")))
}

/// What is printed of a request is what it is by its form: a quote in the wrong place could make a URL of a signature.
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
