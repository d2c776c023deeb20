//! Single fields: from what is written to what is meant, or what is wrong with it.

use super::error::ConfigError;
use super::raw;
use super::resolve::Resolved;
use crate::metrics::UNMATCHED;
use crate::route::{HostMatch, Match, Mode, PathMatch};
use crate::secret::is_like_a_token;
use crate::url::{Base, UrlRule};

/// The most that the configuration may ask for: 64 MiB, which the sandbox's memory still holds several times.
const MOST_BODY_BYTES: u64 = 67_108_864;

pub(super) fn mode(raw: raw::Mode) -> Mode {
    match raw {
        raw::Mode::Enforce => Mode::Enforce,
        raw::Mode::Report => Mode::Report,
        raw::Mode::Off => Mode::Off,
    }
}

pub(super) fn max_body_bytes(at: &str, raw: Option<u64>) -> Resolved<Option<usize>> {
    let Some(bytes) = raw else { return Ok(None) };
    let limit = usize::try_from(bytes).ok().filter(|_| (1..=MOST_BODY_BYTES).contains(&bytes));
    limit.map(Some).ok_or_else(|| ConfigError::new(at, format!("must be from 1 to {MOST_BODY_BYTES}")))
}

pub(super) fn matcher(at: &str, raw: &raw::Match) -> Resolved<Match> {
    let empty = |list: &Option<Vec<String>>| list.as_ref().is_some_and(Vec::is_empty);
    if empty(&raw.hosts) || empty(&raw.route_names) {
        let field = if empty(&raw.hosts) { "hosts" } else { "route_names" };
        return Err(ConfigError::new(
            format!("{at}.{field}"),
            "is empty and would match nothing; leave it out to match any",
        ));
    }
    let host = |(index, text): (usize, &String)| {
        host(text).map_err(|problem| ConfigError::new(format!("{at}.hosts[{index}]"), problem))
    };
    let route_names = raw.route_names.clone().unwrap_or_default();
    if let Some(index) = route_names.iter().position(String::is_empty) {
        return Err(ConfigError::new(
            format!("{at}.route_names[{index}]"),
            "is empty; give the name of a route of the proxy",
        ));
    }
    Ok(Match {
        hosts: raw.hosts.iter().flatten().enumerate().map(host).collect::<Resolved<_>>()?,
        path: raw.path.as_ref().map(|raw| path(&format!("{at}.path"), raw)).transpose()?,
        route_names,
    })
}

fn host(text: &str) -> Result<HostMatch, &'static str> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let (literal, suffix) = match name.strip_prefix("*.") {
        Some(domain) => (domain, true),
        None => (name.as_str(), false),
    };
    let (host, port) = crate::url::split_port(literal.as_bytes());
    if port.is_some() && host.contains(&b':') {
        return Err("must have an IPv6 address in brackets, like [2001:db8::1]");
    }
    if port.is_some() {
        return Err("must not name a port; any port matches");
    }
    let is_address = literal.starts_with('[') && literal.ends_with(']');
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    if host.is_empty() || !(is_address || host.iter().all(is_name)) {
        return Err("must be a host name like hooks.example.com, *.example.com or [2001:db8::1]");
    }
    Ok(if suffix { HostMatch::Suffix(format!(".{literal}")) } else { HostMatch::Exact(name) })
}

fn path(at: &str, raw: &raw::Path) -> Resolved<PathMatch> {
    let (text, prefix) = match (&raw.exact, &raw.prefix) {
        (Some(exact), None) => (exact, false),
        (None, Some(prefix)) => (prefix, true),
        _ => return Err(ConfigError::new(at, "needs exactly one of exact and prefix")),
    };
    let wrong = |problem: &str| {
        let field = if prefix { "prefix" } else { "exact" };
        Err(ConfigError::new(format!("{at}.{field}"), problem))
    };
    if !text.starts_with('/') || text.contains(['?', '#']) {
        return wrong("must begin with / and hold no query or fragment");
    }
    // These would match nothing that Twilio is given, and let what they are meant for pass.
    if text.contains('*') {
        return wrong("must hold no *; a prefix matches everything below it as it is");
    }
    if !text.is_ascii() {
        return wrong("must be ASCII; write other characters as escapes, like %C3%BC");
    }
    // Of two slashes, an escaped one and an escape of its escape, applications may make the same.
    let is_slash = |escape: &[u8]| escape.eq_ignore_ascii_case(b"%2F") || escape.eq_ignore_ascii_case(b"%5C");
    if text.as_bytes().windows(3).any(is_slash) {
        return wrong("must hold no escaped slash; give the path above it");
    }
    Ok(PathMatch::new(text.as_bytes(), prefix, raw.ignore_case))
}

pub(super) fn url(at: &str, raw: Option<&raw::Url>) -> Resolved<Option<UrlRule>> {
    let Some(raw) = raw else { return Ok(None) };
    let base = raw.base.as_deref().map(Base::parse).transpose();
    let base = base.map_err(|problem| ConfigError::new(format!("{at}.base"), problem))?;
    if base.is_some() && raw.trust_forwarded_host {
        let problem = "has no effect beside base, which names the host already; remove one of them";
        return Err(ConfigError::new(format!("{at}.trust_forwarded_host"), problem));
    }
    let header = |name: &str| header_name(&format!("{at}.original_path_header"), name);
    let original_path_header = raw.original_path_header.as_deref().map(header).transpose()?;
    Ok(Some(UrlRule { base, trust_forwarded_host: raw.trust_forwarded_host, original_path_header }))
}

/// A name that labels of counters, logs and access logs can hold as it is.
pub(super) fn route_name(at: &str, name: &str) -> Resolved<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
        return Err(ConfigError::new(at, "must be 1 to 64 letters, digits, '-', '_' or '.'"));
    }
    if name == UNMATCHED {
        return Err(ConfigError::new(
            at,
            "is what requests without a route are counted as; choose another name",
        ));
    }
    Ok(name.to_owned())
}

pub(super) fn shared_key_id(at: &str, id: &str) -> Resolved<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.is_empty() || id.len() > 128 || !id.bytes().all(is_plain) {
        return Err(ConfigError::new(at, "must be the id that Twilio shows, like webhooks_sharedkey_01h..."));
    }
    Ok(id.to_owned())
}

pub(super) fn account_sid(at: &str, sid: &str) -> Resolved<String> {
    let digits = sid.strip_prefix("AC").unwrap_or_default();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ConfigError::new(format!("{at}.account_sid"), "must be AC and 32 hex digits"));
    }
    Ok(sid.to_owned())
}

pub(super) fn verified_header(name: &str) -> Resolved<String> {
    let at = "verified_header";
    let name = header_name(at, name)?;
    let is_taken = ["x-twilio-signature", "x-twilio-webhooks-signature-settings"].contains(&name.as_str())
        || ["x-forwarded-", "x-envoy-"].iter().any(|prefix| name.starts_with(prefix));
    if is_taken || !name.starts_with("x-") {
        let problem =
            "must begin with x- and be none of Twilio's or the proxy's own; for example x-twilio-verified";
        return Err(ConfigError::new(at, problem));
    }
    Ok(name)
}

fn header_name(at: &str, name: &str) -> Resolved<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(ConfigError::new(at, "must be the name of a header, like x-envoy-original-path"));
    }
    Ok(name.to_ascii_lowercase())
}

/// Whether a variable may be meant by a name, which may then be shown.
pub fn is_variable_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && name.bytes().all(is_plain)
        && !is_like_a_token(name)
}
