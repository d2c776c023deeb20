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
    /// Returns the value of a header that came exactly once.
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
    /// Returns `:method`.
    method = b":method",
    /// Returns `:scheme`.
    scheme = b":scheme",
    /// Returns `:authority`, into which the proxy has merged `Host`.
    authority = b":authority",
    /// Returns `:path`: path and query, byte for byte as the proxy holds them.
    path = b":path",
    /// Returns `content-type`.
    content_type = b"content-type",
    /// Returns `content-encoding`.
    content_encoding = b"content-encoding",
    /// Returns `content-length`.
    content_length = b"content-length",
    /// Returns `transfer-encoding`.
    transfer_encoding = b"transfer-encoding",
    /// Returns `connection`.
    connection = b"connection",
    /// Returns `upgrade`.
    upgrade = b"upgrade",
    /// Returns `x-twilio-signature`.
    signature = b"x-twilio-signature",
    /// Returns `x-twilio-webhooks-signature-settings`, which names the shared key that signed.
    settings = b"x-twilio-webhooks-signature-settings",
    /// Returns `x-forwarded-proto`.
    forwarded_proto = b"x-forwarded-proto",
    /// Returns `x-forwarded-host`.
    forwarded_host = b"x-forwarded-host",
    /// Returns `x-forwarded-port`.
    forwarded_port = b"x-forwarded-port",
}

/// The headers of a request, read once and kept until the verdict.
#[derive(Debug)]
pub struct Head {
    bytes: Vec<u8>,
    places: Places,
    original_path: Place,
    verified: Vec<String>,
    moves_root: bool,
}

impl Head {
    /// Reads headers as proxy-wasm serialises a map: the number of pairs, each pair's two lengths (all 32-bit,
    /// little-endian), then each name and value, every one followed by a NUL byte.
    ///
    /// `original_path` and `verified` are header names that the configuration adds to the fixed ones.
    /// Returns `None` if the bytes are not such a map.
    pub fn read(bytes: Vec<u8>, original_path: Option<&str>, verified: Option<&str>) -> Option<Head> {
        let mut places = Places::default();
        let (mut original, mut claims, mut moves_root) = (Place::Absent, Vec::new(), false);
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
            moves_root |= bytes.get(value.clone()).is_some_and(|value| may_move_root(name, value));
            if let Some(place) = places.of(name) {
                place.note(value);
            }
        })?;
        Some(Head { bytes, places, original_path: original, verified: claims, moves_root })
    }

    /// Returns how many bytes are kept.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns `:path` up to its query; empty if there is not exactly one path.
    pub fn path_without_query(&self) -> &[u8] {
        let path = self.path().one().unwrap_or_default();
        path.split(|byte| *byte == b'?').next().unwrap_or_default()
    }

    /// Returns true if there is more than one host. Of two `Host` lines the proxy makes one, with a comma between them, of
    /// which readers may take either part.
    pub fn has_several_hosts(&self) -> bool {
        match self.authority() {
            Single::Absent => false,
            Single::One(authority) => authority.contains(&b','),
            Single::Repeated => true,
        }
    }

    /// Returns any header, looked for among all of them: for what is seldom asked.
    pub fn named(&self, name: &str) -> Single<'_> {
        let mut place = Place::Absent;
        let read = walk(&self.bytes, &mut |own, value| {
            if own.eq_ignore_ascii_case(name.as_bytes()) {
                place.note(value);
            }
        });
        read.map_or(Single::Absent, |()| self.single(&place))
    }

    /// Returns the header that `url.original_path_header` names.
    pub fn original_path(&self) -> Single<'_> {
        self.single(&self.original_path)
    }

    /// Returns the names by which the client sent the header that `verified_header` names, in lower case.
    pub fn claims_to_be_verified(&self) -> &[String] {
        &self.verified
    }

    /// Returns true if a header may make servers read another path than the one in `:path`.
    pub fn moves_root(&self) -> bool {
        self.moves_root
    }

    /// Returns the length that `content-length` announces, if it came once and is a number.
    pub fn announced_length(&self) -> Option<u64> {
        std::str::from_utf8(self.content_length().one()?).ok()?.parse().ok()
    }

    /// Returns true if the body is a form: `application/x-www-form-urlencoded`, in UTF-8 and not encoded, said once.
    ///
    /// Another charset or encoding is none: these headers are not signed, and an application that believed them would
    /// read other parameters than the signed ones.
    pub fn is_form(&self) -> bool {
        let Some(content_type) = self.content_type().one() else {
            return false;
        };
        let mut pieces = content_type.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let media_type = pieces.next().unwrap_or_default();
        media_type.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
            && pieces.all(|parameter| !names_charset(parameter) || is_utf8(parameter))
            && !self.is_encoded()
    }

    /// Returns true if the body is encoded, as a compressed one is, or said to be.
    pub fn is_encoded(&self) -> bool {
        match self.content_encoding() {
            Single::Absent => false,
            Single::One(encoding) => !encoding.eq_ignore_ascii_case(b"identity"),
            Single::Repeated => true,
        }
    }

    /// Returns true if the method is one whose requests have no body.
    pub fn has_bodyless_method(&self) -> bool {
        self.method().one().is_some_and(|method| matches!(method, b"GET" | b"HEAD"))
    }

    /// Returns true if the proxy treats the request as a protocol upgrade: `upgrade`, and `connection` that names it.
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

    /// Returns true if an upgrade is a WebSocket handshake: a GET without a body that asks for `websocket` alone.
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

