//! Spellings of a path, made by undoing what readers do, one thing after the other: whatever comes out is read as that path
//! by who does them all in the reverse order.

/// Makes the choices: a number below a bound.
pub(crate) type Choose<'a> = &'a mut dyn FnMut(usize) -> usize;

/// A path of the configuration, and what a request for it is spelled as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spelled {
    pub(crate) guard: String,
    pub(crate) is_prefix: bool,
    pub(crate) path: Vec<u8>,
    /// What was done to it, for who wants to know why.
    pub(crate) steps: Vec<&'static str>,
}

/// A step: its name, and how it spells a path.
type Step = (&'static str, fn(&mut Vec<u8>, Choose<'_>));

const STEPS: [Step; 22] = [
    ("escape some", |path, choose| replace(path, choose, |byte, choose| escaped(byte, choose))),
    ("escape all", |path, choose| *path = path.iter().flat_map(|byte| escaped(*byte, choose)).collect()),
    ("escape with other digits", |path, choose| replace(path, choose, |byte, _| escaped_for_jetty(byte))),
    ("escape as unit", |path, choose| replace(path, choose, |byte, _| unit(byte))),
    ("drop", |path, choose| {
        insert(path, choose, &[b"\x01", b"\x7f", b"\0", b"\t", b"\x1f\x02"], |_, _| true)
    }),
    ("drop others", |path, choose| insert(path, choose, BEYOND_ASCII, is_outside_of_characters)),
    ("drop blanks", |path, choose| insert(path, choose, &[b" ", b"%20", b"%2520"], is_outside_of_escapes)),
    ("drop backslash", |path, choose| {
        unless_backslash(path, |path| insert(path, choose, &[b"\\"], |_, _| true))
    }),
    ("slash as backslash", |path, choose| {
        let backslash = |byte, _: Choose<'_>| if byte == b'/' { b"\\".to_vec() } else { vec![byte] };
        unless_backslash(path, |path| replace(path, choose, backslash));
    }),
    ("case", |path, choose| replace(path, choose, |byte, _| vec![other_case(byte)])),
    ("fold", |path, choose| replace(path, choose, |byte, choose| unfolded(byte, choose))),
    ("parent", |path, choose| at_slash(path, choose, PARENTS)),
    ("same", |path, choose| {
        at_slash(path, choose, &[b"/.", b"/", b"/ ", b"/%2e", b"/\x01", b"/./.", b"/%20."])
    }),
    ("parameter", |path, choose| {
        at_slash_or_end(path, choose, &[b";a=b", b";", b";x%2Fy", b";jsessionid=1;v=2"])
    }),
    ("dots", |path, choose| at_slash_or_end(path, choose, &[b".", b"..."])),
    ("cookie", |path, choose| at_slash(path, choose, &[b"/(S(abc123))", b"/(A(x)S(y))"])),
    ("stream", |path, choose| at_slash_or_end(path, choose, &[b"::$DATA", b":$i30:$INDEX_ALLOCATION"])),
    ("host", |path, choose| {
        let hosts: [&[u8]; 5] = [b"//host", b"/\\h:1", b"///user@h", b"http://h", b"/%2Fx"];
        path.splice(0..0, hosts[choose(hosts.len())].iter().copied());
    }),
    ("last parameter", |path, choose| {
        let queries: [&[u8]; 3] = [b"/x&q=", b"/free%3Fy=1&url=/", b"/a/b;q="];
        path.splice(0..usize::from(path.starts_with(b"/")), queries[choose(queries.len())].iter().copied());
    }),
    ("second request", |path, _| {
        path.splice(0..0, b"/x HTTP/1.1\r\nHost: h\r\n\r\nGET ".iter().copied());
    }),
    ("cut", |path, choose| {
        let cuts: [&[u8]; 12] =
            [b"?", b"#", b"&", b";", b"\0", b" ", b"\t", b"\r\n", b"<", b"%3f", b"%00", b"\xE3\x80\x80"];
        let tails: [&[u8]; 6] = [b"", b"x", b"x=1/y", b"/x/y", b".jpg", b"a&b"];
        path.extend([cuts[choose(cuts.len())], tails[choose(tails.len())]].concat());
    }),
    ("slash", |path, _| path.push(b'/')),
];

