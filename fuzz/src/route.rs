//! Paths as applications read them: what any reader takes for a guarded route, and what none may be taken for, does not pass
//! unverified, nor verified as one of another route.

use std::rc::Rc;

use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::reason::Reason;
use twilio_proxy_wasm::verdict::Decision;

use crate::input::Input;
use crate::support::{End, Request, policy, spelling};

/// A path, whether it is a prefix, and whether requests on it are verified, with keys of its own or, if not, with those at
/// the top.
type Route = (&'static str, bool, Guard);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    Off,
    Top,
    Own,
}
use Guard::{Off, Own, Top};

const ALL: [&[Route]; 5] = [
    // An exception in a guarded tree, a guarded path in an open one, and one beside them.
    &[
        ("/a/isk", false, Off),
        ("/a", true, Own),
        ("/b/guarded", false, Own),
        ("/b", true, Off),
        ("/c/sik", false, Own),
    ],
    // What is open comes first.
    &[("/b", true, Off), ("/c/sik", false, Own), ("/a", true, Top)],
    &[("/b", true, Own), ("/c/sik", false, Top), ("/c", true, Top)],
    // One alone, and the root.
    &[("/c/sik", false, Top)],
    &[("/", false, Own), ("/c", true, Off)],
];

/// What is said of case, and of requests that no route matches.
const WAYS: [(bool, &str); 4] = [(false, "allow"), (false, "deny"), (true, "allow"), (true, "deny")];

thread_local! {
    static POLICIES: [[Rc<Policy>; 4]; 5] = ALL.map(|routes| WAYS.map(|(ignore_case, unmatched)| {
        let routes = routes.iter().enumerate().map(|(number, (path, is_prefix, guard))| {
            let kind = ["exact", "prefix"][usize::from(*is_prefix)];
            let rest = match guard {
                Off => r#""mode": "off""#.to_owned(),
                Top => r#""mode": "enforce""#.to_owned(),
                Own => format!(r#""auth_tokens": [{{ "value": "key-{number}" }}]"#),
            };
            format!(
                r#"{{ "name": "r{number}", {rest},
                     "match": {{ "path": {{ "{kind}": "{path}", "ignore_case": {ignore_case} }} }} }}"#
            )
        });
        policy(&format!(
            r#"{{ "auth_tokens": [{{ "value": "a" }}], "unmatched": "{unmatched}", "routes": [{}] }}"#,
            routes.collect::<Vec<_>>().join(", ")
        ))
    }));
}

/// What paths are made of that readers disagree about.
const PIECES: [&str; 50] = [
    "/",
    "/a",
    "/b",
    "/c",
    "/c/sik",
    "/b/guarded",
    "/a/isk",
    "/x",
    "a",
    "b",
    "c",
    "sik",
    "isk",
    "x",
    "\\",
    "//",
    "//x",
    "/.",
    "/..",
    "..",
    ".",
    ";",
    ";x",
    "/;",
    "/..;",
    "%3B",
    "%3bx",
    "%2F",
    "%2f..",
    "%5C",
    "%2e",
    "%2E%2e",
    "%61",
    "%2561",
    "%FF",
    "%0A",
    "%20",
    "%C5%BF",
    "%E2%84%AA",
    "x:1",
    "%u0073",
    "%25",
    "%26",
    "%3F",
    "&q=",
    "%EF%BD%93",
    "%00",
    ".json",
    ".php",
    "/index",
];

/// A path: of pieces, or of the bytes as they are.
fn path(text: &[u8], in_pieces: bool) -> Vec<u8> {
    let mut path = b"/".to_vec();
    for byte in text {
        if in_pieces {
            path.extend_from_slice(PIECES[usize::from(*byte) % PIECES.len()].as_bytes());
        } else if !b"?#".contains(byte) {
            path.push(*byte);
        }
    }
    path
}

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    if input.below(2) == 1 {
        spell(&mut input);
    } else {
        read(&mut input);
    }
}

/// A spelling of a guarded path, whatever its letters, does not pass.
fn spell(input: &mut Input<'_>) {
    // Of more than 256 places, those that a byte reaches.
    let spelled = spelling::spelled(&mut |bound| input.below(bound));
    let kind = ["exact", "prefix"][usize::from(spelled.is_prefix)];
    let policy = policy(&format!(
        r#"{{ "auth_tokens": [{{ "value": "a" }}], "unmatched": "allow",
             "routes": [{{ "name": "r", "match": {{ "path": {{ "{kind}": "{}" }} }} }}] }}"#,
        spelled.guard
    ));
    let request = Request::new("GET", "https://hooks.example.com/").with(":path", spelled.path.as_slice());
    let verdict = request.send(&policy, &[], End::Headers).1.expect("a verdict");
    let path = spelled.path.escape_ascii();
    assert!(
        matches!(verdict.decision, Decision::Denied(_)),
        "{kind} {} by {path}: {verdict:?}: {:?}",
        spelled.guard,
        spelled.steps
    );
}

