//! The documented rules once more, written to be read and not to be fast: whole lists, whole messages, text compared with
//! text. It shares no code with the filter.

use std::collections::BTreeSet;

use crate::support::sign;

pub type Pair = (Vec<u8>, Vec<u8>);

/// Every URL that Twilio may have dialled, for a request that shows these.
pub fn urls(scheme: &str, authority: &[u8], target: &[u8], listener_port: Option<u16>) -> BTreeSet<Vec<u8>> {
    let (host, port) = split_port(authority);
    let default = if ["https", "wss"].contains(&scheme) { "443" } else { "80" };
    let port = port.or_else(|| Some(listener_port?.to_string().into_bytes()));
    let ports = [
        vec![],
        format!(":{default}").into_bytes(),
        port.map(|port| [b":", &port[..]].concat()).unwrap_or_default(),
    ];
    let hosts = [host.to_vec(), host.to_ascii_lowercase()];
    let mut urls = BTreeSet::new();
    for target in targets(target) {
        for host in &hosts {
            for port in &ports {
                urls.insert([scheme.as_bytes(), b"://", host, port, &target].concat());
            }
        }
    }
    urls
}

/// `host:port`, where the port is of digits and the colon not one of an IPv6 address.
pub fn split_port(authority: &[u8]) -> (&[u8], Option<Vec<u8>>) {
    let digits = authority.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let before = authority.len() - digits;
    if digits == 0 || before == 0 || authority[before - 1] != b':' {
        return (authority, None);
    }
    let host = &authority[..before - 1];
    if host.starts_with(b"[") && !host.ends_with(b"]") {
        return (authority, None);
    }
    (host, Some(authority[before..].to_vec()))
}

/// The target and the documented other forms of its query.
fn targets(target: &[u8]) -> Vec<Vec<u8>> {
    let Some(mark) = target.iter().position(|byte| *byte == b'?').filter(|mark| mark + 1 < target.len())
    else {
        return vec![target.to_vec()];
    };
    let (path, query) = (&target[..=mark], &target[mark + 1..]);
    let mut forms = vec![query.to_vec()];
    forms.push(
        query.iter().flat_map(|byte| if *byte == b'\'' { b"%27".to_vec() } else { vec![*byte] }).collect(),
    );
    let mut plain = Vec::new();
    let mut rest = query;
    while let Some(first) = rest.first() {
        let escape = rest.get(..3).unwrap_or_default().to_ascii_uppercase();
        let (byte, taken) = match escape.as_slice() {
            b"%40" => (b'@', 3),
            b"%3A" => (b':', 3),
            _ => (*first, 1),
        };
        plain.push(byte);
        rest = &rest[taken..];
    }
    forms.push(plain);
    forms.push(as_node_did(query));
    forms.into_iter().map(|form| [path, &form].concat()).collect()
}

/// Each name where it first stood, with its values in their order, escaped as `encodeURIComponent` does.
fn as_node_did(query: &[u8]) -> Vec<u8> {
    let pairs = decode(query);
    let mut names: Vec<&[u8]> = Vec::new();
    for (name, _) in &pairs {
        if !names.contains(&name.as_slice()) {
            names.push(name);
        }
    }
    let mut text = Vec::new();
    for wanted in names {
        for (name, value) in pairs.iter().filter(|(name, _)| name == wanted) {
            if !text.is_empty() {
                text.push(b'&');
            }
            text.extend([escape(name), b"=".to_vec(), escape(value)].concat());
        }
    }
    text
}

fn escape(text: &[u8]) -> Vec<u8> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    text.iter()
        .flat_map(|byte| if plain(*byte) { vec![*byte] } else { format!("%{byte:02X}").into_bytes() })
        .collect()
}

/// A form's pairs, as bytes.
pub fn decode(form: &[u8]) -> Vec<Pair> {
    let parts = form.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
    parts
        .map(|part| match part.iter().position(|byte| *byte == b'=') {
            Some(at) => (unescape(&part[..at]), unescape(&part[at + 1..])),
            None => (unescape(part), Vec::new()),
        })
        .collect()
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', ..) => bytes.push(b' '),
            (byte, ..) => bytes.push(byte),
        }
        at += 1;
    }
    bytes
}

/// What is signed after the URL: sorted pairs, each once; by byte, and where it can be, by UTF-16 unit.
pub fn parameters(pairs: &[Pair]) -> Vec<Vec<u8>> {
    let by_byte: BTreeSet<&Pair> = pairs.iter().collect();
    let join =
        |pairs: Vec<&Pair>| pairs.iter().flat_map(|(name, value)| [&name[..], value].concat()).collect();
    let mut orders: Vec<Vec<u8>> = vec![join(by_byte.iter().copied().collect())];
    let units =
        |text: &[u8]| std::str::from_utf8(text).ok().map(|text| text.encode_utf16().collect::<Vec<_>>());
    if by_byte.iter().all(|(name, value)| units(name).is_some() && units(value).is_some()) {
        let mut by_unit: Vec<&Pair> = by_byte.into_iter().collect();
        by_unit.sort_by_key(|(name, value)| (units(name), units(value)));
        orders.push(join(by_unit));
    }
    orders
}

/// The signature of a message under an auth token, or a shared key for SHA-256.
pub fn signature(key: &str, is_sha256: bool, message: &[u8]) -> String {
    if is_sha256 { sign::sha256_of(key, message) } else { sign::sha1_of(key, message) }
}

/// A request as the rules see it.
pub struct Request<'a> {
    pub headers: &'a [(String, Vec<u8>)],
    pub body: &'a [u8],
    pub listener_port: Option<u16>,
}

