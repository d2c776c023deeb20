//! The head of a request: the few headers that matter here, as bytes.

use std::ops::Range;

/// A header that must not come twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Single<'a> {
    /// The header did not come.
    Absent,
    /// It came once.
    One(&'a [u8]),
    /// It came more than once. What another reader would make of that is anybody's guess.
    Repeated,
}

impl<'a> Single<'a> {
    /// The value of a header that came exactly once.
    pub fn one(self) -> Option<&'a [u8]> {
        match self {
            Single::One(value) => Some(value),
            Single::Absent | Single::Repeated => None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Absent,
    One(Range<usize>),
    Repeated,
}

impl Place {
    fn note(&mut self, range: Range<usize>) {
        *self = match self {
            Place::Absent => Place::One(range),
            Place::One(_) | Place::Repeated => Place::Repeated,
        };
    }
}

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident = $name:literal),* $(,)?) => {
        #[derive(Debug, Default)]
        struct Places { $($field: Place,)* }

        impl Places {
            fn of(&mut self, name: &[u8]) -> Option<&mut Place> {
                $(if name.eq_ignore_ascii_case($name) {
                    return Some(&mut self.$field);
                })*
                None
            }
        }

        impl Head {
            $($(#[$doc])* pub fn $field(&self) -> Single<'_> { self.single(&self.places.$field) })*
        }
    };
}

fields! {
    /// `:method`
    method = b":method",
    /// `:scheme`
    scheme = b":scheme",
    /// `:authority`, into which the proxy has merged `Host`
    authority = b":authority",
    /// `:path`: path and query, byte for byte as the proxy holds them
    path = b":path",
    /// `content-type`
    content_type = b"content-type",
    /// `content-encoding`
    content_encoding = b"content-encoding",
    /// `content-length`
    content_length = b"content-length",
    /// `transfer-encoding`
    transfer_encoding = b"transfer-encoding",
    /// `connection`
    connection = b"connection",
    /// `upgrade`
    upgrade = b"upgrade",
    /// `x-twilio-signature`
    signature = b"x-twilio-signature",
    /// `x-twilio-webhooks-signature-settings`: names the shared key that signed
    settings = b"x-twilio-webhooks-signature-settings",
    /// `x-forwarded-proto`
    forwarded_proto = b"x-forwarded-proto",
    /// `x-forwarded-host`
    forwarded_host = b"x-forwarded-host",
    /// `x-forwarded-port`
    forwarded_port = b"x-forwarded-port",
}

/// The headers of a request, read once and kept until the verdict.
#[derive(Debug)]
pub struct Head {
    bytes: Vec<u8>,
    places: Places,
    original_path: Place,
    verified: Vec<String>,
}

impl Head {
    /// Reads headers as proxy-wasm serialises a map: the number of pairs, each pair's two lengths (all 32-bit,
    /// little-endian), then each name and value, every one followed by a NUL byte.
    ///
    /// `original_path` and `verified` are header names that the configuration adds to the fixed ones.
    /// `None` if the bytes are not such a map.
    pub fn read(bytes: Vec<u8>, original_path: Option<&str>, verified: Option<&str>) -> Option<Head> {
        let mut places = Places::default();
        let (mut original, mut claims) = (Place::Absent, Vec::new());
        walk(&bytes, &mut |name, value| {
            if original_path.is_some_and(|own| name.eq_ignore_ascii_case(own.as_bytes())) {
                original.note(value.clone());
            }
            if verified.is_some_and(|own| reads_as(name, own)) {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                if !claims.contains(&name) {
                    claims.push(name);
                }
            }
            if let Some(place) = places.of(name) {
                place.note(value);
            }
        })?;
        Some(Head { bytes, places, original_path: original, verified: claims })
    }

    /// How many bytes are kept.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// `:path` up to its query; empty if there is no one path.
    pub fn path_without_query(&self) -> &[u8] {
        let path = self.path().one().unwrap_or_default();
        path.split(|byte| *byte == b'?').next().unwrap_or_default()
    }

    /// Whether there is more than one host. Of two `Host` lines the proxy makes one, with a comma between them, of
    /// which readers may take either part.
    pub fn has_several_hosts(&self) -> bool {
        match self.authority() {
            Single::Absent => false,
            Single::One(authority) => authority.contains(&b','),
            Single::Repeated => true,
        }
    }

    /// Any header, looked for among all of them: for what is seldom asked.
    pub fn named(&self, name: &str) -> Single<'_> {
        let mut place = Place::Absent;
        let read = walk(&self.bytes, &mut |own, value| {
            if own.eq_ignore_ascii_case(name.as_bytes()) {
                place.note(value);
            }
        });
        read.map_or(Single::Absent, |()| self.single(&place))
    }

    /// The header that `url.original_path_header` names.
    pub fn original_path(&self) -> Single<'_> {
        self.single(&self.original_path)
    }

    /// The names by which the client sent the header that `verified_header` names, in lower case.
    pub fn claims_to_be_verified(&self) -> &[String] {
        &self.verified
    }

    /// The length that `content-length` announces, if it came once and is a number.
    pub fn announced_length(&self) -> Option<u64> {
        std::str::from_utf8(self.content_length().one()?).ok()?.parse().ok()
    }

    /// Whether the body is a form: `application/x-www-form-urlencoded`, in UTF-8 and not encoded, said once.
    ///
    /// Another charset or encoding is none: these headers are not signed, and an application that believed them would
    /// read other parameters than the signed ones.
    pub fn is_form(&self) -> bool {
        let Some(content_type) = self.content_type().one() else {
            return false;
        };
        let is_encoded = match self.content_encoding() {
            Single::Absent => false,
            Single::One(encoding) => !encoding.eq_ignore_ascii_case(b"identity"),
            Single::Repeated => true,
        };
        let mut pieces = content_type.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let media_type = pieces.next().unwrap_or_default();
        media_type.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
            && pieces.all(|parameter| !names_charset(parameter) || is_utf8(parameter))
            && !is_encoded
    }

    /// Whether the proxy treats the request as a protocol upgrade: `upgrade`, and `connection` that names it.
    pub fn is_upgrade(&self) -> bool {
        let names_upgrade = |value: &[u8]| {
            value.split(|byte| *byte == b',').any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        };
        match (self.upgrade(), self.connection()) {
            (Single::Absent, _) | (_, Single::Absent) => false,
            (_, Single::One(connection)) => names_upgrade(connection),
            (_, Single::Repeated) => true,
        }
    }

    /// Whether an upgrade is a WebSocket handshake: a GET without a body that asks for `websocket` alone.
    pub fn is_websocket_handshake(&self) -> bool {
        let bodyless = match self.content_length() {
            Single::Absent => true,
            Single::One(_) => self.announced_length() == Some(0),
            Single::Repeated => false,
        };
        self.method() == Single::One(b"GET")
            && self.upgrade().one().is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
            && bodyless
            && self.transfer_encoding() == Single::Absent
    }

    fn single(&self, place: &Place) -> Single<'_> {
        match place {
            Place::Absent => Single::Absent,
            Place::One(range) => self.bytes.get(range.clone()).map_or(Single::Absent, Single::One),
            Place::Repeated => Single::Repeated,
        }
    }
}

