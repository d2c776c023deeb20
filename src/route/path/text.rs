//! What a path that is not plain may be read as: a settled path, and the words of another one in it.

use std::cell::OnceCell;

use memchr::{memchr, memchr3};

use super::bytes::{NOTHING, goes_on, is_dash, normalize};
use super::loss::{can_lose, is_named};
use super::settle::has_overlong;

/// A settled path in lower case. What is not printable ASCII stands for nothing.
#[derive(Debug)]
pub(super) struct Text {
    bytes: Vec<u8>,
    can_lose: OnceCell<bool>,
}

/// A segment of a path of the configuration: its letters and digits.
#[derive(Clone, Debug)]
pub(super) struct Word {
    letters: Vec<u8>,
    /// The words that may stand right before it, and behind: who cuts off by its length what an application is mounted on, puts
    /// the slash there.
    before: Option<Neighbour>,
    behind: Option<Neighbour>,
    /// Whether there is a dash before them, and behind, at which words are not cut.
    begins_in_dash: bool,
    ends_in_dash: bool,
}

/// The letters of a word, in the direction in which it is met, and whether there is a dash between the two in the configuration.
#[derive(Clone, Debug)]
struct Neighbour {
    letters: Vec<u8>,
    has_dash: bool,
}

impl Neighbour {
    /// Returns true if it is what these bytes begin with.
    fn begins<'b>(&self, bytes: impl Iterator<Item = &'b u8>) -> bool {
        let mut bytes = bytes.peekable();
        if !self.has_dash && bytes.peek().is_some_and(|byte| is_dash(**byte)) {
            return false;
        }
        let mut bytes = bytes.filter(|byte| byte.is_ascii_alphanumeric() || **byte == b'/');
        self.letters.iter().all(|own| bytes.next() == Some(own))
    }
}

impl Word {
    /// Returns the words of segments, which are those with letters or digits in them.
    pub(super) fn all<'s>(segments: impl Iterator<Item = &'s [u8]>) -> Vec<Word> {
        let mut words: Vec<Word> = segments.filter_map(Word::of).collect();
        let mut rest = words.as_mut_slice();
        while let [word, others @ ..] = rest {
            if let [next, ..] = others {
                let has_dash = word.ends_in_dash || next.begins_in_dash;
                word.behind = Some(Neighbour { letters: next.letters.clone(), has_dash });
                let letters = word.letters.iter().rev().copied().collect();
                next.before = Some(Neighbour { letters, has_dash });
            }
            rest = others;
        }
        words
    }

    fn of(segment: &[u8]) -> Option<Word> {
        let first = segment.iter().position(u8::is_ascii_alphanumeric)?;
        let last = segment.iter().rposition(u8::is_ascii_alphanumeric)?;
        let has_dash =
            |at: Option<usize>| at.and_then(|at| segment.get(at)).is_some_and(|byte| is_dash(*byte));
        Some(Word {
            letters: segment.iter().copied().filter(u8::is_ascii_alphanumeric).collect(),
            before: None,
            behind: None,
            begins_in_dash: has_dash(first.checked_sub(1)),
            ends_in_dash: has_dash(last.checked_add(1)),
        })
    }
}

