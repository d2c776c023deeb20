//! Decodes whatever can be decoded.

use memchr::{memchr, memchr_iter};

/// Returns a path with every `%XX` and `%uXXXX` decoded, and what comes out of them too, until there is none: in one pass, with
/// what has been read for a stack.
pub(super) fn settle(path: &[u8]) -> Vec<u8> {
    settle_with::<HEXADECIMAL>(path)
}

/// Returns a settled path with what [other digits](has_other_digits) decode as well.
pub(super) fn settle_other_digits(settled: &[u8]) -> Vec<u8> {
    settle_with::<JETTY>(settled)
}

/// Whose digits are read.
const HEXADECIMAL: bool = false;
const JETTY: bool = true;

fn settle_with<const DIGITS: bool>(path: &[u8]) -> Vec<u8> {
    let (plain, mut rest) =
        path.split_at_checked(memchr(b'%', path).unwrap_or(path.len())).unwrap_or_default();
    let mut stack = Stack::<DIGITS> { text: path.to_vec(), size: plain.len() };
    while let [byte, behind @ ..] = rest {
        let (mut byte, mut behind) = (*byte, behind);
        // Most escapes are decoded before they are written, and what comes out of them as well.
        while byte == b'%'
            && let Some(decoded) = escape::<DIGITS>(behind)
        {
            (byte, behind) = decoded;
        }
        if byte == b'%'
            && let Some((character, decoded)) = wide_unit::<DIGITS>(behind)
        {
            stack.write_character(character);
            rest = decoded;
        } else {
            stack.push(byte);
            rest = behind;
        }
    }
    stack.into_text()
}

/// Returns true if there is a character in a settled path that Unicode folds to printable ASCII.
pub(super) fn can_fold(settled: &[u8]) -> bool {
    let mut places = settled.iter().enumerate().filter(|(_, byte)| may_be_folded(byte));
    !settled.is_ascii() && places.any(|(at, _)| settled.get(at..).and_then(folded).is_some())
}

/// Returns true for the first bytes of the characters that are folded.
fn may_be_folded(byte: &u8) -> bool {
    matches!(byte, 0xC3 | 0xC4 | 0xC5 | 0xE1 | 0xE2 | 0xEF)
}

/// Returns a settled path where each character that [can be](can_fold) is folded, and what comes out of that is decoded as well;
/// `None` if there is none in it.
pub(super) fn fold(settled: &[u8]) -> Option<Vec<u8>> {
    if !can_fold(settled) {
        return None;
    }
    let (mut stack, mut rest) = (Stack::<HEXADECIMAL> { text: settled.to_vec(), size: 0 }, settled);
    while let [byte, behind @ ..] = rest {
        let character = if may_be_folded(byte) { folded(rest) } else { None };
        rest = match character {
            Some((letters, behind)) => {
                letters.into_iter().take_while(|letter| *letter != 0).for_each(|letter| stack.push(letter));
                behind
            }
            None => {
                stack.push(*byte);
                behind
            }
        };
    }
    Some(stack.into_text())
}

/// Returns the byte that an escape stands for, and what is behind it. The text begins behind the `%`.
fn escape<const DIGITS: bool>(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'u' | b'U', b'0', b'0', a @ b'0'..=b'7', b, rest @ ..] => Some((pair::<DIGITS>(*a, *b)?, rest)),
        [a, b, rest @ ..] => Some((pair::<DIGITS>(*a, *b)?, rest)),
        _ => None,
    }
}

/// Returns the character beyond ASCII that an escape stands for, and what is behind it. The text begins behind the `%`.
fn wide_unit<const DIGITS: bool>(text: &[u8]) -> Option<(u32, &[u8])> {
    match text {
        [b'u' | b'U', a, b, c, d, rest @ ..] => {
            let character = unit::<DIGITS>([*a, *b, *c, *d])?;
            (character >= 0x80).then_some((character, rest))
        }
        _ => None,
    }
}