/// The keys of the one route.
pub struct Keys {
    pub auth_token: &'static str,
    /// A shared key for SHA-256 and its id.
    pub shared: (&'static str, &'static str),
    pub max_body_bytes: u64,
}

impl Request<'_> {
    fn all(&self, name: &str) -> Vec<&[u8]> {
        self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_slice()).collect()
    }

    /// The value of a header that came once.
    fn one(&self, name: &str) -> Option<&[u8]> {
        let [value] = self.all(name)[..] else { return None };
        Some(value)
    }

    fn scheme(&self) -> Option<&'static str> {
        let first = |value: &[u8]| {
            let text = String::from_utf8_lossy(value).to_ascii_lowercase();
            match text.split(',').next()?.trim_ascii() {
                "https" | "wss" => Some("https"),
                "http" | "ws" => Some("http"),
                _ => None,
            }
        };
        self.one("x-forwarded-proto").and_then(first).or_else(|| self.one(":scheme").and_then(first))
    }

    fn is_upgrade(&self) -> bool {
        let connection = self.all("connection");
        let names_it = connection
            .iter()
            .any(|value| String::from_utf8_lossy(value).to_ascii_lowercase().contains("upgrade"));
        !self.all("upgrade").is_empty() && (names_it || connection.len() > 1)
    }

    fn is_form(&self) -> bool {
        let Some(value) = self.one("content-type") else { return false };
        let text = String::from_utf8_lossy(value).to_ascii_lowercase();
        let mut parts = text.split(';').map(str::trim);
        let charset = |part: &str| {
            part.strip_prefix("charset=")
                .is_some_and(|name| !matches!(name.trim_matches('"'), "utf-8" | "utf8"))
        };
        parts.next() == Some("application/x-www-form-urlencoded") && !parts.any(charset)
    }

    /// The messages that may have been signed, if the request is one of which some row of the documentation speaks, and
    /// its body is bound by that row.
    pub fn messages(&self) -> Option<Vec<Vec<u8>>> {
        let (authority, target) = (self.one(":authority")?, self.one(":path")?);
        let (method, scheme) = (self.one(":method")?, self.scheme()?);
        let has_host = !split_port(authority).0.is_empty() && !authority.contains(&b',');
        if !has_host || !target.starts_with(b"/") || method == b"CONNECT" {
            return None;
        }
        let query = target.splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default();
        if self.is_upgrade() {
            let has_body = self.all("content-length").iter().any(|length| *length != b"0")
                || self.all("content-length").len() > 1
                || !self.all("transfer-encoding").is_empty();
            let is_socket = self.one("upgrade").is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"));
            return (method == b"GET" && is_socket && !has_body)
                .then(|| self.of_socket(scheme, authority, target, query));
        }
        let urls = urls(scheme, authority, target, self.listener_port);
        let mut messages = Vec::new();
        let pairs = if self.is_form() { decode(self.body) } else { Vec::new() };
        if pairs.iter().any(|(name, value)| !name.is_empty() || !value.is_empty()) {
            messages.extend(
                urls.iter()
                    .flat_map(|url| parameters(&pairs).into_iter().map(|text| [&url[..], &text].concat())),
            );
        }
        let hashes: Vec<_> = decode(query).into_iter().filter(|(name, _)| name == b"bodySHA256").collect();
        let hash_is_right = |hash: &[u8]| hash == sign::sha256_hex(self.body).as_bytes();
        let reads_no_body = [b"GET".as_slice(), b"HEAD"].contains(&method);
        let is_bound = match &hashes[..] {
            [] => self.body.is_empty(),
            // Of several values, which one counts is anybody's guess.
            hashes => {
                (self.body.is_empty() && reads_no_body) || hashes.iter().all(|(_, hash)| hash_is_right(hash))
            }
        };
        if is_bound {
            messages.extend(urls);
        }
        Some(messages)
    }

    fn of_socket(&self, scheme: &str, authority: &[u8], target: &[u8], query: &[u8]) -> Vec<Vec<u8>> {
        let scheme = scheme.replace("http", "ws");
        let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
        let rest = &target[path.len()..];
        let other = path.strip_suffix(b"/").map_or_else(|| [path, b"/"].concat(), <[u8]>::to_vec);
        let mut messages = Vec::new();
        for path in [path.to_vec(), other] {
            for url in urls(&scheme, authority, &path, self.listener_port) {
                messages
                    .extend(parameters(&decode(query)).into_iter().map(|text| [&url[..], &text].concat()));
                messages.push([&url[..], rest].concat());
            }
        }
        messages
    }

    /// The key that the headers select, and whether it is one for SHA-256.
    pub fn key(&self, keys: &Keys) -> Option<(&'static str, bool)> {
        match self.all("x-twilio-webhooks-signature-settings")[..] {
            [] => Some((keys.auth_token, false)),
            [settings] => {
                let expected = format!("key={},algorithm=HMAC_SHA256", keys.shared.0);
                (settings == expected.as_bytes()).then_some((keys.shared.1, true))
            }
            _ => None,
        }
    }

    /// Whether the request is to be let in.
    pub fn is_allowed(&self, keys: &Keys) -> bool {
        let announced = self
            .one("content-length")
            .and_then(|length| std::str::from_utf8(length).ok()?.parse::<u64>().ok());
        let is_too_large = announced.unwrap_or(0).max(self.body.len() as u64) > keys.max_body_bytes;
        let (Some(tag), Some((key, is_sha256))) = (self.one("x-twilio-signature"), self.key(keys)) else {
            return false;
        };
        let made = |message: &Vec<u8>| signature(key, is_sha256, message).as_bytes() == tag;
        !is_too_large && self.messages().is_some_and(|messages| messages.iter().any(made))
    }
}
