//! The right key, and a host that arrives in another place or in other letters.

use super::cause::Cause;
use super::search::Search;
use crate::url::{Dialled, Port, first, split_port};

/// Where proxies put the host before they change it, beside `X-Forwarded-Host`.
const ORIGINAL_HOSTS: [&str; 5] =
    ["x-original-host", "x-envoy-original-host", "x-forwarded-server", "disguised-host", "forwarded"];

/// What Envoy puts behind the host of a request that it mirrors.
const SHADOW: &[u8] = b"-shadow";

impl Search<'_> {
    /// Tries the hosts that other headers have, and the own one without what mirroring adds.
    pub(super) fn hosts(&mut self, own: &Dialled<'_>) -> bool {
        let head = self.head;
        for header in ORIGINAL_HOSTS {
            let value = head.named(header).one().unwrap_or_default();
            let authority = if header == "forwarded" { forwarded_host(value) } else { Some(first(value)) };
            let Some((host, port)) = authority.map(split_port).filter(|(host, _)| !host.is_empty()) else {
                continue;
            };
            let port = port.map_or(Port::Unknown, Port::Given);
            if self.try_url(Cause::OriginalHost, &Dialled { host, port, exact: false, ..*own }) {
                return self.found_in(header);
            }
        }
        let unmirrored = own.host.strip_suffix(SHADOW);
        unmirrored.is_some_and(|host| self.try_url(Cause::Mirrored, &Dialled { host, ..*own }))
    }

    /// Tries the own host in other letters: a name means the same in each, and is signed as it is written at Twilio.
    pub(super) fn host_in_other_letters(&mut self, own: &Dialled<'_>) -> bool {
        let lower = own.host.to_ascii_lowercase();
        let capital = |label: &[u8]| match label.split_first() {
            Some((letter, rest)) => [&[letter.to_ascii_uppercase()], rest].concat(),
            None => Vec::new(),
        };
        let first_word = capital(&lower);
        let words = lower.split(|byte| *byte == b'.').map(capital).collect::<Vec<_>>().join(&b'.');
        let upper = own.host.to_ascii_uppercase();
        [lower, first_word, words, upper]
            .iter()
            .filter(|host| host.as_slice() != own.host)
            .any(|host| self.try_plainly(Cause::HostCase, &Dialled { host, exact: true, ..*own }))
    }
}

/// Returns the host of the first element of a `Forwarded` header: what the outermost proxy said.
fn forwarded_host(value: &[u8]) -> Option<&[u8]> {
    first(value).split(|byte| *byte == b';').find_map(|pair| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
        let is_host = halves.next()?.eq_ignore_ascii_case(b"host");
        let host = halves.next().filter(|_| is_host)?;
        Some(host.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(host))
    })
}