/// Returns what the character that a text begins with is to those who fold, up to three letters and then zeros, and what is behind it: those of
/// full width, and what Unicode's folding by case, also the full one, makes ASCII of. What readers drop may be in it.
fn folded(text: &[u8]) -> Option<([u8; 3], &[u8])> {
    let mut bytes = text.iter().enumerate().filter(|(_, byte)| !matches!(byte, b'\0'..=b' ' | b'\\' | 0x7F));
    let mut next = || bytes.next().map(|(at, byte)| (at, *byte));
    let (mut end, second) = (next().and_then(|_| next()))?;
    let mut third = || next().map(|(at, byte)| (end = at, byte).1);
    let one = |byte| [byte, 0, 0];
    let bytes = match (text.first()?, second) {
        (0xC3, 0x9F) => *b"ss\0",
        (0xC4, 0xB0 | 0xB1) => one(b'i'),
        (0xC5, 0xBF) => one(b's'),
        (0xE1, 0xBA) => third().filter(|byte| *byte == 0x9E).map(|_| *b"ss\0")?,
        (0xE2, 0x84) => third().filter(|byte| *byte == 0xAA).map(|_| one(b'k'))?,
        (0xEF, 0xAC) => ligature(third()?)?,
        (0xEF, 0xBC) => one(third().filter(|byte| matches!(byte, 0x81..=0xBF))?.wrapping_sub(0x60)),
        (0xEF, 0xBD) => one(third().filter(|byte| matches!(byte, 0x80..=0x9E))?.wrapping_sub(0x20)),
        _ => return None,
    };
    Some((bytes, text.get(end.saturating_add(1)..)?))
}

/// Returns the letters of U+FB00 to U+FB06, by the last byte.
fn ligature(last: u8) -> Option<[u8; 3]> {
    Some(match last {
        0x80 => *b"ff\0",
        0x81 => *b"fi\0",
        0x82 => *b"fl\0",
        0x83 => *b"ffi",
        0x84 => *b"ffl",
        0x85 | 0x86 => *b"st\0",
        _ => return None,
    })
}

/// Returns true if a settled path has an escape with digits that are not ASCII, which some readers take for those that are.
pub(super) fn has_foreign_digits(settled: &[u8]) -> bool {
    !settled.is_ascii()
        && behind_first_digits(settled).any(|next| {
            // A character has four bytes at most.
            let next = next.get(..4).unwrap_or(next).utf8_chunks().next();
            let next = next.and_then(|chunk| chunk.valid().chars().next());
            next.is_some_and(|next| !next.is_ascii() && next.is_numeric())
        })
}

/// Returns true if a settled path has an escape with what Jetty takes for hexadecimal digits: what stands behind `9` in ASCII it
/// takes for `A` to `F`, and what stands before the letters for `9`.
pub(super) fn has_other_digits(settled: &[u8]) -> bool {
    let is_other = |byte: &u8| matches!(byte, b':'..=b'@' | b'`');
    settled.iter().any(is_other)
        && memchr_iter(b'%', settled).any(|at| {
            // What Jetty decodes, and others would have.
            let behind = settled.get(at.saturating_add(1)..).unwrap_or_default();
            escape::<JETTY>(behind).is_some() || wide_unit::<JETTY>(behind).is_some()
        })
}

/// Returns what is behind the digits of each escape that has not been decoded.
fn behind_first_digits(settled: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr_iter(b'%', settled).map(|at| {
        let behind = settled.get(at.saturating_add(1)..).unwrap_or_default();
        let behind = behind.strip_prefix(b"u").or_else(|| behind.strip_prefix(b"U")).unwrap_or(behind);
        let digits = behind.iter().take(3).take_while(|byte| byte.is_ascii_hexdigit()).count();
        behind.get(digits..).unwrap_or_default()
    })
}

