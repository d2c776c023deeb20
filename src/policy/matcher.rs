//! What requests are on a route, and how their URLs differ from what arrives.

use crate::config::{ConfigError, Host, Match as WrittenMatch, Path, PathGuard, Url};
use crate::route::{HostMatch, Match, PathMatch, plain_host};
use crate::url::{Base, UrlRule};

pub(super) fn matcher(at: &str, written: &WrittenMatch) -> Result<Match, ConfigError> {
    let WrittenMatch { hosts, path, route_names } = written;
    let host = |(index, written): (usize, &Host)| {
        host(written.as_str()).map_err(|problem| ConfigError::new(format!("{at}.hosts[{index}]"), problem))
    };
    Ok(Match {
        hosts: hosts.iter().flatten().enumerate().map(host).collect::<Result<_, _>>()?,
        path: path.as_ref().map(|path| self::path(&format!("{at}.path"), path)).transpose()?,
        route_names: route_names.iter().flatten().map(|name| name.as_str().to_owned()).collect(),
    })
}

fn path(at: &str, Path { guard, ignore_case }: &Path) -> Result<PathMatch, ConfigError> {
    let (field, path, is_prefix) = match guard {
        PathGuard::Exact(path) => ("exact", path, false),
        PathGuard::Prefix(path) => ("prefix", path, true),
    };
    PathMatch::new(path.as_str().as_bytes(), is_prefix, *ignore_case).ok_or_else(|| {
        let problem = "may be read as another path, by what applications cut or drop in it (such as ; & // ..); give the path without that";
        ConfigError::new(format!("{at}.{field}"), problem)
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
    let Some(host) = plain_host(host).and_then(|host| String::from_utf8(host).ok()) else {
        return Err("must be a host name like hooks.example.com, *.example.com or [2001:db8::1]");
    };
    Ok(if suffix { HostMatch::Suffix(format!(".{host}")) } else { HostMatch::Exact(host) })
}

pub(super) fn url(at: &str, written: &Url) -> Result<UrlRule, ConfigError> {
    let Url { base, trust_forwarded_host, original_path_header } = written;
    let base = base.as_ref().map(|base| Base::parse(base.as_str())).transpose();
    Ok(UrlRule {
        base: base.map_err(|problem| ConfigError::new(format!("{at}.base"), problem))?,
        trust_forwarded_host: *trust_forwarded_host,
        original_path_header: original_path_header.as_ref().map(|name| name.as_str().to_ascii_lowercase()),
    })
}
