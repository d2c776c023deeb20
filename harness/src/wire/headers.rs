//! Header fields as they were on the wire.

use std::fmt;

/// More fields than any proxy in front of a test lets through (Envoy: 100).
pub(super) const MAX_FIELDS: usize = 256;

/// Header (or trailer) fields in their order, names and values as bytes.
///
/// Neither a `HashMap` nor text: the tests send values that are not UTF-8 and names that occur twice.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Vec<u8>, Vec<u8>)>);

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self
            .iter()
            .map(|(name, value)| (name.escape_ascii().to_string(), value.escape_ascii().to_string()));
        f.debug_map().entries(fields).finish()
    }
}

impl Headers {
    /// Creates a list without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.0.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
    }

    /// Returns the first value of `name`, whose case does not count.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Returns every value of `name`, in order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let name = name.as_bytes().to_vec();
        self.iter().filter(move |(have, _)| have.eq_ignore_ascii_case(&name)).map(|(_, value)| value)
    }

    /// Returns the first value of `name` as text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Returns the fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// Returns how many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether one of the comma-separated values of `name` is `token`, as in `Connection: close`.
    pub(crate) fn has_token(&self, name: &str, token: &str) -> bool {
        self.get_all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }
}

impl From<&[httparse::Header<'_>]> for Headers {
    fn from(parsed: &[httparse::Header<'_>]) -> Self {
        Self(parsed.iter().map(|field| (field.name.as_bytes().to_vec(), field.value.to_vec())).collect())
    }
}

impl From<&http::HeaderMap> for Headers {
    /// Takes HTTP/2 fields; those of one name come together.
    fn from(map: &http::HeaderMap) -> Self {
        Self(
            map.iter()
                .map(|(name, value)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec()))
                .collect(),
        )
    }
}
