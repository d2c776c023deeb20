//! Parameters of a form or a query, and the order in which Twilio signs them.

use std::cmp::Ordering;

/// The most parameters that a form may have. Twilio sends some dozens. Each is some thirty bytes of bookkeeping, so that a
/// form of nothing but parameters would need many times its size.
pub const MOST: usize = 65_536;

/// Returns true if a form has more parameters than [`MOST`], counted by the `&` between them.
pub fn are_too_many(form: &[u8]) -> bool {
    form.len() >= MOST && form.iter().filter(|byte| **byte == b'&').count() >= MOST
}

/// Decoded parameters, in the order in which they came.
#[derive(Debug, Default)]
pub struct Params {
    bytes: Vec<u8>,
    pairs: Vec<Pair>,
}

/// Where in the bytes a name begins, where its value does, and where that ends.
#[derive(Debug)]
struct Pair {
    start: usize,
    middle: usize,
    end: usize,
}

impl Params {
    /// Decodes `application/x-www-form-urlencoded`: pairs end at `&`, the name at the first `=`, `+` is a space,
    /// `%` and two digits a byte. Anything else stands for itself, and empty pairs are none. Bytes need not be
    /// UTF-8. (WHATWG URL, section 5.1, without its last step, which would replace what is not UTF-8.)
    pub fn parse(encoded: &[u8]) -> Params {
        // A word is written whole, though less of it may stay.
        let mut bytes = vec![0; encoded.len().saturating_add(WORD)];
        // A usual parameter has more than 16 bytes.
        let mut pairs = Vec::with_capacity(encoded.len() / 16);
        let (mut from, mut to) = (0usize, 0usize);
        let (mut start, mut middle) = (0, None);
        loop {
            // Most of a form stands for itself, or for a space, and goes a word at a time.
            let word = word(encoded.get(from..).unwrap_or_default());
            if let Some(place) = bytes.get_mut(to..).and_then(<[u8]>::first_chunk_mut) {
                *place = with_spaces(word);
            }
            let plain = before_special(word).min(encoded.len().saturating_sub(from));
            (from, to) = (from.wrapping_add(plain), to.wrapping_add(plain));
            if plain == WORD {
                continue;
            }
            let special = encoded.get(from).copied();
            from = from.wrapping_add(1);
            let byte = match special {
                None | Some(b'&') => {
                    if to != start || middle.is_some() {
                        pairs.push(Pair { start, middle: middle.unwrap_or(to), end: to });
                    }
                    if special.is_none() {
                        bytes.truncate(to);
                        return Params { bytes, pairs };
                    }
                    (start, middle) = (to, None);
                    continue;
                }
                Some(b'=') if middle.is_none() => {
                    middle = Some(to);
                    continue;
                }
                Some(b'%') => escaped(encoded.get(from..).unwrap_or_default()).map_or(b'%', |byte| {
                    from = from.wrapping_add(2);
                    byte
                }),
                Some(other) => other,
            };
            if let Some(place) = bytes.get_mut(to) {
                *place = byte;
            }
            to = to.wrapping_add(1);
        }
    }

