//! Paths, and the many ways to spell one.
//!
//! Proxies and applications differ in what they make of case, escapes, slashes, `;parameters` and dots. A path that one
//! of them reads as a protected one must not pass because another does not. So a path of the configuration is compared
//! with the one spelling that matching goes by, with what the most lenient readers see, and with the bytes as they came.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Who finds a path of the configuration in a request's path. Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    Nobody,
    /// Some application may.
    Someone,
    /// Proxies do: it matches.
    Proxies,
    /// It is written in the request byte for byte, and nothing behind it can undo that.
    Everybody,
}

/// A path as its readers see it.
pub(super) struct Spellings<'p> {
    received: &'p [u8],
    /// The one spelling that matching goes by: escapes of unreserved characters are decoded, `\` is `/`, empty and dot
    /// segments are gone. What is signed is never this copy.
    pub(super) canonical: Cow<'p, [u8]>,
    /// What lenient readers see; nothing where the path may be any.
    pub(super) lenient: Vec<Cow<'p, [u8]>>,
    may_be_any: bool,
    goes_up: bool,
}

/// The longest path, in bytes, that more than one spelling is made of. Twilio takes URLs of half of that.
const MOST: usize = 4_096;

impl<'p> Spellings<'p> {
    pub(super) fn of(received: &'p [u8]) -> Spellings<'p> {
        if is_plain(received) {
            let without_slash = received.strip_suffix(b"/").filter(|rest| !rest.is_empty());
            let (canonical, lenient) = (Cow::Borrowed(received), without_slash.unwrap_or(received));
            let lenient = vec![Cow::Borrowed(lenient)];
            return Spellings { received, canonical, lenient, may_be_any: false, goes_up: false };
        }
        let canonical = Cow::Owned(without_empty_segments(&decode_unreserved(received), true));
        let goes_up = received.is_empty() || goes_up(received);
        let may_be_any = goes_up || received.len() > MOST || is_odd(received);
        let lenient = if may_be_any { Vec::new() } else { lenient(received) };
        Spellings { received, canonical, lenient, may_be_any, goes_up }
    }
}

/// A path of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct PathMatch {
    written: Vec<u8>,
    canonical: Vec<u8>,
    lenient: Vec<Vec<u8>>,
    prefix: bool,
    ignore_case: bool,
}

impl PathMatch {
    /// A path that must be this one (`exact`) or begin with these segments (`prefix`).
    pub(crate) fn new(path: &[u8], prefix: bool, ignore_case: bool) -> PathMatch {
        let own = |path: &[u8]| path.strip_suffix(b"/").filter(|_| prefix).unwrap_or(path).to_vec();
        PathMatch {
            written: own(path),
            canonical: own(&Spellings::of(path).canonical),
            lenient: lenient(path).iter().map(|path| own(path)).collect(),
            prefix,
            ignore_case,
        }
    }

    pub(super) fn fit(&self, path: &Spellings<'_>) -> Fit {
        let ignore_case = self.ignore_case;
        if !self.is_match(&self.canonical, &path.canonical, ignore_case) {
            let is_possible = path.may_be_any || self.is_match_of_some(&path.lenient);
            return if is_possible { Fit::Someone } else { Fit::Nobody };
        }
        let is_certain = !path.goes_up && self.is_match(&self.written, path.received, ignore_case);
        if is_certain { Fit::Everybody } else { Fit::Proxies }
    }

    /// Whether no request is on `other` if this comes first: where `to_all`, because lenient readers find this wherever
    /// they find `other`, else because proxies do.
    pub(super) fn hides(&self, other: &PathMatch, to_all: bool) -> bool {
        if !self.prefix && other.prefix {
            return false;
        }
        if to_all {
            return other.lenient.first().is_some_and(|path| self.is_match_of_some(&[path]));
        }
        let minds_case = !self.ignore_case && self.canonical.iter().any(u8::is_ascii_alphabetic);
        self.is_match(&self.canonical, &other.canonical, self.ignore_case)
            && !(minds_case && other.ignore_case)
    }