impl Text {
    /// Returns `None` if the path may be any: it has overlong UTF-8, or an escape that a reader completes who drops the bytes
    /// in it.
    pub(super) fn new(settled: Vec<u8>) -> Option<Text> {
        if has_overlong(&settled) {
            return None;
        }
        let mut bytes = settled;
        normalize(&mut bytes);
        let is_odd = has_interrupted_escape(&bytes);
        (!is_odd).then_some(Text { bytes, can_lose: OnceCell::new() })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns true if a reader may take away what has letters in it.
    pub(super) fn can_lose(&self) -> bool {
        *self.can_lose.get_or_init(|| can_lose(&self.bytes))
    }

    /// Returns true if all of these words stand here, in their order.
    pub(super) fn has(&self, words: &[Word]) -> bool {
        words.iter().try_fold(0, |at, word| self.find(word, at)).is_some()
    }

    /// Returns where the last of these words ends, if all of them stand here in their order, with nothing that has letters
    /// before or between them.
    pub(super) fn end_of_first(&self, words: &[Word]) -> Option<usize> {
        words.iter().try_fold(0, |at, word| {
            let skipped = self.bytes.get(at..)?.iter().position(u8::is_ascii_alphanumeric)?;
            self.end_of(word, at.saturating_add(skipped))
        })
    }

    /// Returns where a word ends that stands here or behind.
    fn find(&self, word: &Word, mut at: usize) -> Option<usize> {
        let first = *word.letters.first()?;
        loop {
            at = at.saturating_add(memchr(first, self.bytes.get(at..)?)?);
            let end = self.end_of(word, at);
            if end.is_some() {
                return end;
            }
            at = at.saturating_add(1);
        }
    }

    /// Returns where a word ends that stands here: letter after letter, with nothing but what has no letters, and no slash,
    /// between them, and not as a part of another word, but for its neighbours.
    fn end_of(&self, word: &Word, at: usize) -> Option<usize> {
        let before = self.bytes.get(..at)?;
        if !(is_cut(before.iter().rev())
            || (word.begins_in_dash && before.last().is_some_and(|byte| is_dash(*byte)))
            || word.before.as_ref().is_some_and(|word| word.begins(before.iter().rev())))
        {
            return None;
        }
        let mut rest = self.bytes.get(at..)?.iter();
        for letter in &word.letters {
            let is_stop = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'/';
            if rest.find(is_stop) != Some(letter) {
                return None;
            }
        }
        let end = self.bytes.len().saturating_sub(rest.len());
        let has_own_dash = word.ends_in_dash && rest.as_slice().first().is_some_and(|byte| is_dash(*byte));
        let has_next = || word.behind.as_ref().is_some_and(|word| word.begins(rest.clone()));
        (has_own_dash || has_next() || is_cut(rest)).then_some(end)
    }

    /// Returns true if what begins here is below the path before: a slash, and then letters, unless they are what servers
    /// append.
    pub(super) fn goes_below(&self, at: usize) -> bool {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let Some(below) = rest.strip_prefix(b"/") else { return false };
        let segment = below.split(|byte| *byte == b'/').next().unwrap_or_default();
        let first_letters = segment.split(|byte| !byte.is_ascii_alphanumeric()).next();
        let is_appended = || {
            [&b"index"[..], b"default"]
                .iter()
                .any(|name| first_letters == Some(*name) || is_named(segment, name))
        };
        below.first().is_some_and(|first| goes_on(*first)) && !is_appended()
    }
}

/// Returns true if a word does not go on with these bytes: with no letter or digit, also behind dashes, as frameworks drop those
/// at the end of a segment.
fn is_cut<'b>(mut bytes: impl Iterator<Item = &'b u8>) -> bool {
    bytes.find(|byte| !is_dash(**byte)).is_none_or(|byte| !byte.is_ascii_alphanumeric())
}

/// Returns true if there is an escape with something between its digits that a reader drops.
fn has_interrupted_escape(text: &[u8]) -> bool {
    let is_dropped = |byte: &u8| matches!(*byte, NOTHING | b'\\' | b'\r' | b'\n');
    let is_digit = |byte: &u8| byte.is_ascii_hexdigit() || matches!(*byte, b'u' | b':'..=b'@' | b'`');
    if memchr3(NOTHING, b'\\', b'\n', text).is_none() && memchr(b'\r', text).is_none() {
        return false;
    }
    // Whether an escape has begun, and whether something in it is dropped.
    let (mut has_begun, mut is_interrupted) = (false, false);
    let first = memchr(b'%', text).unwrap_or(text.len());
    for byte in text.get(first..).unwrap_or_default() {
        if *byte == b'%' {
            (has_begun, is_interrupted) = (true, false);
        } else if is_dropped(byte) {
            is_interrupted = has_begun;
        } else if !is_digit(byte) {
            has_begun = false;
        } else if has_begun && is_interrupted {
            return true;
        }
    }
    false
}
