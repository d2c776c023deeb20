//! Parameters of a form or a query, and the order in which Twilio signs them.

use std::cmp::Ordering;

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
        let mut params = Params { bytes: Vec::with_capacity(encoded.len()), pairs: Vec::new() };
        let mut rest = encoded;
        let (mut start, mut middle, mut is_empty) = (0, None, true);
        loop {
            // Most of a form stands for itself, and is copied in runs.
            let (run, tail) = split_before_special(rest);
            params.bytes.extend_from_slice(run);
            is_empty &= run.is_empty();
            let special = tail.split_first();
            if let None | Some((b'&', _)) = special {
                let end = params.bytes.len();
                if !is_empty {
                    params.pairs.push(Pair { start, middle: middle.unwrap_or(end), end });
                }
                (start, middle, is_empty) = (end, None, true);
            }
            let Some((special, after)) = special else { return params };
            rest = after;
            let byte = match special {
                b'&' => continue,
                b'=' if middle.is_none() => {
                    (middle, is_empty) = (Some(params.bytes.len()), false);
                    continue;
                }
                b'+' => b' ',
                b'%' => escaped(after).map_or(b'%', |(byte, after)| {
                    rest = after;
                    byte
                }),
                other => *other,
            };
            params.bytes.push(byte);
            is_empty = false;
        }
    }

    /// The values of the parameters of this name.
    pub fn values<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        (0..self.pairs.len()).filter(move |at| self.name(*at) == name).map(|at| self.value(at))
    }

    /// Whether they add anything to what is signed: some name or value is not empty.
    pub fn sign_anything(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Names and values with those of one name together, where the name first stood: the order in which an
    /// object of Node's holds them.
    pub fn grouped(&self) -> Vec<(&[u8], &[u8])> {
        let mut places: Vec<Place> = (0..self.pairs.len()).map(|at| (0, at)).collect();
        sort(&mut places, &|a, b| self.name(a.1).cmp(self.name(b.1)).then(a.1.cmp(&b.1)));
        let mut group = None;
        for place in &mut places {
            // Each pair takes the place of the first of its name.
            let name = self.name(place.1);
            let first = group.filter(|(own, _)| *own == name).map_or(place.1, |(_, first)| first);
            group = Some((name, first));
            place.0 = u64::try_from(first).unwrap_or(u64::MAX);
        }
        places.sort_unstable();
        places.into_iter().map(|(_, at)| (self.name(at), self.value(at))).collect()
    }

    /// What Twilio appends to the URL: each name followed by its value, sorted by name and value, the same pair
    /// once. Sorted by byte, as most of Twilio's libraries do.
    pub fn signed(&self) -> Vec<u8> {
        self.sorted_by(prefix, |a, b| a.cmp(b))
    }

    /// The same parameters with each value changed, or left out.
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

    /// The same in the order of UTF-16 code units, the strings of Node, Java and C#. `None` where the order by
    /// byte is the same for certain: the two differ only between U+E000 to U+FFFF and what lies above.
    pub fn signed_in_utf16_order(&self) -> Option<Vec<u8>> {
        let has = |lead: fn(&u8) -> bool| self.bytes.iter().any(lead);
        let may_differ = has(|byte| matches!(byte, 0xEE | 0xEF)) && has(|byte| *byte >= 0xF0);
        may_differ.then(|| self.sorted_by(|_| 0, compare_utf16))
    }

    /// `prefix` is a number that sorts as a name does, as far as it goes. Sorting by it is nearly all of the work:
    /// only where prefixes are equal are names and values compared.
    fn sorted_by(&self, prefix: fn(&[u8]) -> u64, compare: fn(&[u8], &[u8]) -> Ordering) -> Vec<u8> {
        let mut places: Vec<Place> = (0..self.pairs.len()).map(|at| (prefix(self.name(at)), at)).collect();
        places.sort_unstable();
        for equal in places.chunk_by_mut(|a, b| a.0 == b.0).filter(|equal| equal.len() > 1) {
            sort(equal, &|a, b| {
                let by_name = compare(self.name(a.1), self.name(b.1));
                by_name.then_with(|| compare(self.value(a.1), self.value(b.1)))
            });
        }
        let mut signed = Vec::with_capacity(self.bytes.len());
        let mut previous = None;
        for (_, at) in places {
            let pair = (self.name(at), self.value(at));
            if previous.replace(pair) != Some(pair) {
                signed.extend_from_slice(pair.0);
                signed.extend_from_slice(pair.1);
            }
        }
        signed
    }

    fn name(&self, at: usize) -> &[u8] {
        let name = self.pairs.get(at).and_then(|pair| self.bytes.get(pair.start..pair.middle));
        name.unwrap_or_default()
    }

    fn value(&self, at: usize) -> &[u8] {
        let value = self.pairs.get(at).and_then(|pair| self.bytes.get(pair.middle..pair.end));
        value.unwrap_or_default()
    }
}

/// The pairs of a query as they are written, in the order of their bytes, each behind an `&`.
pub fn sorted_query(query: &[u8]) -> Vec<u8> {
    let mut pairs = Params::default();
    for pair in query.split(|byte| *byte == b'&') {
        pairs.push(&[b"&", pair].concat(), b"");
    }
    pairs.signed()
}

/// Splits before the first byte that does not simply stand for itself.
fn split_before_special(text: &[u8]) -> (&[u8], &[u8]) {
    let at = text.iter().position(|byte| matches!(byte, b'&' | b'=' | b'+' | b'%'));
    at.and_then(|at| text.split_at_checked(at)).unwrap_or((text, b""))
}

/// The byte of an escape and what follows it, if two hexadecimal digits stand behind the `%`.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = text.split_first_chunk::<2>()?;
    let [high, low] = digits.map(hex_digit);
    Some((high? << 4 | low?, after))
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

/// The one sort with a comparison of its own: each further instance would add kilobytes to the module.
fn sort(places: &mut [Place], compare: &dyn Fn(&Place, &Place) -> Ordering) {
    places.sort_unstable_by(compare);
}

/// The first eight bytes of a name as a number.
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
    let rank = |byte: &u8| match byte {
        0xEE => 0xFE,
        0xEF => 0xFF,
        0xF0.. => byte.saturating_sub(2),
        other => *other,
    };
    a.iter().map(rank).cmp(b.iter().map(rank))
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