/// By these, in their defaults, servers take a part of the path for that of the application's root, or look for the
/// application's objects somewhere else: Daphne, gunicorn behind a proxy on the same host, Flask behind its reverse proxy, and
/// Pyramid's traversal.
const ROOT_HEADERS: [&str; 4] = ["daphne-root-path", "script-name", "x-script-name", "x-vhm-root"];

/// Of these and the path some frameworks put a URL together.
const URL_HEADERS: [&str; 9] = [
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-protocol",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-original-host",
    "x-url-scheme",
];

/// Spring puts this before the path, and takes it away again, unless what it reads differs from what it has put there.
const FORWARDED_PREFIX: &str = "x-forwarded-prefix";

/// Returns true if readers may disagree about a prefix.
fn is_odd_prefix(prefix: &[u8]) -> bool {
    let is_plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~');
    let is_step = |two: &[u8]| matches!(two, b"//" | b"/.");
    let is_path = prefix.starts_with(b"/") && prefix.iter().all(is_plain) && !prefix.windows(2).any(is_step);
    !prefix.is_empty() && !is_path
}

/// Returns true if a header may make servers read another path than the one in `:path`.
fn may_move_root(name: &[u8], value: &[u8]) -> bool {
    // Most headers are none of these, which their first byte, their length and their last byte tell without a call: each header of
    // each request comes here.
    if !matches!(name.first(), Some(b'd' | b'D' | b'f' | b'F' | b's' | b'S' | b'x' | b'X')) {
        return false;
    }
    let is = |own: &&str| {
        name.len() == own.len()
            && name.last().map(read) == own.as_bytes().last().copied()
            && reads_as(name, own)
    };
    ROOT_HEADERS.iter().any(is)
        || (URL_HEADERS.iter().any(is) && moves_path(value))
        || (is(&FORWARDED_PREFIX) && is_odd_prefix(value))
}

/// Returns true if the path of a URL with this part before it may be another one: the part has something in it that ends it, or
/// is empty, so that a part of the path may stand in its place.
fn moves_path(part: &[u8]) -> bool {
    part.is_empty() || part.iter().any(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\'))
}

/// Returns true if applications may take a header for this one: CGI and its successors hand on `-` and `_`, and some of their
/// servers all that is neither letter nor digit, as the same character.
fn reads_as(name: &[u8], own: &str) -> bool {
    name.len() == own.len() && name.iter().map(read).eq(own.as_bytes().iter().map(read))
}

/// Returns what applications may take a byte of a header's name for.
fn read(byte: &u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Calls `visit` with the name of each header and the place of its value. Returns `None` if the bytes are no such map.
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

/// Returns true if some reader may find a charset in a parameter of a media type: it may be spelled `charset*` and in pieces
/// (RFC 2231), or stand behind something that is dropped.
fn names_charset(parameter: &[u8]) -> bool {
    parameter.windows(b"charset".len()).any(|piece| piece.eq_ignore_ascii_case(b"charset"))
}

/// Returns true if a parameter is `charset=utf-8`, or `utf8`, with or without quotes, and nothing else.
fn is_utf8(parameter: &[u8]) -> bool {
    let mut halves = parameter.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
    let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let unquoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
    name.eq_ignore_ascii_case(b"charset")
        && [b"utf-8".as_slice(), b"utf8"].iter().any(|utf8| unquoted.eq_ignore_ascii_case(utf8))
}
