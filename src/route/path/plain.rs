//! Plain paths: those that readers agree about, but for a few aliases that frameworks give every path.

use memchr::memchr;

/// Returns true if a path has nothing in it that a reader treats specially: no escape, no empty segment but a last one, none
/// of dots alone or with two at its end, none of what Windows' servers take away (`(S(x))`, `::$DATA`), and none but these characters.
pub(super) fn is_plain(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"/") else { return false };
    let mut segment = Segment::Empty;
    for (at, byte) in rest.iter().enumerate() {
        segment = match (byte, segment) {
            (b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_', _) => Segment::Named,
            (b'/', Segment::Named | Segment::NamedDot) => Segment::Empty,
            (b'.', Segment::Named) => Segment::NamedDot,
            (b'.', Segment::NamedDot) => Segment::NamedDots,
            (b'.', Segment::NamedDots) => Segment::Named,
            (b'.', _) => Segment::Dots,
            (b'(' | b':' | b'$', _) if ends_in_vanishing(rest.get(..=at).unwrap_or_default()) => {
                return false;
            }
            (b'~' | b'!' | b'$' | b'\'' | b'(' | b')' | b'*' | b',' | b'=' | b':' | b'@', _) => {
                Segment::Named
            }
            _ => return false,
        }
    }
    !matches!(segment, Segment::Dots | Segment::NamedDots)
}

/// What has been read of a segment.
#[derive(Clone, Copy, PartialEq)]
enum Segment {
    Empty,
    Dots,
    Named,
    NamedDot,
    /// With two dots at its end, which lead upwards where what is before them is cut off by its length.
    NamedDots,
}

/// Returns true if a text ends in what Windows' servers take away, with the letters in it or behind it: a cookie in a path,
/// as ASP.NET writes `(S(x))`, or the stream of a file, as in `::$DATA`.
pub(super) fn ends_in_vanishing(text: &[u8]) -> bool {
    matches!(text, [.., b'(', b'a'..=b'z' | b'A'..=b'Z', b'('] | [.., b':', b':' | b'$'])
}

/// Returns true if there is a colon with digits at the end of a segment: PHP's `parse_url` takes them for a port, and where they
/// are none for one reason or another it finds no path at all, which applications take for `/`.
pub(super) fn has_port(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|segment| {
        let colon = segment.iter().rposition(|byte| *byte == b':');
        let behind = colon.and_then(|at| segment.get(at.saturating_add(1)..)).unwrap_or_default();
        !behind.is_empty() && behind.iter().all(u8::is_ascii_digit)
    })
}

/// Returns true if a script, or `index`, ends before the end of a path, and behind its first `from` bytes: what is before, or that
/// alone, readers may take away.
pub(super) fn runs_script(path: &[u8], from: usize) -> bool {
    let below = path.len().saturating_sub(from);
    below > 0 && scripts(path).any(|behind| behind.len() < below && !without_slashes(behind).is_empty())
}

/// The segments of a path of the configuration, in lower case, without what some spelling of it lacks: a script or `index`
/// before the last, a format behind that, and an `index` at their end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segments {
    names: Vec<Vec<u8>>,
    below: Below,
}

/// What may stand below a path that it is a parameter of, or the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    /// Anything: all that is below is on the path, or its last segment is a script's name.
    Anything,
    /// What servers append where a path ends in a slash.
    Index,
}

impl Segments {
    /// Returns the segments of a path in lower case, in each way that it may be read: as a whole, without the scripts in it or with
    /// them, and where a script runs with the rest of the path for a parameter, what is behind that alone.
    pub(super) fn readings(path: &[u8], is_prefix: bool) -> Vec<Segments> {
        let mut readings = vec![Segments::of(path, is_prefix, true)];
        let mut add = |reading| {
            if !readings.contains(&reading) {
                readings.push(reading);
            }
        };
        add(Segments::of(path, is_prefix, false));
        for behind in scripts(path).filter(|behind| !without_slashes(behind).is_empty()) {
            add(Segments::of(behind, is_prefix, true));
        }
        readings
    }

    fn of(path: &[u8], is_prefix: bool, drops_scripts: bool) -> Segments {
        let mut names: Vec<&[u8]> =
            path.split(|byte| *byte == b'/').filter(|segment| !segment.is_empty()).collect();
        let last = names.pop();
        names.retain(|name| !drops_scripts || !vanishes(name));
        let mut below = if is_prefix { Below::Anything } else { Below::Index };
        if let Some(last) = last {
            if is_index(last) && (!names.is_empty() || last.contains(&b'.')) {
                below = Below::Index;
            } else {
                names.push(without_format(last));
                // Where what has no letters ends, nothing tells.
                below = if is_script(last) || !has_letters(last) { Below::Anything } else { below };
            }
        }
        if names.len() > Counts::LARGEST {
            // So many are enough, and what is behind them counts as what is below.
            names.truncate(Counts::LARGEST);
            below = Below::Anything;
        }
        Segments { names: names.into_iter().map(|name| without_dots(name).to_vec()).collect(), below }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(Vec::as_slice)
    }

