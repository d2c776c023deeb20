//! An absolute URL, in bytes.

/// The parts of an absolute URL that a request is made of.
pub(super) struct Target {
    pub(super) tls: bool,
    /// Whether it is `ws` or `wss`.
    pub(super) is_websocket: bool,
    pub(super) authority: Vec<u8>,
    /// Path and query; an empty path is sent as `/`.
    pub(super) target: Vec<u8>,
}

/// Splits a URL. The fragment, user name and password are dropped: none of them is sent as a part of it.
pub(super) fn split(url: &[u8]) -> Result<Target, String> {
    let scheme_end =
        url.windows(3).position(|part| part == b"://").ok_or("has a URL without http:// or https://")?;
    let (scheme, rest) = url.split_at(scheme_end);
    let rest = rest.get(3..).unwrap_or_default();
    let (tls, is_websocket) = match scheme.to_ascii_lowercase().as_slice() {
        b"https" => (true, false),
        b"http" => (false, false),
        b"wss" => (true, true),
        b"ws" => (false, true),
        _ => return Err("has a URL that is none of http, https, ws and wss".to_owned()),
    };
    if rest.iter().any(|byte| *byte <= b' ' || *byte == 0x7F) {
        return Err("has a URL with a space or a control character in it".to_owned());
    }
    let rest = rest.split(|byte| *byte == b'#').next().unwrap_or_default();
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let authority = authority.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    if authority.is_empty() || authority.starts_with(b":") {
        return Err("has a URL without a host".to_owned());
    }
    let slash: &[u8] = if target.starts_with(b"/") { b"" } else { b"/" };
    Ok(Target { tls, is_websocket, authority: authority.to_vec(), target: [slash, target].concat() })
}