const BACKSLASHES: [&str; 2] = ["drop backslash", "slash as backslash"];

/// What frameworks do to a path that has been decoded.
const FRAMEWORKS: [Step; 4] = [
    ("mounted by length", |path, choose| {
        let slashes: Vec<usize> = (1..path.len()).filter(|at| path[*at] == b'/').collect();
        if !slashes.is_empty() {
            path.remove(slashes[choose(slashes.len())]);
        }
    }),
    ("punctuation", |path, choose| {
        insert(path, choose, &[b"-", b"_", b"~", b"--", b"!"], |before, _| !before.is_empty())
    }),
    ("slash as dot", |path, choose| {
        let first = choose(path.len().max(1));
        for byte in path.iter_mut().skip(first.max(1)).filter(|byte| **byte == b'/') {
            *byte = b'.';
        }
    }),
    ("script between", |path, choose| {
        at_slash(path, choose, &[b"/index.php", b"/index", b"/app.cgi", b"/_next/data/b1"])
    }),
];

/// What readers drop who mind what is no text, or is none that they know.
const BEYOND_ASCII: &[&[u8]] =
    &[b"\xFF", b"\xFE\x02", b"\x80", "é".as_bytes(), "\u{200b}".as_bytes(), "日".as_bytes()];

const PARENTS: &[&[u8]] = &[
    b"/x/..",
    b"/a.b/y/../..",
    b"/twilio/%2e.",
    b"/x/.%2E",
    b"/x/..;a=b",
    b"/x/. .",
    b"/x/.\x01.",
    b"/x/%u002e.",
    b"/x\\..",
    b"/x/y/.%252e/..%3B",
];

/// Returns a path of the configuration of one to four segments, and a spelling of it.
pub(crate) fn spelled(choose: Choose<'_>) -> Spelled {
    let guard: String = (0..=choose(4)).map(|_| format!("/{}", segment(choose))).collect();
    let is_prefix = choose(2) == 1;
    let mut path = guard.clone().into_bytes();
    let mut steps = Vec::new();
    for (name, step) in FRAMEWORKS {
        // Who cuts by length drops no punctuation.
        let is_other = name == "punctuation" && steps.contains(&"mounted by length");
        if choose(8) == 0 && !is_other {
            step(&mut path, choose);
            steps.push(name);
        }
    }
    if is_prefix && choose(2) == 1 {
        path.extend_from_slice(b"/below");
    } else if choose(4) == 0 {
        let formats: [&[u8]; 4] = [b".json", b".php", b".php/x/y", b"/index.html"];
        path.extend_from_slice(formats[choose(formats.len())]);
        steps.push("format");
    }
    if choose(4) == 0 {
        let scripts: [&[u8]; 5] =
            [b"/index.php", b"/index", b"/app.cgi", b"/index.php/index", b"/_next/data/b1"];
        path.splice(0..0, scripts[choose(scripts.len())].iter().copied());
        steps.push("script before");
    } else if choose(8) == 0 && path.starts_with(b"/") {
        // One that is cut off by its length, and the slash put back.
        let scripts: [&[u8]; 2] = [b"/index.php", b"/x/app.PHP"];
        path.splice(0..1, scripts[choose(scripts.len())].iter().copied());
        steps.push("script cut off");
    }
    for _ in 0..=choose(6) {
        let (name, step) = STEPS[choose(STEPS.len())];
        // Who drops a backslash takes none for a slash, also where it comes out of something else.
        if BACKSLASHES.contains(&name) && steps.iter().any(|done| *done != name && BACKSLASHES.contains(done))
        {
            continue;
        }
        step(&mut path, choose);
        steps.push(name);
    }
    Spelled { guard, is_prefix, path, steps }
}

fn segment(choose: Choose<'_>) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const OTHERS: &[u8] = b"-_.~!$',@=";
    // One letter at least, which the others begin or end with.
    let letter = LETTERS[choose(LETTERS.len())];
    let mut segment: Vec<u8> = (0..choose(7))
        .map(|_| {
            let characters = if choose(8) == 0 { OTHERS } else { LETTERS };
            characters[choose(characters.len())]
        })
        .collect();
    segment.insert([0, segment.len()][choose(2)], letter);
    if segment.ends_with(b"..") {
        // No path of the configuration is read upwards.
        segment.push(letter);
    }
    String::from_utf8(segment).unwrap()
}