/// What some reader takes for a guarded path does not pass.
fn read(input: &mut Input<'_>) {
    let (set, way) = (input.below(ALL.len()), input.below(WAYS.len()));
    let (routes, (ignores_case, unmatched)) = (ALL[set], WAYS[way]);
    let mut reader = Reader::of(input);
    reader.ignores_case |= ignores_case;
    let in_pieces = input.below(2) == 1;
    let path = path(input.text(), in_pieces);
    let read = reader.read(&path);
    let found = routes.iter().position(|route| reader.finds(&read, route));
    let guard = |route: Option<usize>| route.map_or(Off, |route| routes[route].2);
    let is_guarded = found.map_or(unmatched == "deny", |_| guard(found) != Off);
    let request = Request::new("GET", "https://hooks.example.com/").with(":path", path.as_slice());
    let verdict =
        POLICIES.with(|policies| request.send(&policies[set][way], &[], End::Headers).1).expect("a verdict");
    // Denied for good, or for want of a signature that would do on this route as well.
    let is_same = verdict.route == found || (guard(verdict.route) == Top && guard(found) == Top);
    let is_denied = match verdict.decision {
        Decision::Denied(Reason::NoRoute | Reason::Unverifiable) => true,
        Decision::Denied(Reason::MissingSignature) => found.is_none() || is_same,
        _ => false,
    };
    let (path, read) = (path.escape_ascii(), read.escape_ascii());
    assert!(!is_guarded || is_denied, "{routes:?}, {unmatched}: {verdict:?}: {path} is {read} to {reader:?}");
}

/// What applications do to a path before they look for a handler, each in some order.
#[derive(Clone, Copy, Debug)]
enum Habit {
    /// Drops what `;` begins, up to the next `/`, or to the end.
    Parameters {
        to_the_end: bool,
    },
    /// Decodes the escapes of unreserved characters, all but `%2F`, or all. Once.
    Escapes(usize),
    /// Drops what is no UTF-8.
    Utf8,
    /// Takes `\` for `/`.
    Backslashes,
    /// Drops empty segments, at the beginning or everywhere.
    Slashes {
        everywhere: bool,
    },
    /// Resolves dot segments (RFC 3986, section 5.2.4).
    Dots,
    /// Drops a `/` at the end, or all of them, or white space.
    End(usize),
    /// Takes for a host what stands behind two slashes (RFC 3986, section 3), or behind two or more of either kind.
    Host {
        of_any_slashes: bool,
    },
    /// Ignores case by Unicode, which makes an ASCII letter of some other characters.
    Case,
    /// Ends the path at one of these bytes, but for one that it begins with.
    Cut(u8),
    /// Takes what is behind the last `&` and a `=` for the path.
    LastParameter,
    /// Drops control characters, blanks, or what is not ASCII.
    Drop(fn(u8) -> bool),
    /// Drops a format, or a script or `index` at the beginning.
    Format,
    Script,
}

/// An application: its habits in their order.
#[derive(Debug)]
struct Reader {
    habits: Vec<Habit>,
    ignores_case: bool,
}

impl Reader {
    fn of(input: &mut Input<'_>) -> Reader {
        let ignores_case = input.below(2) == 1;
        let mut habits = Vec::new();
        for _ in 0..input.below(8) {
            let which = input.below(14);
            let habit = match (which, input.below(3)) {
                (0, how) => Habit::Parameters { to_the_end: how == 1 },
                (1, how) => Habit::Escapes(how),
                (2, _) => Habit::Utf8,
                (3, _) => Habit::Backslashes,
                (4, how) => Habit::Slashes { everywhere: how == 1 },
                (5, _) => Habit::Dots,
                (6, how) => Habit::End(how),
                (7, how) if !habits.iter().any(|habit| matches!(habit, Habit::Host { .. })) => {
                    Habit::Host { of_any_slashes: how == 1 }
                }
                (8, _) => Habit::Case,
                (9, how) => Habit::Cut(b"?#&"[how]),
                (10, how) => Habit::Cut(b"\0 \t"[how]),
                (11, 0) => Habit::LastParameter,
                (12, 0) => Habit::Drop(|byte| byte.is_ascii_control()),
                (12, 1) => Habit::Drop(|byte| !byte.is_ascii()),
                (13, 0) => Habit::Format,
                (13, 1) => Habit::Script,
                _ => continue,
            };
            habits.push(habit);
        }
        Reader { habits, ignores_case }
    }

    fn finds(&self, path: &[u8], (own, is_prefix, _): &Route) -> bool {
        let path = if self.ignores_case { path.to_ascii_lowercase() } else { path.to_vec() };
        path == own.as_bytes() || (*is_prefix && path.starts_with(format!("{own}/").as_bytes()))
    }

    fn read(&self, path: &[u8]) -> Vec<u8> {
        self.habits.iter().fold(path.to_vec(), |path, habit| habit.read(path))
    }
}