    /// Returns true if these are those of `/`.
    pub(super) fn are_root(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns true if whatever is below the path is on it.
    pub(super) fn have_all_below(&self) -> bool {
        self.below == Below::Anything
    }

    /// Returns true if a plain path is another spelling of these, or an alias of them: with a script or an `index` before or
    /// between them, a format behind the last, and more behind a script.
    ///
    /// The path is read once, whatever is in it. What is kept of what has been read is how many of the names that may have
    /// been.
    pub(super) fn are_alias(&self, path: &[u8]) -> bool {
        let (mut counts, mut rest, mut before) = (Counts::of(0), path, Before::Nothing);
        loop {
            if counts.is_empty() && matches!(before, Before::Name) {
                let Some((behind, of_next)) = next_script(rest) else { return false };
                (before, rest) = (Before::Script, of_next.unwrap_or(behind));
            }
            let (segment, behind) = split_at_slash(without_slashes(rest));
            let name = without_dots(segment);
            let is_script = is_script(name);
            let vanishes = is_script || is_bare_index(name);
            // Of a row of scripts the last one is enough.
            let begins = match before {
                Before::FirstScript => true,
                Before::Script => !segment.is_empty() && !vanishes,
                Before::Nothing | Before::Name => false,
            };
            if begins {
                counts.add(0);
            }
            if counts.has(self.names.len()) && (self.have_all_below() || may_be_behind_last(segment)) {
                return true;
            }
            if segment.is_empty() {
                // Names without letters are found in nothing.
                let mut without_letters = (0..self.names.len()).rev().take_while(|at| !self.has_letters(*at));
                return without_letters.any(|at| counts.has(at));
            }
            if let Some(behind) = behind_next_data(segment, behind) {
                (before, rest) = (before.and_script(), behind);
                continue;
            }
            let is_kept = vanishes && !behind.is_empty();
            let mut next = if is_kept { counts } else { Counts::default() };
            for count in counts {
                if self.read(count, segment, is_script, is_script && is_kept, &mut next) {
                    return true;
                }
            }
            before = if vanishes { before.and_script() } else { Before::Name };
            (counts, rest) = (next, behind);
        }
    }

    /// Adds how many names may have been read at the end of a segment, if so many had been before it. `is_kept` says that a
    /// script may be taken away there. Returns true if all names have been read, and a script has that takes the rest, whatever
    /// it is.
    fn read(
        &self,
        mut count: usize,
        segment: &[u8],
        is_script: bool,
        is_kept: bool,
        counts: &mut Counts,
    ) -> bool {
        let mut text = segment;
        while let Some(name) = self.names.get(count) {
            let Some(end) = behind_letters(text, name) else { return false };
            count = count.saturating_add(1);
            let (is_last, has_dot) = (count == self.names.len(), begins_with(b'.', end));
            // With nothing behind the name, or a format.
            if !has_letters(end) || (has_dot && (is_last || is_script)) {
                if is_last && is_script {
                    return true;
                }
                counts.add(count);
            }
            // The next name, to who takes dots for slashes, or a colon as Erlang's servers do, or cuts off by its length what an
            // application is mounted on, and puts the slash there.
            if is_last || !(has_dot || begins_with(b':', end) || self.may_be_joined(count, end)) {
                return false;
            }
            if is_kept {
                counts.add(count);
            }
            text = end;
        }
        false
    }

    /// Returns true if what is behind so many names may be the next one, with no slash before it.
    fn may_be_joined(&self, count: usize, end: &[u8]) -> bool {
        let is_mark = |byte: Option<&u8>| byte.is_some_and(|byte| letter(*byte) == 0);
        let has_own_mark = || {
            let last =
                count.checked_sub(1).and_then(|last| self.names.get(last)).and_then(|name| name.last());
            is_mark(last) || is_mark(self.names.get(count).and_then(|name| name.first()))
        };
        !is_mark(end.first()) || has_own_mark()
    }

    fn has_letters(&self, at: usize) -> bool {
        self.names.get(at).is_some_and(|name| has_letters(name))
    }
}

/// What stands before a segment.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    FirstScript,
    Script,
    Name,
}

impl Before {
    fn and_script(self) -> Before {
        if matches!(self, Before::Nothing) { Before::FirstScript } else { Before::Script }
    }
}