/// Who drops a backslash takes none for a slash, and the other way round.
fn unless_backslash(path: &mut Vec<u8>, step: impl FnOnce(&mut Vec<u8>)) {
    if !path.contains(&b'\\') {
        step(path);
    }
}

/// Replaces one byte, or about half of them.
fn replace(path: &mut Vec<u8>, choose: Choose<'_>, by: fn(u8, Choose<'_>) -> Vec<u8>) {
    let (one, many) = (choose(path.len()), choose(2) == 1);
    let mut replaced = Vec::new();
    for (at, byte) in path.iter().enumerate() {
        let is_chosen = if many { choose(2) == 1 } else { at == one };
        replaced.extend(if is_chosen { by(*byte, choose) } else { vec![*byte] });
    }
    *path = replaced;
}

/// Inserts some of these in one to three places, where that is right between what is before and behind.
fn insert(path: &mut Vec<u8>, choose: Choose<'_>, pieces: &[&[u8]], is_right: fn(&[u8], &[u8]) -> bool) {
    for _ in 0..=choose(3) {
        let (at, piece) = (choose(path.len() + 1), pieces[choose(pieces.len())]);
        if is_right(&path[..at], &path[at..]) {
            path.splice(at..at, piece.iter().copied());
        }
    }
}

/// Whether no escape has begun: nobody drops a blank in one.
fn is_outside_of_escapes(before: &[u8], _: &[u8]) -> bool {
    // One may have been folded.
    !before.iter().any(|byte| matches!(byte, b'%' | 0xEF))
}

/// Whether no character is taken apart that folds to another, nor one that is escaped byte for byte.
fn is_outside_of_characters(before: &[u8], behind: &[u8]) -> bool {
    let may_be_of_one = |byte: &u8| matches!(byte, b'%' | 0xC4 | 0xC5 | 0xE2 | 0xEF);
    !before.iter().chain(behind).any(may_be_of_one)
}

fn at_slash(path: &mut Vec<u8>, choose: Choose<'_>, pieces: &[&[u8]]) {
    let slashes: Vec<usize> = (0..path.len()).filter(|at| path[*at] == b'/').collect();
    if !slashes.is_empty() {
        let (at, piece) = (slashes[choose(slashes.len())], pieces[choose(pieces.len())]);
        path.splice(at..at, piece.iter().copied());
    }
}

fn at_slash_or_end(path: &mut Vec<u8>, choose: Choose<'_>, pieces: &[&[u8]]) {
    let ends: Vec<usize> =
        (1..=path.len()).filter(|at| path.get(*at).is_none_or(|byte| *byte == b'/')).collect();
    let (at, piece) = (ends[choose(ends.len())], pieces[choose(pieces.len())]);
    path.splice(at..at, piece.iter().copied());
}

fn escaped(byte: u8, choose: Choose<'_>) -> Vec<u8> {
    if choose(2) == 1 { format!("%{byte:02x}") } else { format!("%{byte:02X}") }.into_bytes()
}

/// With what Jetty takes for digits. A question mark would end the path.
fn escaped_for_jetty(byte: u8) -> Vec<u8> {
    let digit = |value: u8| match value {
        0..=8 => b'0' + value,
        9 => b'@',
        15 => b'f',
        _ => b':' + (value - 10),
    };
    vec![b'%', digit(byte >> 4), digit(byte & 0xF)]
}

fn unit(byte: u8) -> Vec<u8> {
    if byte.is_ascii() { format!("%u{byte:04x}").into_bytes() } else { vec![byte] }
}

fn other_case(byte: u8) -> u8 {
    if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }
}

/// A character that folds to this one: of full width, or one of four letters.
fn unfolded(byte: u8, choose: Choose<'_>) -> Vec<u8> {
    let character = match byte {
        b'i' | b'I' if choose(2) == 1 => ['\u{130}', '\u{131}'][choose(2)],
        b's' | b'S' if choose(2) == 1 => '\u{17F}',
        b'k' | b'K' if choose(2) == 1 => '\u{212A}',
        b'!'..=b'~' => char::from_u32(u32::from(byte) + 0xFEE0).unwrap(),
        _ => return vec![byte],
    };
    character.to_string().into_bytes()
}
