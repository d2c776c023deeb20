//! What readers may take away from a path, with the letters in it. What has no letters, any of them may.

use super::bytes::{NOTHING, goes_on, is_slash};
use super::plain::{ends_in_vanishing, is_script};

/// Returns true if a reader may take away what has letters in it: as parameters or a query, as a host, by dot segments, or
/// with what else goes together with the slash behind it. The text is in lower case.
pub(super) fn can_lose(text: &[u8]) -> bool {
    // Where the segment begins, also to who drops backslashes, and whether it has had a dot and no letter since.
    let (mut segment, mut whole_segment, mut has_dot) = (0, 0, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => has_dot = false,
            b'/' | b'\\' => {
                let vanishes = |begin| text.get(begin..at).is_some_and(vanishes_before_slash);
                if vanishes(segment) || (whole_segment < segment && *byte == b'/' && vanishes(whole_segment))
                {
                    return true;
                }
                segment = at.saturating_add(1);
                if *byte == b'/' {
                    (whole_segment, has_dot) = (segment, false);
                }
            }
            b'.' if has_dot => return true,
            b'.' => has_dot = true,
            b';' | b'&' | b'?' | b'#' | b'=' | b'<' | b'\r' | b'\n' => return true,
            b'(' | b':' | b'$' if text.get(..=at).is_some_and(vanishes_here) => return true,
            b':' if text.get(at..).is_some_and(is_scheme) => return true,
            _ => {}
        }
    }
    begins_with_host(text)
}

/// Returns true for what readers are known to drop in the middle of a word.
fn is_dropped(byte: &u8) -> bool {
    matches!(*byte, NOTHING | b' ' | b'\\')
}

/// Returns true if a path begins with two slashes, behind which a URL has its host.
fn begins_with_host(text: &[u8]) -> bool {
    let Some((first, rest)) = text.split_first() else { return false };
    is_slash(first) && rest.iter().find(|byte| is_slash(byte) || goes_on(**byte)).is_some_and(is_slash)
}

/// Returns true if a slash is next behind the colon that a text begins with: what is before is a URL's scheme.
fn is_scheme(text: &[u8]) -> bool {
    text.iter().skip(1).find(|byte| is_slash(byte) || !is_dropped(byte)).is_some_and(is_slash)
}

/// Returns true if a text ends in what Windows' servers take away.
fn vanishes_here(text: &[u8]) -> bool {
    let mut last = [NOTHING; 3];
    for (place, byte) in last.iter_mut().rev().zip(text.iter().rev().filter(|byte| !is_dropped(byte))) {
        *place = *byte;
    }
    ends_in_vanishing(&last)
}

/// Returns true if a segment goes together with the slash behind it: a script, `index`, or what Next.js puts before a path, with
/// whatever has no letters between theirs.
fn vanishes_before_slash(segment: &[u8]) -> bool {
    if segment.len() < b".py".len() {
        return false;
    }
    let mut end = [NOTHING; b".phtml".len()];
    let from_end = segment.iter().rev().filter(is_of_name).skip_while(|byte| **byte == b'.');
    for (place, byte) in end.iter_mut().rev().zip(from_end) {
        *place = *byte;
    }
    is_script(&end) || is_named(segment, b"index") || is_named(segment, b"next") || is_index_script(segment)
}

/// Returns true for `index.php` with any letter, or none, in the place of the dot: WordPress' own rules are expressions that do
/// not mind it.
fn is_index_script(segment: &[u8]) -> bool {
    let mut name = [NOTHING; b"index.php".len() + 1];
    for (place, byte) in name.iter_mut().zip(segment.iter().filter(is_of_name)) {
        *place = *byte;
    }
    matches!(
        name,
        [b'i', b'n', b'd', b'e', b'x', b'p', b'h', b'p', NOTHING, _]
            | [b'i', b'n', b'd', b'e', b'x', _, b'p', b'h', b'p', NOTHING]
    )
}

fn is_of_name(byte: &&u8) -> bool {
    byte.is_ascii_alphanumeric() || **byte == b'.'
}

/// Returns true if a segment has this name, with or without a format, and whatever has no letters between its letters.
pub(super) fn is_named(segment: &[u8], name: &[u8]) -> bool {
    let mut letters = segment.iter().filter(is_of_name);
    name.iter().all(|own| letters.next() == Some(own)) && letters.next().is_none_or(|next| *next == b'.')
}
