//! Parameters of a form or a query, and the order in which Twilio signs them.

use std::cmp::Ordering;
use std::ops::Range;

use percent_encoding::percent_decode;

/// Decoded parameters, in the order in which they came.
#[derive(Debug, Default)]
pub struct Params {
    bytes: Vec<u8>,
    pairs: Vec<Pair>,
}

#[derive(Debug)]
struct Pair {
    name: Range<usize>,
    value: Range<usize>,
}

impl Params {
    /// Decodes `application/x-www-form-urlencoded`: pairs end at `&`, the name at the first `=`, `+` is a space,
    /// `%` and two digits a byte. Anything else stands for itself, and empty pairs are none. Bytes need not be
    /// UTF-8. (WHATWG URL, section 5.1, without its last step, which would replace what is not UTF-8.)
    pub fn parse(encoded: &[u8]) -> Params {
        let mut params = Params { bytes: Vec::with_capacity(encoded.len()), pairs: Vec::new() };
        for pair in encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = params.decode(halves.next().unwrap_or_default());
            let value = params.decode(halves.next().unwrap_or_default());
            params.pairs.push(Pair { name, value });
        }
        params
    }

    fn decode(&mut self, encoded: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        let mut pieces = encoded.split(|byte| *byte == b'+');
        self.bytes.extend(percent_decode(pieces.next().unwrap_or_default()));
        for piece in pieces {
            self.bytes.push(b' ');
            self.bytes.extend(percent_decode(piece));
        }
        start..self.bytes.len()
    }

    /// The values of the parameters of this name.
    pub fn values<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(own, _)| *own == name).map(|(_, value)| value)
    }

    /// Whether they add anything to what is signed: some name or value is not empty.
    pub fn sign_anything(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Names and values with those of one name together, where the name first stood: the order in which an
    /// object of Node's holds them.
    pub fn grouped(&self) -> Vec<(&[u8], &[u8])> {
        let mut pairs: Vec<Placed<'_>> =
            self.iter().zip(0..).map(|((name, value), at)| (name, value, at)).collect();
        sort(&mut pairs, |a, b| a.0.cmp(b.0).then(a.2.cmp(&b.2)));
        let mut group: Option<(&[u8], u64)> = None;
        for (name, _, place) in &mut pairs {
            let first = group.filter(|(own, _)| own == name).map_or(*place, |(_, first)| first);
            group = Some((name, first));
            // The place of the first of its name, then its own.
            *place |= first.checked_shl(32).unwrap_or_default();
        }
        sort(&mut pairs, |a, b| a.2.cmp(&b.2));
        pairs.into_iter().map(|(name, value, _)| (name, value)).collect()
    }

    /// What Twilio appends to the URL: each name followed by its value, sorted by name and value, the same pair
    /// once. Sorted by byte, as most of Twilio's libraries do.
    pub fn signed(&self) -> Vec<u8> {
        self.sorted_by(|a, b| a.0.cmp(b.0).then_with(|| a.1.cmp(b.1)))
    }

    /// The same in the order of UTF-16 code units, the strings of Node, Java and C#. `None` where the order by
    /// byte is the same for certain: the two differ only between U+E000 to U+FFFF and what lies above.
    pub fn signed_in_utf16_order(&self) -> Option<Vec<u8>> {
        let has = |lead: fn(&u8) -> bool| self.bytes.iter().any(lead);
        let may_differ = has(|byte| matches!(byte, 0xEE | 0xEF)) && has(|byte| *byte >= 0xF0);
        may_differ
            .then(|| self.sorted_by(|a, b| compare_utf16(a.0, b.0).then_with(|| compare_utf16(a.1, b.1))))
    }

    fn sorted_by(&self, compare: fn(&Placed<'_>, &Placed<'_>) -> Ordering) -> Vec<u8> {
        let mut pairs: Vec<Placed<'_>> = self.iter().map(|(name, value)| (name, value, 0)).collect();
        sort(&mut pairs, compare);
        pairs.dedup();
        let mut signed = Vec::with_capacity(self.bytes.len());
        for (name, value, _) in pairs {
            signed.extend_from_slice(name);
            signed.extend_from_slice(value);
        }
        signed
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let slice = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        self.pairs.iter().map(move |pair| (slice(&pair.name), slice(&pair.value)))
    }
}

/// A name, its value, and a place in some order.
type Placed<'a> = (&'a [u8], &'a [u8], u64);

/// The one sort of the module: each further instance would add some ten kilobytes to it.
fn sort(pairs: &mut [Placed<'_>], compare: fn(&Placed<'_>, &Placed<'_>) -> Ordering) {
    pairs.sort_unstable_by(compare);
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
