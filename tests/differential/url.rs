//! URLs in pieces, and the spellings under which a signature may be found.

use std::fmt;

use twilio_webhook::form;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub scheme: &'static str,
    /// `name:password@`, or nothing.
    pub user: &'static str,
    pub host: String,
    pub port: Option<u16>,
    pub path: String,
    /// Without its `?`. An empty query is not the same as none.
    pub query: Option<String>,
}

impl Url {
    pub fn is_tls(&self) -> bool {
        matches!(self.scheme, "https" | "wss")
    }

    pub fn default_port(&self) -> u16 {
        if self.is_tls() { 443 } else { 80 }
    }

    pub fn authority(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{}{port}", self.user, self.host)
    }

    pub fn target(&self) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.path)
    }

    pub fn query(&self) -> &str {
        self.query.as_deref().unwrap_or_default()
    }

    /// With the `/` at the end of the path put there, or taken away.
    pub fn with_other_slash(mut self) -> Url {
        match self.path.strip_suffix('/') {
            Some(path) => self.path = path.to_owned(),
            None => self.path.push('/'),
        }
        self
    }

    pub fn without_query(mut self) -> Url {
        self.query = None;
        self
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority(), self.target())
    }
}

/// `'` as `%27`, the one thing in a query that a URL parser of the WHATWG's writes otherwise and a URI may hold.
pub fn apostrophes(query: &str) -> String {
    query.replace('\'', "%27")
}

/// `@` and `:` as themselves, as in the SIP addresses of some GET requests.
pub fn sip(query: &str) -> String {
    query.replace("%40", "@").replace("%3A", ":").replace("%3a", ":")
}

/// The query as Node's `querystring` writes it again: names where they first stood, with all their values.
pub fn legacy(query: &str) -> String {
    rewritten(query, &names(&form::decode(query)))
}

/// The same in the order in which Node really has the names: those that are array indices come first.
pub fn legacy_in_node_order(query: &str) -> String {
    let mut names = names(&form::decode(query));
    names.sort_by_key(|name| index(name).unwrap_or(u32::MAX));
    rewritten(query, &names)
}

fn names(pairs: &[(String, String)]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in pairs {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn rewritten(query: &str, names: &[String]) -> String {
    let pairs = form::decode(query);
    let of = |name: &String| pairs.iter().filter(move |(other, _)| other == name).collect::<Vec<_>>();
    let written = names.iter().flat_map(of);
    written
        .map(|(name, value)| format!("{}={}", node_escape(name), node_escape(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// A name that is an array index in JavaScript.
fn index(name: &str) -> Option<u32> {
    name.parse().ok().filter(|index: &u32| index.to_string() == name)
}

fn node_escape(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// Whether Python's `urlparse` gives the URL back as it was: it drops an empty query, and an empty `;` at the end
/// of the last segment of an http URL.
pub fn survives_urlparse(url: &Url) -> bool {
    let last = url.path.rsplit('/').next().unwrap_or_default();
    let has_empty_parameters =
        url.scheme.starts_with("http") && last.find(';') == Some(last.len().wrapping_sub(1));
    url.query.as_deref() != Some("") && !has_empty_parameters
}

/// The URL as `urlparse` gives it back.
pub fn after_urlparse(mut url: Url) -> Url {
    if url.query.as_deref() == Some("") {
        url.query = None;
    }
    if !survives_urlparse(&url) {
        url.path.pop();
    }
    url
}