    /// Returns the values of the parameters of this name.
    pub fn values<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        (0..self.pairs.len()).filter(move |at| self.name(*at) == name).map(|at| self.value(at))
    }

    /// Returns true if they add anything to what is signed: some name or value is not empty.
    pub fn sign_anything(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Returns names and values with those of one name together, where the name first stood: the order in which an object
    /// of Node's holds them, but for names that are numbers, which only the object moves to the front.
    pub fn grouped(&self) -> Vec<(&[u8], &[u8])> {
        let mut places = self.places(prefix);
        sort(&mut places, &|a, b| self.name(a.1).cmp(self.name(b.1)).then(a.1.cmp(&b.1)));
        let mut group = None;
        for place in &mut places {
            // Each pair takes the place of the first of its name.
            let name = self.name(place.1);
            let first = group.filter(|(own, _)| *own == name).map_or(place.1, |(_, first)| first);
            group = Some((name, first));
            place.0 = u64::try_from(first).unwrap_or(u64::MAX);
        }
        sort(&mut places, &|a, b| a.1.cmp(&b.1));
        places.into_iter().map(|(_, at)| (self.name(at), self.value(at))).collect()
    }

    /// Returns what Twilio appends to the URL: each name followed by its value, sorted by name and value, the same pair
    /// once. Sorted by byte, as most of Twilio's libraries do.
    pub fn signed(&self) -> Vec<u8> {
        self.sorted_by(prefix, |a, b| a.cmp(b))
    }

    /// Returns the same parameters with each value changed, or left out.
    pub fn edited(&self, edit: fn(&[u8]) -> Option<&[u8]>) -> Params {
        let mut edited = Params::default();
        for at in 0..self.pairs.len() {
            if let Some(value) = edit(self.value(at)) {
                edited.push(self.name(at), value);
            }
        }
        edited
    }

    fn push(&mut self, name: &[u8], value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.pairs.push(Pair { start, middle, end: self.bytes.len() });
    }

    /// Returns the same in the order of UTF-16 code units, the strings of Node, Java and C#. Returns `None` where the order by
    /// byte is the same for certain: the two differ only between U+E000 to U+FFFF and what lies above.
    pub fn signed_in_utf16_order(&self) -> Option<Vec<u8>> {
        let has = |lead: fn(&u8) -> bool| self.bytes.iter().any(lead);
        let may_differ = has(|byte| matches!(byte, 0xEE | 0xEF)) && has(|byte| *byte >= 0xF0);
        may_differ.then(|| self.sorted_by(prefix_utf16, compare_utf16))
    }

    /// Returns where each pair is, with a number that sorts as its name does, as far as it goes.
    fn places(&self, prefix: fn(&[u8]) -> u64) -> Vec<Place> {
        (0..self.pairs.len()).map(|at| (prefix(self.name(at)), at)).collect()
    }

    fn sorted_by(&self, prefix: fn(&[u8]) -> u64, compare: fn(&[u8], &[u8]) -> Ordering) -> Vec<u8> {
        let mut places = self.places(prefix);
        sort(&mut places, &|a, b| {
            let by_name = compare(self.name(a.1), self.name(b.1));
            by_name.then_with(|| compare(self.value(a.1), self.value(b.1)))
        });
        let mut signed = Vec::with_capacity(self.bytes.len());
        let mut previous = None;
        for (prefix, at) in places {
            let is_repeated = previous.replace((prefix, at)).is_some_and(|(own, earlier)| {
                own == prefix && self.name(earlier) == self.name(at) && self.value(earlier) == self.value(at)
            });
            if !is_repeated {
                signed.extend_from_slice(self.pair(at));
            }
        }
        signed
    }

    fn name(&self, at: usize) -> &[u8] {
        let name = self.pairs.get(at).and_then(|pair| self.bytes.get(pair.start..pair.middle));
        name.unwrap_or_default()
    }

    /// Returns a name and its value in one piece.
    fn pair(&self, at: usize) -> &[u8] {
        let pair = self.pairs.get(at).and_then(|pair| self.bytes.get(pair.start..pair.end));
        pair.unwrap_or_default()
    }

    fn value(&self, at: usize) -> &[u8] {
        let value = self.pairs.get(at).and_then(|pair| self.bytes.get(pair.middle..pair.end));
        value.unwrap_or_default()
    }
}

/// Returns the pairs of a query as they are written, in the order of their bytes, each behind an `&`.
pub fn sorted_query(query: &[u8]) -> Vec<u8> {
    let mut pairs = Params::default();
    for pair in query.split(|byte| *byte == b'&') {
        pairs.push(&[b"&", pair].concat(), b"");
    }
    pairs.signed()
}

/// How many bytes are looked at together.
const WORD: usize = 8;

/// Returns the first bytes of a text; zeros where it has no more.
fn word(text: &[u8]) -> [u8; WORD] {
    text.first_chunk().copied().unwrap_or_else(|| {
        let mut word = [0; WORD];
        word.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        word
    })
}