    /// Whether a lenient reader that is not particular about case finds this path.
    fn is_match_of_some<P: AsRef<[u8]>>(&self, paths: &[P]) -> bool {
        let is_match = |own: &Vec<u8>| paths.iter().any(|path| self.is_match(own, path.as_ref(), true));
        self.lenient.iter().any(is_match)
    }

    fn is_match(&self, own: &[u8], path: &[u8], ignore_case: bool) -> bool {
        let same = |a: &[u8], b: &[u8]| {
            if ignore_case { a.eq_ignore_ascii_case(b) } else { a == b }
        };
        if self.prefix {
            path.split_at_checked(own.len())
                .is_some_and(|(head, rest)| same(head, own) && (rest.is_empty() || rest.starts_with(b"/")))
        } else {
            same(path, own)
        }
    }
}

/// What lenient readers make of a path, each in its way: every escape is decoded, `;parameters`, what is no UTF-8 and
/// perhaps a host are dropped, and neither `/` nor white space at the end matters.
pub(super) fn lenient(path: &[u8]) -> Vec<Cow<'static, [u8]>> {
    let mut read = Vec::new();
    let mut add = |text: Vec<u8>| read.push(Cow::Owned(settled(text)));
    let text = decode_text(path);
    let has_parameters = path.contains(&b';');
    if !has_parameters {
        add(text.clone());
    }
    for (number, ends) in ENDS.into_iter().enumerate() {
        if has_parameters {
            add(decode_text(&without_parameters(path, ends)));
        }
        // To who decodes first, an escaped `;` is one, and an escaped slash ends what it begins.
        if text.contains(&b';') {
            add(without_parameters(&text, ends));
        }
        if let Some(rest) = without_host(path, ends).filter(|_| number < 2) {
            add(decode_text(rest));
        }
    }
    read
}

/// Where that ends which a `;` begins, or a host, which they do not agree on: at any slash, at `/`, or like a query never.
const ENDS: [fn(u8) -> bool; 3] = [is_slash, |byte| byte == b'/', |_| false];

/// Without empty and dot segments, and without slashes and white space at the end, until there are none.
fn settled(mut text: Vec<u8>) -> Vec<u8> {
    loop {
        let next = without_empty_segments(without_end(&text), false);
        if next == text {
            return text;
        }
        text = next;
    }
}

/// Whether readers that do several things may do them in another order than [`lenient`] does, and find something else: a
/// host beside a `;` or an escaped slash, an escaped `;` beside another or an escaped slash, a `\` beside either, bytes that
/// are no ASCII, or a first segment that vanishes, so that what follows it is a host. No client spells a path so, and it
/// may be any.
fn is_odd(path: &[u8]) -> bool {
    let text = decode_text(path);
    let has_escaped = |is: fn(u8) -> bool| {
        let count = |text: &[u8]| text.iter().filter(|byte| is(**byte)).count();
        count(&text) > count(path)
    };
    let slashes = path.iter().take_while(|byte| is_slash(**byte)).count();
    let (parameters, slash) = (path.contains(&b';'), has_escaped(is_slash));
    let escaped_parameters = has_escaped(|byte| byte == b';');
    let has_two = (slashes > 1 && (parameters || escaped_parameters || slash))
        || (escaped_parameters && (parameters || slash))
        || (path.contains(&b'\\') && (parameters || escaped_parameters));
    let rest = path.get(slashes..).unwrap_or_default();
    let end = rest.iter().position(|byte| is_slash(*byte)).unwrap_or(rest.len());
    let vanishes = |first: &[u8]| {
        let begin = first.split(|byte| is_slash(*byte)).next().unwrap_or_default();
        matches!(begin.trim_ascii(), b"" | b".") && (begin.len() < first.len() || end < rest.len())
    };
    let first = decode_text(rest.get(..end).unwrap_or_default());
    has_two || vanishes(&first) || vanishes(&without_parameters(&first, is_slash)) || !path.is_ascii()
}