/// A set of small numbers, in their order.
#[derive(Clone, Copy, Default)]
struct Counts(u64);

impl Counts {
    /// The largest number that can be in the set.
    const LARGEST: usize = 63;

    fn of(number: usize) -> Counts {
        let mut counts = Counts::default();
        counts.add(number);
        counts
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn bit(number: usize) -> u64 {
        u32::try_from(number).ok().and_then(|number| 1_u64.checked_shl(number)).unwrap_or_default()
    }

    fn add(&mut self, number: usize) {
        self.0 |= Counts::bit(number);
    }

    fn has(self, number: usize) -> bool {
        self.0 & Counts::bit(number) != 0
    }
}

impl Iterator for Counts {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let least = usize::try_from(self.0.trailing_zeros()).ok().filter(|_| self.0 != 0)?;
        self.0 &= self.0.wrapping_sub(1);
        Some(least)
    }
}

/// Returns true if there may be such a segment behind the last name: none, a format, or what servers append.
fn may_be_behind_last(segment: &[u8]) -> bool {
    segment.is_empty() || segment.starts_with(b".") || is_index(segment)
}

/// Returns what is behind each script of a path, behind each `index`, and behind what Next.js puts before a path.
fn scripts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let (behind, of_next) = next_script(rest?)?;
        rest = Some(behind).filter(|behind| !behind.is_empty());
        Some(of_next.unwrap_or(behind))
    })
}

/// Returns what is behind the first script of a path, or the first `index`, and what is if that is Next.js' own. All of the path
/// is read for this, and so only once.
fn next_script(path: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    // A segment is known by its last letters, and if there is no dot among them by a byte for its beginning.
    const BEGINNING: u64 = 1;
    const INDEX: u64 = key_behind(BEGINNING, b"index");
    const ANY_LETTER: u64 = 0xFF << 24;
    const INDEX_SCRIPT: u64 = key_behind(0, b"ndex.php") & !ANY_LETTER;
    const OWN_OF_NEXT: u64 = key_behind(BEGINNING, NEXT);
    let (mut letters, mut before_dots, mut has_dot) = (BEGINNING, BEGINNING, false);
    for (at, byte) in path.iter().chain(b"/").enumerate() {
        match byte {
            b'/' => {
                let key = if letters == 0 { before_dots } else { letters };
                if (has_dot && is_key_of_script(key)) || key == INDEX || key & !ANY_LETTER == INDEX_SCRIPT {
                    return Some((path.get(at..).unwrap_or_default(), None));
                }
                if key == OWN_OF_NEXT
                    && let Some(behind) = path.get(at..)
                    && let Some(of_next) = behind_next_data(NEXT, behind)
                {
                    return Some((behind, Some(of_next)));
                }
                (letters, before_dots, has_dot) = (BEGINNING, BEGINNING, false);
            }
            b'.' if letters == 0 => {}
            b'.' => (letters, before_dots, has_dot) = (0, letters, true),
            _ => letters = letters << 8 | u64::from(byte.to_ascii_lowercase()),
        }
    }
    None
}

/// Returns what is behind `_next/data/BUILD`, by which Next.js finds the same handlers.
fn behind_next_data<'p>(segment: &[u8], behind: &'p [u8]) -> Option<&'p [u8]> {
    if !segment.starts_with(b"_") || !without_dots(segment).eq_ignore_ascii_case(NEXT) {
        return None;
    }
    let (data, behind) = split_at_slash(without_slashes(behind));
    without_dots(data).eq_ignore_ascii_case(b"data").then(|| split_at_slash(without_slashes(behind)).1)
}

/// What stands before the paths that Next.js has for itself.
const NEXT: &[u8] = b"_next";

fn without_slashes(mut path: &[u8]) -> &[u8] {
    while let Some(rest) = path.strip_prefix(b"/") {
        path = rest;
    }
    path
}

/// Returns what is before the first slash, and the rest from there.
fn split_at_slash(path: &[u8]) -> (&[u8], &[u8]) {
    path.split_at_checked(memchr(b'/', path).unwrap_or(path.len())).unwrap_or_default()
}

/// Returns a segment without the dots at its end.
fn without_dots(mut segment: &[u8]) -> &[u8] {
    while let Some(rest) = segment.strip_suffix(b".") {
        segment = rest;
    }
    segment
}

/// Returns what is left of a segment behind the letters and digits of a name, if it begins with them: in any case, and with any
/// punctuation before and between them. Frameworks write `smsReply` for `sms-reply`, and `_` for what is neither.
fn behind_letters<'s>(segment: &'s [u8], name: &[u8]) -> Option<&'s [u8]> {
    let mut rest = segment.iter();
    for own in name.iter().map(|byte| letter(*byte)).filter(|own| *own != 0) {
        let next = rest.by_ref().map(|byte| letter(*byte)).find(|next| *next != 0);
        if next != Some(own) {
            return None;
        }
    }
    Some(rest.as_slice())
}

