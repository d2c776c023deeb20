//! A curl command, and what curl makes of it.

mod options;

use std::fs;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::captured::Captured;
use super::{shell, target, windows};
use options::{long_name, takes_value};

/// Returns the arguments of a command, if it is one of curl: `curl …`, `$ curl …`, `/usr/bin/curl …`.
pub(super) fn command(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"$ ").unwrap_or(text).trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace)?;
    let (name, arguments) = text.split_at(end);
    let name = name.rsplit(|byte| *byte == b'/').next()?;
    (name == b"curl" || name == b"curl.exe").then_some(arguments)
}

/// What the options come to.
#[derive(Default)]
struct Call {
    url: Option<Vec<u8>>,
    method: Option<Vec<u8>>,
    headers: Vec<Vec<u8>>,
    data: Option<Vec<u8>>,
    is_json: bool,
    is_get: bool,
    is_head: bool,
    is_encoded: bool,
    keeps_dots: bool,
    keeps_globs: bool,
    is_stdin: bool,
}

pub(super) fn read(arguments: &[u8], is_stdin: bool) -> Result<Captured, String> {
    let mut call = Call { is_stdin, ..Call::default() };
    let words = match windows::shell(arguments) {
        Some(of_windows) => windows::words(arguments, of_windows),
        None => shell::words(arguments),
    };
    let mut words = words?.into_iter();
    while let Some(word) = words.next() {
        if let Some(name) = word.strip_prefix(b"--").filter(|name| !name.is_empty()) {
            let name = String::from_utf8_lossy(name).into_owned();
            let value = if takes_value(&name)? { Some(next(&mut words, &name)?) } else { None };
            call.option(&name, value.unwrap_or_default())?;
        } else if let Some(letters) = word.strip_prefix(b"-").filter(|letters| !letters.is_empty()) {
            call.short_options(letters, &mut words)?;
        } else {
            call.url(word)?;
        }
    }
    call.request()
}

fn next(words: &mut impl Iterator<Item = Vec<u8>>, name: &str) -> Result<Vec<u8>, String> {
    words.next().ok_or_else(|| format!("ends after --{name}, which needs a value"))
}

impl Call {
    fn short_options(
        &mut self,
        letters: &[u8],
        words: &mut impl Iterator<Item = Vec<u8>>,
    ) -> Result<(), String> {
        let mut rest = letters;
        while let Some((letter, after)) = rest.split_first() {
            let name = long_name(*letter)?;
            if takes_value(name)? {
                let value = if after.is_empty() { next(words, name)? } else { after.to_vec() };
                return self.option(name, value);
            }
            self.option(name, Vec::new())?;
            rest = after;
        }
        Ok(())
    }

    fn option(&mut self, name: &str, value: Vec<u8>) -> Result<(), String> {
        match name {
            "url" => self.url(value)?,
            "request" => self.method = Some(value),
            "header" if value.starts_with(b"@") => {
                return Err("takes headers from a file; put them there".to_owned());
            }
            "header" => self.headers.push(value),
            "get" => self.is_get = true,
            "head" => self.is_head = true,
            "path-as-is" => self.keeps_dots = true,
            "globoff" => self.keeps_globs = true,
            "user-agent" => self.headers.push([b"User-Agent: ", value.as_slice()].concat()),
            "data-raw" => self.add(value, b"&"),
            "data" | "data-ascii" => {
                let mut data = self.content(value)?;
                if data.is_file {
                    data.bytes.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
                }
                self.add(data.bytes, b"&");
            }
            "data-binary" => {
                let data = self.content(value)?;
                self.add(data.bytes, b"&");
            }
            "data-urlencode" => {
                self.is_encoded = true;
                let data = self.encoded(value)?;
                self.add(data, b"&");
            }
            "json" => {
                let data = self.content(value)?;
                self.is_json = true;
                self.add(data.bytes, b"");
            }
            _ => {}
        }
        Ok(())
    }

    fn url(&mut self, url: Vec<u8>) -> Result<(), String> {
        match self.url.replace(url) {
            None => Ok(()),
            Some(_) => Err("has several URLs, or words outside quotes; leave one URL".to_owned()),
        }
    }

    fn add(&mut self, data: Vec<u8>, between: &[u8]) {
        self.data = Some(match self.data.take() {
            Some(before) => [before.as_slice(), between, data.as_slice()].concat(),
            None => data,
        });
    }

    /// Returns a value as it is, or what is in the file that it names.
    fn content(&self, value: Vec<u8>) -> Result<Content, String> {
        let Some(name) = value.strip_prefix(b"@") else {
            return Ok(Content { bytes: value, is_file: false });
        };
        if name == b"-" && self.is_stdin {
            return Err(
                "takes its body from standard input, which is the command itself; put the body in a file"
                    .to_owned(),
            );
        }
        let name =
            if name == b"-" { "/dev/stdin".to_owned() } else { String::from_utf8_lossy(name).into_owned() };
        let bytes = fs::read(&name)
            .map_err(|error| format!("takes its body from a file that cannot be read: {}", error.kind()))?;
        Ok(Content { bytes, is_file: true })
    }