/// Returns true if a path ends within an escape. There are readers that take the question mark behind it for a digit, and what
/// is the query for more of the path.
pub(super) fn ends_in_open_escape(path: &[u8]) -> bool {
    let digits = path.iter().rev().take(3).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let before = path.get(..path.len().saturating_sub(digits)).unwrap_or_default();
    matches!(before, [.., b'%', b'u' | b'U']) || (digits < 2 && before.ends_with(b"%"))
}

/// What has been read, decoded. It is never longer than what it is read from, and so has its place from the start.
struct Stack<const DIGITS: bool> {
    text: Vec<u8>,
    size: usize,
}

impl<const DIGITS: bool> Stack<DIGITS> {
    #[inline]
    fn push(&mut self, byte: u8) {
        self.write(byte);
        if digit::<DIGITS>(byte).is_some() && self.ends_in_escape() {
            while self.decode() {}
        }
    }

    /// Returns true if an escape may have been read last.
    fn ends_in_escape(&self) -> bool {
        let read = self.text.get(..self.size).unwrap_or_default();
        matches!(read, [.., b'%', _, _] | [.., b'%', b'u' | b'U', _, _, _, _])
    }

    fn write(&mut self, byte: u8) {
        if let Some(place) = self.text.get_mut(self.size) {
            *place = byte;
            self.size = self.size.saturating_add(1);
        }
    }

    /// Decodes the escape that has been read last, if one has.
    #[inline(never)]
    fn decode(&mut self) -> bool {
        let (size, character) = match self.text.get(..self.size) {
            Some([.., b'%', a, b]) => (3, pair::<DIGITS>(*a, *b).map(u32::from)),
            Some([.., b'%', b'u' | b'U', a, b, c, d]) => (6, unit::<DIGITS>([*a, *b, *c, *d])),
            _ => return false,
        };
        let Some(character) = character else { return false };
        self.size = self.size.saturating_sub(size);
        match u8::try_from(character) {
            Ok(byte) if size == 3 || byte.is_ascii() => self.write(byte),
            _ => self.write_character(character),
        }
        true
    }

    /// Half of a pair is no character, and is dropped.
    #[cold]
    fn write_character(&mut self, character: u32) {
        let mut place = [0; 4];
        let bytes = char::from_u32(character).map(|character| character.encode_utf8(&mut place).as_bytes());
        for byte in bytes.unwrap_or_default() {
            self.write(*byte);
        }
    }

    fn into_text(mut self) -> Vec<u8> {
        self.text.truncate(self.size);
        self.text
    }
}

/// Returns the value of four digits.
fn unit<const DIGITS: bool>([a, b, c, d]: [u8; 4]) -> Option<u32> {
    Some(u32::from(pair::<DIGITS>(a, b)?) << 8 | u32::from(pair::<DIGITS>(c, d)?))
}

/// Returns the value of two digits.
fn pair<const DIGITS: bool>(a: u8, b: u8) -> Option<u8> {
    Some(digit::<DIGITS>(a)? << 4 | digit::<DIGITS>(b)?)
}

fn digit<const DIGITS: bool>(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit & 0xF),
        b'A'..=b'F' | b'a'..=b'f' => Some((digit & 0xF).wrapping_add(9)),
        b':'..=b'?' if DIGITS == JETTY => Some(digit & 0xF),
        b'@' | b'`' if DIGITS == JETTY => Some(9),
        _ => None,
    }
}

/// Returns true if there is overlong UTF-8 in a settled path, which is whatever a reader takes it for: also of the five and six
/// bytes that a character once could have.
pub(super) fn has_overlong(settled: &[u8]) -> bool {
    let is_overlong = |two: &[u8]| {
        matches!(
            two,
            [0xC0 | 0xC1, _]
                | [0xE0, 0x80..=0x9F]
                | [0xF0, 0x80..=0x8F]
                | [0xF8, 0x80..=0x87]
                | [0xFC, 0x80..=0x83]
        )
    };
    !settled.is_ascii() && settled.windows(2).any(is_overlong)
}
