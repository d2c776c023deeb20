//! HTTP as it goes over the wire, with CRLF or LF: a request line, headers, a body.

use super::captured::Captured;
use super::target;

/// Returns whether a text begins with a request line.
pub(super) fn is_request(text: &[u8]) -> bool {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = line.trim_ascii_end().rsplitn(2, |byte| *byte == b' ');
    let version = words.next().unwrap_or_default();
    let has_more = words.next().is_some();
    has_more && version.starts_with(b"HTTP/")
}

pub(super) fn read(text: &[u8]) -> Result<Captured, String> {
    let mut rest = text;
    let request_line = line(&mut rest).ok_or("ends in its request line")?;
    let mut captured = Captured::default();
    let is_old = read_request_line(request_line, &mut captured)?;
    let mut number = 1_usize;
    loop {
        number = number.saturating_add(1);
        match line(&mut rest) {
            Some(b"") => break,
            Some(header) => {
                captured.headers.push(split_header(header).ok_or_else(|| {
                    format!("has something in line {number} that is no header; are the headers whole?")
                })?);
            }
            // What a copy by hand often lacks at its end. A body that is missing is noticed below.
            None => break,
        }
    }
    if captured.authority.is_none() || captured.values("host").count() > 1 {
        captured.take_host();
    }
    captured.headers.retain(|(name, _)| name != "host");
    if captured.authority.is_none() {
        return Err("has no Host header, and a proxy answers such a request with 400 itself".to_owned());
    }
    read_body(&mut captured, rest, is_old)?;
    Ok(captured)
}

/// Returns the next line without its end; `None` if nothing is left.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    if rest.is_empty() {
        return None;
    }
    let end = rest.iter().position(|byte| *byte == b'\n');
    let (line, after) = match end {
        Some(end) => (rest.get(..end)?, rest.get(end.saturating_add(1)..)?),
        None => (*rest, b"".as_slice()),
    };
    *rest = after;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// Takes in the request line. Returns whether bodies are framed by headers, as in HTTP/1.
fn read_request_line(line: &[u8], captured: &mut Captured) -> Result<bool, String> {
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, path, version] = words.as_slice() else {
        return Err("has a request line that is not METHOD PATH HTTP/1.1".to_owned());
    };
    if path.contains(&b'#') {
        return Err("has a path with a fragment, which a proxy answers with 400 itself".to_owned());
    }
    captured.method = method.to_vec();
    if path.starts_with(b"/") || *path == b"*" {
        captured.target = path.to_vec();
    } else if *method == b"CONNECT" {
        captured.authority = Some(path.to_vec());
    } else {
        let url = target::split(path)?;
        captured.tls = Some(url.tls);
        captured.authority = Some(url.authority);
        captured.target = url.target;
    }
    Ok(version.starts_with(b"HTTP/1"))
}

fn split_header(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (line.get(..colon)?, line.get(colon.saturating_add(1)..)?.trim_ascii());
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if name.is_empty() || !name.iter().all(is_token) || value.iter().any(|byte| matches!(byte, 0 | b'\r')) {
        return None;
    }
    Some((String::from_utf8_lossy(name).to_ascii_lowercase(), value.to_vec()))
}

fn read_body(captured: &mut Captured, rest: &[u8], is_framed: bool) -> Result<(), String> {
    let is_chunked = captured
        .values("transfer-encoding")
        .any(|value| value.to_ascii_lowercase().windows(7).any(|part| part == b"chunked"));
    let lengths: Vec<Vec<u8>> = captured.values("content-length").map(<[u8]>::to_vec).collect();
    if lengths.len() > 1 || (is_chunked && !lengths.is_empty()) {
        return Err("says the length of its body twice, and a proxy answers such a request with 400 itself"
            .to_owned());
    }
    if is_chunked {
        captured.body = match chunks(rest) {
            Chunks::Whole(body) => body,
            Chunks::Cut => return Err("ends before the last chunk of its body".to_owned()),
            Chunks::None => {
                captured.notes.push(
                    "the body is said to be chunked and is not; it was taken as it is, as if the chunks were taken apart \
                     already"
                        .to_owned(),
                );
                rest.to_vec()
            }
        };
        return Ok(());
    }
    if let Some(length) = lengths.first() {
        let length: usize = std::str::from_utf8(length)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .ok_or(
                "has a Content-Length that is no number, and a proxy answers such a request with 400 itself",
            )?;
        let Some((body, after)) = rest.split_at_checked(length) else {
            return Err(format!(
                "has {} bytes of body, and its Content-Length says {length}: it is cut off",
                rest.len()
            ));
        };
        captured.body = body.to_vec();
        if !after.trim_ascii().is_empty() {
            captured.notes.push(format!("{} bytes after the body were not looked at", after.len()));
        }
        return Ok(());
    }
    captured.body = rest.to_vec();
    if is_framed && !rest.trim_ascii().is_empty() {
        // The file's own last line end is none of a body that somebody pasted.
        let body = rest.strip_suffix(b"\n").unwrap_or(rest);
        captured.body = body.strip_suffix(b"\r").unwrap_or(body).to_vec();
        captured.notes.push(
            "there is no Content-Length; everything after the headers, but for a line end at its end, was taken for the body"
                .to_owned(),
        );
    } else if rest.trim_ascii().is_empty() {
        captured.body.clear();
    }
    Ok(())
}

enum Chunks {
    Whole(Vec<u8>),
    Cut,
    /// It does not begin like a chunk.
    None,
}

fn chunks(mut rest: &[u8]) -> Chunks {
    let mut body = Vec::new();
    let mut is_first = true;
    loop {
        let Some(head) = line(&mut rest) else {
            return if is_first { Chunks::None } else { Chunks::Cut };
        };
        let size = head.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let is_size = !size.is_empty() && size.len() <= 8 && size.iter().all(u8::is_ascii_hexdigit);
        let size = std::str::from_utf8(size).ok().filter(|_| is_size);
        let Some(size) = size.and_then(|size| usize::from_str_radix(size, 16).ok()) else {
            return if is_first { Chunks::None } else { Chunks::Cut };
        };
        if size == 0 {
            return Chunks::Whole(body);
        }
        let Some((chunk, after)) = rest.split_at_checked(size) else { return Chunks::Cut };
        body.extend_from_slice(chunk);
        rest = after;
        if line(&mut rest) != Some(b"") {
            return Chunks::Cut;
        }
        is_first = false;
    }
}