/// The path behind a host, to those who take for one what stands behind two slashes, up to a byte that ends it.
fn without_host(path: &[u8], ends: fn(u8) -> bool) -> Option<&[u8]> {
    let host = path.iter().position(|byte| !is_slash(*byte)).filter(|slashes| *slashes > 1)?;
    let rest = path.get(host..)?;
    let end = rest.iter().position(|byte| ends(*byte));
    Some(end.and_then(|end| rest.get(end..)).unwrap_or(b"/"))
}

/// Whether some reader may find a `..` in the path. They agree neither on whether such a segment takes the one before
/// it away, nor on what that one is, so the path may be any.
fn goes_up(path: &[u8]) -> bool {
    let has_dots =
        |text: &[u8]| text.split(|byte| is_slash(*byte)).any(|segment| segment.trim_ascii_end() == b"..");
    let text = decode_text(path);
    has_dots(&text)
        || has_dots(&without_parameters(&text, is_slash))
        || has_dots(&decode_text(&without_parameters(path, is_slash)))
}

fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// The path without empty and dot segments, with or without a `/` at its end where it had one.
fn without_empty_segments(path: &[u8], keeps_end: bool) -> Vec<u8> {
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut ends_in_slash = true;
    for segment in path.split(|byte| is_slash(*byte)) {
        ends_in_slash = matches!(segment, b"" | b"." | b"..");
        match segment {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let mut rest = Vec::with_capacity(path.len());
    for segment in &segments {
        rest.push(b'/');
        rest.extend_from_slice(segment);
    }
    if segments.is_empty() || (ends_in_slash && keeps_end) {
        rest.push(b'/');
    }
    rest
}

/// Whether a path is canonical as it stands, which nearly all are.
fn is_plain(path: &[u8]) -> bool {
    let mut previous = b'/';
    let plain = |byte: &u8| {
        let follows_slash = std::mem::replace(&mut previous, *byte) == b'/';
        match byte {
            ..=b' ' | b'%' | b';' | b'\\' | 0x7F.. => false,
            b'/' | b'.' => !follows_slash,
            _ => true,
        }
    };
    path.strip_prefix(b"/").is_some_and(|rest| rest.iter().all(plain))
}

/// Decodes the escapes of unreserved characters and writes the others in upper case (RFC 3986, section 6.2.2).
fn decode_unreserved(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, tail)) = rest.split_first() {
        let escape = rest.split_at_checked(3).filter(|(escape, _)| percent_decode(escape).count() == 1);
        let Some((escape, tail_of_escape)) = escape else {
            decoded.push(*first);
            rest = tail;
            continue;
        };
        match percent_decode(escape).next() {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => decoded.push(byte),
            _ => decoded.extend(escape.to_ascii_uppercase()),
        }
        rest = tail_of_escape;
    }
    decoded
}

/// Decodes every escape, drops what is no UTF-8, writes the characters that are the same as an ASCII letter to those
/// who ignore case by Unicode as that letter, and all white space as a space.
fn decode_text(path: &[u8]) -> Vec<u8> {
    let decoded: Vec<u8> = percent_decode(path).collect();
    let characters = decoded.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
    let folded = characters.map(|character| match character {
        '\u{130}' | '\u{131}' => 'i',
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        // White space, some of it to Python alone, with the marks that stand between such.
        '\t'..='\r'
        | '\u{1C}'..='\u{1F}'
        | '\u{85}'
        | '\u{A0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{205F}'
        | '\u{3000}' => ' ',
        other => other,
    });
    folded.collect::<String>().into_bytes()
}

/// Drops slashes and white space at the end. Many a framework's pattern ends in `$`, behind which a line may end.
fn without_end(path: &[u8]) -> &[u8] {
    let last = path.iter().rposition(|byte| !is_slash(*byte) && !byte.is_ascii_whitespace());
    last.and_then(|last| path.get(..=last)).unwrap_or_default()
}

/// Drops what each `;` begins, up to a byte that ends it.
fn without_parameters(path: &[u8], ends: fn(u8) -> bool) -> Vec<u8> {
    let mut inside = false;
    let mut keep = |byte: &u8| {
        inside = *byte == b';' || (inside && !ends(*byte));
        !inside
    };
    path.iter().copied().filter(|byte| keep(byte)).collect()
}
