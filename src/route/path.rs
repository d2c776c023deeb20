//! Paths: whether a request is on a path of the configuration, and whether some reader may find it there.
//!
//! **Readers decode, drop, cut and fold; they never invent,** but for a slash behind what they cut off by its length. So it is not
//! asked what any of them does. A [plain](mod@plain) path is read alike by all of them, and is compared. Every other path is
//! [settled](mod@settle): decoded until nothing is left to decode. It may be a path of the configuration unless that one's
//! [words](text) cannot come out of it. What is signed is never looked at here: that is the path as it came, byte for byte.

mod bytes;
mod cut;
mod loss;
mod plain;
mod settle;
mod text;

use std::cell::OnceCell;

use super::fit::Fit;
use cut::{has_cut_script, with_slashes_behind_scripts};
use plain::Segments;
use settle::{
    can_fold, ends_in_open_escape, fold, has_foreign_digits, has_other_digits, settle, settle_other_digits,
};
use text::{Text, Word};

/// A path of a request, without its query.
#[derive(Debug)]
pub(crate) struct Path<'p> {
    received: &'p [u8],
    is_plain: bool,
    /// Whether something beside the path makes servers read another one.
    may_be_any: bool,
    texts: OnceCell<Texts>,
}

/// What a path that is not plain may be read as; `None` if it may be any.
type Texts = Option<Vec<Text>>;

impl<'p> Path<'p> {
    /// Returns the path as it was received. `may_be_any` says that servers may read another path all the same.
    pub(crate) fn new(received: &'p [u8], may_be_any: bool) -> Path<'p> {
        let may_be_any = may_be_any || !received.starts_with(b"/");
        let is_plain = plain::is_plain(received) && !has_cut_script(received);
        Path { received, is_plain, may_be_any, texts: OnceCell::new() }
    }

    /// Returns true if readers agree about it.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain && !self.may_be_any && !plain::runs_script(self.received, 0)
    }

    /// Returns what it may be read as, found out when the first route asks.
    fn texts(&self) -> Option<&[Text]> {
        self.texts.get_or_init(|| read(self.received)).as_deref()
    }
}

fn read(received: &[u8]) -> Texts {
    if ends_in_open_escape(received) {
        return None;
    }
    let settled = settle(received);
    // Nobody writes escapes with digits of one server's own, and characters that fold to letters, nor one for the other, nor either
    // beside a script that is cut off.
    let other = if !has_other_digits(&settled) {
        fold(&settled)
    } else if can_fold(&settled) || has_cut_script(&settled) {
        return None;
    } else {
        Some(settle_other_digits(&settled))
    };
    if other.as_ref().is_some_and(|text| has_other_digits(text) || can_fold(text) || has_cut_script(text)) {
        return None;
    }
    let behind_scripts = with_slashes_behind_scripts(&settled);
    let texts = std::iter::once(settled).chain(other).chain(behind_scripts);
    texts.map(|text| if has_foreign_digits(&text) { None } else { Text::new(text) }).collect()
}

/// A path of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct PathMatch {
    written: Vec<u8>,
    is_prefix: bool,
    ignore_case: bool,
    readings: Vec<Reading>,
}

/// A way to read a path of the configuration: its segments, and the words in them.
#[derive(Clone, Debug)]
struct Reading {
    segments: Segments,
    words: Vec<Word>,
}

impl PathMatch {
    /// Returns a path that must be this one, or where `is_prefix` begin with these segments; `None` if a reader may take it
    /// for another one, so that it would not guard what is found there.
    pub(crate) fn new(path: &[u8], is_prefix: bool, ignore_case: bool) -> Option<PathMatch> {
        let written = path.strip_suffix(b"/").filter(|_| is_prefix).unwrap_or(path).to_vec();
        let text = Text::new(settle(path))?;
        if !plain::is_plain(path) && text.can_lose() {
            return None;
        }
        let behind_scripts = with_slashes_behind_scripts(text.bytes());
        let mut readings = Segments::readings(text.bytes(), is_prefix);
        readings.extend(behind_scripts.iter().flat_map(|path| Segments::readings(path, is_prefix)));
        let readings = readings.into_iter().map(|segments| {
            let words = Word::all(segments.names());
            Reading { segments, words }
        });
        Some(PathMatch { written, is_prefix, ignore_case, readings: readings.collect() })
    }

    /// Returns whether a request's path is this one.
    pub(crate) fn fit(&self, path: &Path<'_>) -> Fit {
        let maybe = |may_be| if may_be { Fit::Maybe } else { Fit::No };
        if path.may_be_any {
            return Fit::Maybe;
        }
        let is_written = self.is_written_in(path.received);
        let is_root = || self.readings.iter().any(|reading| reading.segments.are_root());
        let is_lost = || is_root() && plain::has_port(path.received);
        if path.is_plain {
            if is_written && !plain::runs_script(path.received, self.written.len()) {
                return Fit::Yes;
            }
            let is_alias = || self.readings.iter().any(|reading| reading.segments.are_alias(path.received));
            return maybe(is_written || is_alias() || is_lost());
        }
        let Some(texts) = path.texts() else { return Fit::Maybe };
        if is_written && !texts.iter().any(Text::can_lose) {
            return Fit::Yes;
        }
        let may_be = |text| self.readings.iter().any(|reading| reading.may_be(text));
        maybe(texts.iter().any(may_be) || is_lost())
    }

    /// Returns true if every request that `other` matches as it is written is matched by this as well.
    pub(crate) fn covers(&self, other: &PathMatch) -> bool {
        let minds_case = !self.ignore_case && self.written.iter().any(u8::is_ascii_alphabetic);
        (self.is_prefix || !other.is_prefix)
            && self.is_written_in(&other.written)
            && !(minds_case && other.ignore_case)
    }

    /// Returns true if some reader may find every request here that `other` matches as it is written.
    pub(crate) fn may_cover(&self, other: &PathMatch) -> bool {
        (self.is_prefix || !other.is_prefix) && self.fit(&Path::new(&other.written, false)) != Fit::No
    }

    /// Returns true if a path is this one, or one below, byte for byte.
    fn is_written_in(&self, path: &[u8]) -> bool {
        let Some((begin, rest)) = path.split_at_checked(self.written.len()) else { return false };
        let is_whole = rest.is_empty() || (self.is_prefix && rest.starts_with(b"/"));
        let same =
            if self.ignore_case { begin.eq_ignore_ascii_case(&self.written) } else { begin == self.written };
        is_whole && same
    }
}

impl Reading {
    /// Returns true if this path may come out of a text.
    fn may_be(&self, text: &Text) -> bool {
        let is_below = |end| !self.segments.have_all_below() && text.goes_below(end);
        text.has(&self.words)
            && (text.can_lose() || text.end_of_first(&self.words).is_some_and(|end| !is_below(end)))
    }
}

#[cfg(test)]
mod tests;