impl Habit {
    fn read(self, mut path: Vec<u8>) -> Vec<u8> {
        match self {
            Habit::Parameters { to_the_end: true } => path.truncate(until(&path, b';').len()),
            Habit::Parameters { to_the_end: false } => {
                let segments = path.split(|byte| *byte == b'/').map(|segment| until(segment, b';'));
                return segments.collect::<Vec<_>>().join(&b'/');
            }
            Habit::Escapes(0) => {
                return decode(&path, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
            }
            Habit::Escapes(1) => return decode(&path, |byte| byte != b'/'),
            Habit::Escapes(_) => return decode_units(&decode(&path, |_| true)),
            Habit::Utf8 => return path.utf8_chunks().flat_map(|chunk| chunk.valid().bytes()).collect(),
            Habit::Backslashes => {
                path.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/')
            }
            Habit::Slashes { everywhere: false } => {
                let leading = path.iter().take_while(|byte| **byte == b'/').count();
                path.drain(leading.min(1)..leading);
            }
            Habit::Slashes { everywhere: true } => path.dedup_by(|a, b| *a == b'/' && *b == b'/'),
            Habit::Dots => return without_dots(&path),
            Habit::End(0) => drop(drop_end(&mut path, |byte| byte == b'/')),
            Habit::End(1) => while drop_end(&mut path, |byte| byte == b'/') {},
            Habit::End(_) => while drop_end(&mut path, |byte| byte.is_ascii_whitespace()) {},
            Habit::Host { of_any_slashes } => return without_host(path, of_any_slashes),
            Habit::Case => return fold(&path),
            Habit::Cut(end) => path.truncate(1 + until(&path[1..], end).len()),
            Habit::LastParameter => {
                let last = path.rsplit(|byte| *byte == b'&').next().filter(|last| last.len() < path.len());
                if let Some(value) = last.and_then(|last| last.splitn(2, |byte| *byte == b'=').nth(1)) {
                    return [b"/", value.strip_prefix(b"/").unwrap_or(value)].concat();
                }
            }
            Habit::Drop(is_dropped) => path.retain(|byte| !is_dropped(*byte)),
            Habit::Format => return path.strip_suffix(b".json").map(<[u8]>::to_vec).unwrap_or(path),
            Habit::Script => {
                let script =
                    [&b"/index"[..], b"/index.php", b"/.php"].iter().find_map(|it| path.strip_prefix(*it));
                let rest = script.filter(|rest| rest.starts_with(b"/")).map(<[u8]>::to_vec);
                // By its length, and the slash is put back.
                let behind = path.strip_prefix(b"/.php").map(|rest| [b"/", rest].concat());
                return rest.or(behind).unwrap_or(path);
            }
        }
        path
    }
}

fn until(text: &[u8], end: u8) -> &[u8] {
    text.split(|byte| *byte == end).next().unwrap_or_default()
}

fn drop_end(path: &mut Vec<u8>, is_end: fn(u8) -> bool) -> bool {
    path.len() > 1 && path.last().is_some_and(|byte| is_end(*byte)) && path.pop().is_some()
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

/// Decodes the escapes of single units that there are among the pieces.
fn decode_units(text: &[u8]) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::new(), text);
    while let Some((first, behind)) = rest.split_first() {
        let (byte, behind) = rest.strip_prefix(b"%u0073").map_or((*first, behind), |behind| (b's', behind));
        decoded.push(byte);
        rest = behind;
    }
    decoded
}

fn without_dots(path: &[u8]) -> Vec<u8> {
    let (begin, rest) = path.split_at(path.iter().position(|byte| *byte == b'/').unwrap_or(path.len()));
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = rest.split(|byte| *byte == b'/').skip(1).peekable();
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
    [begin.to_vec(), kept.iter().flat_map(|segment| [b"/", *segment].concat()).collect()].concat()
}

fn without_host(path: Vec<u8>, of_any_slashes: bool) -> Vec<u8> {
    let is_slash = |byte: &u8| *byte == b'/' || (of_any_slashes && *byte == b'\\');
    let slashes = path.iter().take_while(|byte| is_slash(byte)).count();
    if slashes < 2 {
        return path;
    }
    // A URI's host may be empty.
    let rest = &path[if of_any_slashes { slashes } else { 2 }..];
    rest.iter().position(|byte| is_slash(byte)).map_or(b"/".to_vec(), |slash| rest[slash..].to_vec())
}

/// What Python's `(?i)` takes for an ASCII letter.
fn fold(path: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(path) else { return path.to_vec() };
    let pairs = [("\u{130}", "i"), ("\u{131}", "i"), ("\u{17F}", "s"), ("\u{212A}", "k"), ("\u{FF53}", "s")];
    pairs.iter().fold(text.to_ascii_lowercase(), |text, (from, to)| text.replace(from, to)).into_bytes()
}
