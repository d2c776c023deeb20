//! Hosts: whether a request's host is one of the configuration.

use super::fit::Fit;

/// The host of a request, in lower case, without port and trailing dots; `None` if it may be any.
///
/// It is plain if it is a name or an IPv6 address in brackets, with at most one port of digits behind the first colon. Any
/// other may be any host: Envoy takes `a.example:1:2`, `a.example:443:` and `a.example:80]` for `a.example` where it ignores
/// ports, nginx, Caddy and HAProxy take `.example.com` for one of `*.example.com`, and what else a host is taken for depends on who
/// reads it.
pub fn plain_host(authority: &[u8]) -> Option<Vec<u8>> {
    let is_in_brackets = authority.starts_with(b"[");
    let end = authority.iter().position(|byte| *byte == if is_in_brackets { b']' } else { b':' });
    let end = end.map_or(authority.len(), |end| if is_in_brackets { end.saturating_add(1) } else { end });
    let (host, port) = authority.split_at_checked(end)?;
    let is_port = |port: &[u8]| !port.is_empty() && port.iter().all(u8::is_ascii_digit);
    if !(port.is_empty() || port.strip_prefix(b":").is_some_and(is_port)) {
        return None;
    }
    if is_in_brackets {
        let address = host.strip_prefix(b"[")?.strip_suffix(b"]")?;
        let address: std::net::Ipv6Addr = std::str::from_utf8(address).ok()?.parse().ok()?;
        return Some(format!("[{address}]").into_bytes());
    }
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let last = host.iter().rposition(|byte| *byte != b'.')?;
    let name = host.get(..=last)?;
    let has_empty_label = || name.split(|byte| *byte == b'.').any(<[u8]>::is_empty);
    (name.iter().all(is_name) && !has_empty_label()).then(|| name.to_ascii_lowercase())
}

/// A host of the configuration, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostMatch {
    Exact(String),
    /// `*.example.com`, held as `.example.com`: at least one label stands before it.
    Suffix(String),
}

impl HostMatch {
    pub(super) fn is_match(&self, host: &[u8]) -> bool {
        match self {
            HostMatch::Exact(name) => host == name.as_bytes(),
            HostMatch::Suffix(suffix) => {
                host.strip_suffix(suffix.as_bytes()).is_some_and(|label| !label.is_empty())
            }
        }
    }

    /// Returns true if every host that `other` matches is matched by this as well.
    pub(super) fn covers(&self, other: &HostMatch) -> bool {
        match (self, other) {
            (own, HostMatch::Exact(name)) => own.is_match(name.as_bytes()),
            (HostMatch::Suffix(own), HostMatch::Suffix(suffix)) => suffix.ends_with(own.as_str()),
            (HostMatch::Exact(_), HostMatch::Suffix(_)) => false,
        }
    }
}

/// Returns true if a request to this host, `None` being any, is to one of these; of none, every host is.
pub(super) fn fit(hosts: &[HostMatch], host: Option<&[u8]>) -> Fit {
    match host {
        _ if hosts.is_empty() => Fit::Yes,
        None => Fit::Maybe,
        Some(host) if hosts.iter().any(|own| own.is_match(host)) => Fit::Yes,
        Some(_) => Fit::No,
    }
}
