//! Texts of several keys, one a line, that may change from one request to the next.

use std::cell::Cell;
use std::rc::Rc;

use super::mac::Mac;
use crate::config::Algorithm;
use crate::secret::Secret;

/// The largest text that is read, in bytes: 16 KiB.
pub const MOST_TEXT: usize = 16_384;
/// The most keys in a text. Each is tried for each request.
pub const MOST_LINES: usize = 64;

/// Where the text comes from, and what was made ready of it last.
pub(super) struct Changing {
    filter_state: String,
    algorithm: Algorithm,
    latest: Cell<Option<Rc<KeyText>>>,
}

/// A text, and the HMAC states of the keys in it.
pub(super) struct KeyText {
    text: Vec<u8>,
    /// Each with the number of its line.
    macs: Vec<(u32, Mac)>,
    fault: Option<Fault>,
}

/// Why a text does not hold the keys that it is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no text, or nothing but empty lines.
    Missing,
    /// It has more than [`MOST_TEXT`] bytes or [`MOST_LINES`] lines that are not empty. Nothing in it counts then.
    TooLarge,
    /// This line, counted from 1, is no key: it holds white space, a control character, or something that is not ASCII. The
    /// others count.
    Line(u32),
}

impl Changing {
    pub(super) fn new(algorithm: Algorithm, filter_state: &str) -> Changing {
        Changing { filter_state: filter_state.to_owned(), algorithm, latest: Cell::default() }
    }

    pub(super) fn filter_state(&self) -> &str {
        &self.filter_state
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns what a text holds. As long as it is the same as the last time, nothing is made ready anew. Requests that
    /// began with another text keep that.
    pub(super) fn read(&self, mut text: Vec<u8>) -> Rc<KeyText> {
        if text.len() > MOST_TEXT {
            // What is kept is no larger than what could be used, and still too large.
            text.truncate(MOST_TEXT.saturating_add(1));
            text.shrink_to_fit();
        }
        let latest = self.latest.take().filter(|latest| latest.text == text);
        let latest = latest.unwrap_or_else(|| Rc::new(KeyText::new(self.algorithm, text)));
        self.latest.set(Some(Rc::clone(&latest)));
        latest
    }
}

impl KeyText {
    fn new(algorithm: Algorithm, text: Vec<u8>) -> KeyText {
        let (macs, fault) = if text.len() > MOST_TEXT {
            (Vec::new(), Some(Fault::TooLarge))
        } else {
            read_lines(algorithm, &text)
        };
        KeyText { text, macs, fault }
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(super) fn macs(&self) -> &[(u32, Mac)] {
        &self.macs
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }
}

/// Returns the keys in a text, and what is wrong with it first of all.
fn read_lines(algorithm: Algorithm, text: &[u8]) -> (Vec<(u32, Mac)>, Option<Fault>) {
    let (mut macs, mut bad_line) = (Vec::new(), None);
    let lines =
        (1..).zip(text.split(|byte| *byte == b'\n')).map(|(number, line)| (number, without_end(line)));
    for (index, (number, line)) in lines.filter(|(_, line)| !line.is_empty()).enumerate() {
        if index == MOST_LINES {
            return (Vec::new(), Some(Fault::TooLarge));
        }
        match read_line(algorithm, line) {
            Some(mac) => macs.push((number, mac)),
            None => bad_line = bad_line.or(Some(Fault::Line(number))),
        }
    }
    let missing = macs.is_empty().then_some(Fault::Missing);
    (macs, bad_line.or(missing))
}

fn without_end(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r'] = line {
        line = rest;
    }
    line
}

/// Returns the key in a line. No key of Twilio's has anything but ASCII in it; a byte order mark has.
fn read_line(algorithm: Algorithm, line: &[u8]) -> Option<Mac> {
    let secret = line.is_ascii().then(|| Secret::new(line.to_vec()).ok()).flatten()?;
    Mac::new(algorithm, &secret)
}

#[cfg(test)]
mod tests;