/// Letters in lower case, and digits; 0 for what is neither.
const LETTERS: [u8; 256] = {
    let (mut letters, mut byte) = ([0; 256], 0_u8);
    let mut rest: &mut [u8] = &mut letters;
    while let [letter, others @ ..] = rest {
        if byte.is_ascii_alphanumeric() {
            *letter = byte.to_ascii_lowercase();
        }
        (byte, rest) = (byte.wrapping_add(1), others);
    }
    letters
};

#[inline]
pub(super) fn letter(byte: u8) -> u8 {
    LETTERS.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Returns true if there is this mark before the first letter or digit.
fn begins_with(mark: u8, text: &[u8]) -> bool {
    text.iter().find(|byte| **byte == mark || letter(**byte) != 0) == Some(&mark)
}

/// Returns true if what is before a path is taken away with the slash behind it: a script, or `index`.
fn vanishes(segment: &[u8]) -> bool {
    let name = without_dots(segment);
    is_script(name) || is_bare_index(name)
}

fn is_bare_index(name: &[u8]) -> bool {
    let Some((index, rest)) = name.split_at_checked(b"index".len()) else { return false };
    // Any letter in the place of the dot: WordPress' own rules are expressions that do not mind it.
    let is_script = || rest.get(1..).is_some_and(|php| php.eq_ignore_ascii_case(b"php"));
    index.eq_ignore_ascii_case(b"index") && (rest.is_empty() || is_script())
}

/// Returns true if a segment is what servers append where a path ends in a slash.
fn is_index(segment: &[u8]) -> bool {
    let name = segment.split(|byte| *byte == b'.').next().unwrap_or_default();
    [&b"index"[..], b"default"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Returns what stands behind the last dot of a segment, if that is short enough for the format of a file.
fn format(segment: &[u8]) -> Option<&[u8]> {
    const LONGEST: usize = b"action".len();
    let end = segment.get(segment.len().saturating_sub(LONGEST.saturating_add(1))..)?;
    let dot = end.iter().rposition(|byte| *byte == b'.')?;
    end.get(dot.saturating_add(1)..)
}

/// Returns true if a segment is the name of a script, which servers run with the rest of the path for a parameter.
pub(super) fn is_script(segment: &[u8]) -> bool {
    format(segment).is_some_and(|format| is_key_of_script(key_behind(0, format)))
}

/// Returns true for the [key](key_behind) of a script's format.
fn is_key_of_script(key: u64) -> bool {
    // Written out, so that it becomes a search and no list of comparisons.
    macro_rules! is_one_of {
        ($($format:literal)*) => { $(key == const { key_behind(0, $format) })||* };
    }
    // `php5` and the like.
    let is_number = matches!(key & 0xFF, 0x30..=0x39);
    is_one_of!(
        b"php" b"phtml" b"phar" b"pht" b"cgi" b"fcgi" b"pl" b"py" b"wsgi" b"rb" b"asp" b"aspx" b"ashx" b"asmx" b"svc" b"jsp"
        b"jspx" b"do" b"dll" b"exe" b"cfm" b"cfc"
    ) || (is_number && key >> 8 == key_behind(0, b"php"))
}

/// Returns a number for the last of some letters, in any case, and what is before them.
const fn key_behind(mut key: u64, mut letters: &[u8]) -> u64 {
    while let [byte, rest @ ..] = letters {
        key = key << 8 | u64::from_be_bytes([0, 0, 0, 0, 0, 0, 0, byte.to_ascii_lowercase()]);
        letters = rest;
    }
    key
}

fn has_letters(segment: &[u8]) -> bool {
    segment.iter().any(|byte| letter(*byte) != 0)
}

/// Returns the segment without a format behind it: `sms` of `sms.xml`. A number is none: `v1.2` is a version. Nor is a longer word,
/// but for the one that Struts puts there.
fn without_format(segment: &[u8]) -> &[u8] {
    let is_short =
        |format: &[u8]| matches!(format.len(), 1..=5) && format.iter().all(u8::is_ascii_alphabetic);
    let is_format =
        |format: &&[u8]| is_script(segment) || is_short(format) || format.eq_ignore_ascii_case(b"action");
    let size = format(segment).filter(is_format).map_or(0, |format| format.len().saturating_add(1));
    let name = segment.get(..segment.len().saturating_sub(size)).unwrap_or_default();
    if has_letters(name) { name } else { segment }
}