/// A one in each byte of a word, and the highest bit of each.
const ONES: u64 = u64::MAX / 0xFF;
const HIGH_BITS: u64 = ONES << 7;

/// Returns the word with a space for each `+`.
fn with_spaces(word: [u8; WORD]) -> [u8; WORD] {
    let word = u64::from_le_bytes(word);
    let differs = word ^ ONES.wrapping_mul(u64::from(b'+'));
    // No byte carries into the next, so that this is true of every byte: its highest bit is set if it is no `+`.
    let is_other = (differs & !HIGH_BITS).wrapping_add(!HIGH_BITS) | differs;
    let is_plus = (!is_other & HIGH_BITS) >> 7;
    (word ^ is_plus.wrapping_mul(u64::from(b'+' ^ b' '))).to_le_bytes()
}

/// Returns how many bytes of a word come before the first `&`, `=` or `%`.
fn before_special(word: [u8; WORD]) -> usize {
    let word = u64::from_le_bytes(word);
    // The first byte that is zero is the first one that a subtraction carries out of. Of later ones it may not be true.
    let is = |byte: u8| {
        let differs = word ^ ONES.wrapping_mul(u64::from(byte));
        differs.wrapping_sub(ONES) & !differs
    };
    let special = (is(b'&') | is(b'=') | is(b'%')) & HIGH_BITS;
    usize::try_from(special.trailing_zeros() / 8).unwrap_or(WORD)
}

/// Returns the byte of an escape, if two hexadecimal digits stand behind the `%`.
fn escaped(text: &[u8]) -> Option<u8> {
    let [high, low] = text.first_chunk::<2>()?.map(hex_digit);
    Some(high? << 4 | low?)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit & 0x0F),
        b'A'..=b'F' | b'a'..=b'f' => (digit & 0x0F).checked_add(9),
        _ => None,
    }
}

/// Something to sort a pair by, and its position.
type Place = (u64, usize);

/// Sorts by the numbers, which is nearly all of the work, and where they are equal by a comparison. The one place that
/// sorts: each further one would add kilobytes to the module.
fn sort(places: &mut [Place], compare: &dyn Fn(&Place, &Place) -> Ordering) {
    places.sort_unstable_by_key(|(number, _)| *number);
    for equal in places.chunk_by_mut(|a, b| a.0 == b.0).filter(|equal| equal.len() > 1) {
        equal.sort_unstable_by(compare);
    }
}

/// Returns the first eight bytes of a name as a number.
fn prefix(name: &[u8]) -> u64 {
    if let Some(bytes) = name.first_chunk() {
        return u64::from_be_bytes(*bytes);
    }
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(bytes)
}

/// Compares UTF-8 as UTF-16 would sort: what lies above U+FFFF is written with surrogates there, and those sort
/// before U+E000. In UTF-8 that is a matter of the lead bytes alone.
fn compare_utf16(a: &[u8], b: &[u8]) -> Ordering {
    a.iter().map(rank_utf16).cmp(b.iter().map(rank_utf16))
}

fn rank_utf16(byte: &u8) -> u8 {
    match byte {
        0xEE => 0xFE,
        0xEF => 0xFF,
        0xF0.. => byte.saturating_sub(2),
        other => *other,
    }
}

/// Returns the first eight bytes of a name as a number that sorts as UTF-16 does.
fn prefix_utf16(name: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(name).for_each(|(to, from)| *to = rank_utf16(from));
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::Params;

    #[test]
    fn the_other_order_is_looked_at_only_where_it_may_be_another() {
        let (low, high) = ("%EE%80%80=1", "%F0%90%80%80=2");
        for form in ["a=1", low, high] {
            assert_eq!(Params::parse(form.as_bytes()).signed_in_utf16_order(), None, "{form}");
        }
        let both = Params::parse(format!("{low}&{high}").as_bytes());
        assert_eq!(both.signed(), "\u{E000}1\u{10000}2".as_bytes());
        assert_eq!(both.signed_in_utf16_order().as_deref(), Some("\u{10000}2\u{E000}1".as_bytes()));
    }
}
