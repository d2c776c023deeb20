//! Paths as applications read them: what any reader takes for a guarded route, and what none may be taken for, does not pass
//! unverified.

use std::rc::Rc;

use twilio_proxy_wasm::config::Policy;

use crate::input::Input;
use crate::support::{End, Request, policy, words};

/// A path, whether it is a prefix, and whether requests on it are verified.
type Route = (&'static str, bool, bool);

/// An exception in a guarded tree, a guarded path in an open one, and one beside them.
const ROUTES: [Route; 5] = [
    ("/a/open", false, false),
    ("/a", true, true),
    ("/b/guarded", false, true),
    ("/b", true, false),
    ("/c/d", false, true),
];

/// What is said of case, and of requests that no route matches.
const WAYS: [(bool, &str); 4] = [(false, "allow"), (false, "deny"), (true, "allow"), (true, "deny")];

thread_local! {
    static POLICIES: [Rc<Policy>; 4] = WAYS.map(|(ignore_case, unmatched)| {
        let mut number = 0;
        let routes = ROUTES.map(|(path, is_prefix, is_guarded)| {
            let (kind, mode) = (["exact", "prefix"][usize::from(is_prefix)], ["off", "enforce"][usize::from(is_guarded)]);
            number += 1;
            format!(
                r#"{{ "name": "r{number}", "mode": "{mode}",
                     "match": {{ "path": {{ "{kind}": "{path}", "ignore_case": {ignore_case} }} }} }}"#
            )
        });
        policy(&format!(
            r#"{{ "auth_tokens": [{{ "value": "a" }}], "unmatched": "{unmatched}", "routes": [{}] }}"#,
            routes.join(", ")
        ))
    });
}

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let way = input.below(WAYS.len());
    let (ignores_case, unmatched) = WAYS[way];
    let reader = Reader::of(&mut input, ignores_case);
    let path: Vec<u8> = input.text().iter().copied().filter(|byte| !b"?#".contains(byte)).collect();
    let path = [b"/", &path[..]].concat();
    let read = reader.read(&path);
    let found = ROUTES.iter().find(|route| reader.finds(&read, route));
    let is_guarded = found.map_or(unmatched == "deny", |(.., is_guarded)| *is_guarded);
    let request = Request::new("GET", "https://hooks.example.com/").with(":path", path.as_slice());
    let verdict = POLICIES.with(|policies| words(request.send(&policies[way], &[], End::Headers).1));
    let (path, read) = (path.escape_ascii(), read.escape_ascii());
    assert!(
        !is_guarded || verdict.starts_with("denied "),
        "{verdict}: {path} is {read} to {reader:?}, {unmatched}"
    );
}

/// What an application does to a path before it looks for a handler: a choice at each step.
#[derive(Debug)]
struct Reader {
    /// Keeps what stands behind two slashes, or takes it for a host: as URIs have it, or with `\` as one of the slashes.
    host: usize,
    /// Keeps what `;` begins, drops it up to the next `/`, or to the end.
    parameters: usize,
    /// Decodes no escape, those of unreserved characters, all, all but `%2F`, or all but what is no UTF-8 then.
    escapes: usize,
    takes_backslashes: bool,
    /// Keeps empty segments, drops those at the beginning, or all.
    slashes: usize,
    resolves_dots: bool,
    /// Keeps the end as it is, or drops a `/`, all of them, or an end of a line.
    end: usize,
    ignores_case: bool,
}

impl Reader {
    fn of(input: &mut Input<'_>, ignores_case: bool) -> Reader {
        Reader {
            host: input.below(3),
            parameters: input.below(3),
            escapes: input.below(5),
            takes_backslashes: input.below(2) == 1,
            slashes: input.below(3),
            resolves_dots: input.below(2) == 1,
            end: input.below(4),
            ignores_case: input.below(2) == 1 || ignores_case,
        }
    }

    fn finds(&self, path: &[u8], (own, is_prefix, _): &Route) -> bool {
        let fold = |text: &[u8]| if self.ignores_case { text.to_ascii_lowercase() } else { text.to_vec() };
        let path = fold(path);
        path == own.as_bytes() || (*is_prefix && path.starts_with(format!("{own}/").as_bytes()))
    }

    fn read(&self, path: &[u8]) -> Vec<u8> {
        let mut path = self.without_host(path);
        path = match self.parameters {
            0 => path,
            1 => path
                .split(|byte| *byte == b'/')
                .map(|segment| until(segment, b';'))
                .collect::<Vec<_>>()
                .join(&b'/'),
            _ => until(&path, b';').to_vec(),
        };
        path = match self.escapes {
            0 => path,
            1 => decode(&path, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
            2 => decode(&path, |_| true),
            3 => decode(&path, |byte| byte != b'/'),
            _ => decode(&path, |_| true).utf8_chunks().flat_map(|chunk| chunk.valid().bytes()).collect(),
        };
        if self.takes_backslashes {
            path.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
        }
        if self.slashes > 0 {
            let leading = path.iter().take_while(|byte| **byte == b'/').count();
            path.drain(leading.min(1)..leading);
        }
        if self.slashes == 2 {
            path.dedup_by(|a, b| *a == b'/' && *b == b'/');
        }
        if self.resolves_dots {
            path = without_dots(&path);
        }
        let drops =
            |path: &mut Vec<u8>, end: &[u8]| path.len() > 1 && path.ends_with(end) && path.pop().is_some();
        match self.end {
            0 => {}
            1 => drop(drops(&mut path, b"/")),
            2 => while drops(&mut path, b"/") {},
            _ => drop(drops(&mut path, b"\n")),
        }
        path
    }
}

impl Reader {
    fn without_host(&self, path: &[u8]) -> Vec<u8> {
        let path: Vec<u8> = match self.host {
            2 => path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect(),
            _ => path.to_vec(),
        };
        let slashes = path.iter().take_while(|byte| **byte == b'/').count();
        if self.host == 0 || slashes < 2 {
            return path;
        }
        // A URI's host may be empty; where `\` is a slash, any number of slashes come before one.
        let host = if self.host == 2 { slashes } else { 2 };
        let rest = &path[host..];
        rest.iter().position(|byte| *byte == b'/').map_or(b"/".to_vec(), |slash| rest[slash..].to_vec())
    }
}

fn until(text: &[u8], end: u8) -> &[u8] {
    text.split(|byte| *byte == end).next().unwrap_or_default()
}

fn decode(text: &[u8], decodes: fn(u8) -> bool) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.first() {
        let digits =
            rest.get(1..3).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        let (byte, taken) = byte.filter(|byte| decodes(*byte)).map_or((*first, 1), |byte| (byte, 3));
        decoded.push(byte);
        rest = &rest[taken..];
    }
    decoded
}

/// RFC 3986, section 5.2.4.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"." => {}
            b".." => drop(kept.pop()),
            other => kept.push(other),
        }
        if is_last && matches!(segment, b"." | b"..") {
            kept.push(b"");
        }
    }
    kept.iter().flat_map(|segment| [b"/", *segment].concat()).collect()
}
