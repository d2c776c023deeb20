//! Scripts whose names frameworks cut off by their length, with no slash behind them.

use memchr::{memchr, memchr2_iter};

use super::plain::letter;

/// Returns true if a segment goes on behind the name of a script: `/index.phptwilio/sms` is `/twilio/sms` to the frameworks of PHP
/// that cut the script's name off by its length, as Symfony does.
pub(super) fn has_cut_script(path: &[u8]) -> bool {
    let begin = memchr(b'.', path).and_then(|dot| path.get(dot..));
    begin.is_some_and(|begin| cuts(begin).next().is_some())
}

/// Returns a path with the slash that such frameworks put there, or do without; `None` if there is no such place.
pub(super) fn with_slashes_behind_scripts(path: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    let mut begin = 0;
    for end in cuts(path) {
        whole.extend_from_slice(path.get(begin..end)?);
        whole.push(b'/');
        begin = end;
    }
    if begin == 0 {
        return None;
    }
    whole.extend_from_slice(path.get(begin..)?);
    Some(whole)
}

/// Returns where the names of scripts end in the middle of a segment, with whatever has no letters between theirs. They are looked
/// for by their rarest letter.
fn cuts(path: &[u8]) -> impl Iterator<Item = usize> {
    let is_stop = |byte: &&u8| letter(**byte) != 0 || matches!(byte, b'/' | b'.');
    memchr2_iter(b'h', b'H', path).filter_map(move |at| {
        let mut before = path.get(..at)?.iter().rev().filter(is_stop);
        let mut behind = path.get(at.saturating_add(1)..)?.iter();
        let is_script = before.next().is_some_and(|byte| letter(*byte) == b'p')
            && before.next() == Some(&b'.')
            && behind.find(is_stop).is_some_and(|byte| letter(*byte) == b'p');
        let behind = behind.as_slice();
        let goes_on = behind.first().is_some_and(|byte| *byte != b'/');
        (is_script && goes_on).then(|| path.len().saturating_sub(behind.len()))
    })
}