    /// Encodes what `--data-urlencode` takes: `content`, `=content`, `name=content`, `@file` and `name@file`.
    fn encoded(&self, value: Vec<u8>) -> Result<Vec<u8>, String> {
        let split = value.iter().position(|byte| matches!(byte, b'=' | b'@'));
        let (name, content) = match split {
            None => (b"".as_slice(), value.clone()),
            Some(at) if value.get(at) == Some(&b'@') => (
                value.get(..at).unwrap_or_default(),
                self.content(value.get(at..).unwrap_or_default().to_vec())?.bytes,
            ),
            Some(at) => {
                let after = value.get(at..).unwrap_or_default();
                (value.get(..at).unwrap_or_default(), after.get(1..).unwrap_or_default().to_vec())
            }
        };
        let equals: &[u8] = if name.is_empty() { b"" } else { b"=" };
        Ok([name, equals, escape(&content).as_bytes()].concat())
    }

    fn request(self) -> Result<Captured, String> {
        let url = self.url.as_deref().ok_or("has no URL")?;
        let is_globbed =
            !self.keeps_globs && url.iter().any(|byte| b"[]{}".contains(byte)) && !is_address(url);
        if is_globbed {
            return Err(
                "has [] or {} in its URL, which curl expands; say --globoff if they are meant as they are"
                    .to_owned(),
            );
        }
        let with_scheme =
            if url.windows(3).any(|part| part == b"://") { url.to_vec() } else { [b"http://", url].concat() };
        let mut url = target::split(&with_scheme)?;
        if !self.keeps_dots {
            url.target = without_dots(&url.target);
        }
        let (mut data, mut added) = (self.data, Vec::new());
        if self.is_get {
            if let Some(data) = data.take() {
                let mark: &[u8] = if url.target.contains(&b'?') { b"&" } else { b"?" };
                url.target = [url.target.as_slice(), mark, data.as_slice()].concat();
            }
        } else if data.is_some() {
            let kind = if self.is_json { "application/json" } else { "application/x-www-form-urlencoded" };
            added.push(("content-type".to_owned(), kind.as_bytes().to_vec()));
        }
        let default: &[u8] = if self.is_head {
            b"HEAD"
        } else if data.is_some() {
            b"POST"
        } else {
            b"GET"
        };
        let mut captured = Captured {
            method: self.method.unwrap_or_else(|| default.to_vec()),
            tls: Some(url.tls),
            authority: Some(url.authority),
            target: url.target,
            ..Captured::default()
        };
        for header in &self.headers {
            let (name, value) = split_header(header)?;
            added.retain(|(own, _)| *own != name);
            captured.headers.extend(value.map(|value| (name, value)));
        }
        captured.headers.extend(added);
        captured.body = data.unwrap_or_default();
        // curl writes the length that it sends, unless it is told another one; that is no request to be understood.
        captured.headers.retain(|(name, _)| name != "content-length" && name != "transfer-encoding");
        if !captured.body.is_empty() {
            let length = captured.body.len().to_string().into_bytes();
            captured.headers.push(("content-length".to_owned(), length));
        }
        captured.take_host();
        let is_escaped = self.is_get && self.is_encoded && captured.target.contains(&b'%');
        if is_escaped || !captured.target.is_ascii() {
            captured.notes.push(
                "versions of curl differ in how they escape this URL: a signature may not fit for that alone"
                    .to_owned(),
            );
        }
        if url.is_websocket {
            captured.make_upgrade();
        }
        Ok(captured)
    }
}

struct Content {
    bytes: Vec<u8>,
    is_file: bool,
}

/// Splits `Name: value`, `Name;` for an empty one, and `Name:` to leave out what curl would send.
fn split_header(header: &[u8]) -> Result<(String, Option<Vec<u8>>), String> {
    if header.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err("has a header with a line end in it".to_owned());
    }
    let lower = |name: &[u8]| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase();
    match header.iter().position(|byte| *byte == b':') {
        Some(colon) => {
            let (name, value) = header.split_at(colon);
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            Ok((lower(name), (!value.is_empty()).then(|| value.to_vec())))
        }
        None => match header.strip_suffix(b";") {
            Some(name) => Ok((lower(name), Some(Vec::new()))),
            None => Err("has a --header that is not NAME: VALUE".to_owned()),
        },
    }
}

/// Returns whether the only brackets are those of an IPv6 address, which are no range.
fn is_address(url: &[u8]) -> bool {
    let after = url.windows(3).position(|part| part == b"://").map_or(0, |at| at.saturating_add(3));
    let rest = url.get(after..).unwrap_or_default();
    let end = rest.iter().position(|byte| *byte == b']').map_or(0, |at| at.saturating_add(1));
    rest.starts_with(b"[") && !rest.get(end..).unwrap_or_default().iter().any(|byte| b"[]{}".contains(byte))
}

/// Resolves the dot segments of a path, as curl does before it sends (RFC 3986, 5.2.4).
fn without_dots(target: &[u8]) -> Vec<u8> {
    let end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let (path, query) = target.split_at(end);
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"." => kept.extend(is_last.then_some(b"".as_slice())),
            b".." => {
                kept.pop();
                kept.extend(is_last.then_some(b"".as_slice()));
            }
            _ => kept.push(segment),
        }
    }
    [b"/", kept.join(&b'/').as_slice(), query].concat()
}

/// Encodes as curl does for `--data-urlencode`.
fn escape(bytes: &[u8]) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encode(bytes, ESCAPED).to_string().replace("%20", "+")
}