/// Whether applications may take a header for this one: CGI and its successors hand on `-` and `_`, and some of their
/// servers all that is neither letter nor digit, as the same character.
fn reads_as(name: &[u8], own: &str) -> bool {
    let read = |byte: u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    name.iter().copied().map(read).eq(own.bytes().map(read))
}

/// Calls `visit` with the name of each header and the place of its value. `None` if the bytes are no such map.
fn walk(bytes: &[u8], visit: &mut dyn FnMut(&[u8], Range<usize>)) -> Option<()> {
    let pairs = number(bytes.get(..4)?)?;
    let mut at = pairs.checked_mul(8)?.checked_add(4)?;
    for size in bytes.get(4..at)?.chunks_exact(8) {
        let name_end = at.checked_add(number(size.get(..4)?)?)?;
        let value_start = name_end.checked_add(1)?;
        let value_end = value_start.checked_add(number(size.get(4..)?)?)?;
        let name = bytes.get(at..name_end)?;
        bytes.get(value_start..value_end)?;
        visit(name, value_start..value_end);
        at = value_end.checked_add(1)?;
    }
    Some(())
}

fn number(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

/// Whether some reader may find a charset in a parameter of a media type: it may be spelled `charset*` and in pieces
/// (RFC 2231), or stand behind something that is dropped.
fn names_charset(parameter: &[u8]) -> bool {
    parameter.windows(b"charset".len()).any(|piece| piece.eq_ignore_ascii_case(b"charset"))
}

/// Whether a parameter is `charset=utf-8`, with or without quotes, and nothing else.
fn is_utf8(parameter: &[u8]) -> bool {
    let mut halves = parameter.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
    let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let unquoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
    name.eq_ignore_ascii_case(b"charset") && unquoted.eq_ignore_ascii_case(b"utf-8")
}
