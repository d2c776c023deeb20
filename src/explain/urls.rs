//! The right key and another URL.

use percent_encoding::percent_decode;

use super::Cause;
use super::search::Search;
use crate::params::sorted_query;
use crate::url::{Dialled, Port, first, received};

/// Ports that servers behind a proxy often listen on, and that then stand in the URL at Twilio.
const PORTS: [&[u8]; 8] = [b"8443", b"8080", b"8000", b"3000", b"5000", b"4433", b"9443", b"8888"];

/// Where proxies put the path before a rewrite.
const ORIGINAL_PATHS: [&str; 5] =
    ["x-envoy-original-path", "x-original-url", "x-original-uri", "x-forwarded-uri", "x-rewrite-url"];

/// So many segments at the beginning of a path are taken away, one after the other.
const MOST_SEGMENTS: usize = 3;

impl Search<'_> {
    /// URLs that differ in one thing from the one that was verified.
    pub(super) fn urls(&mut self, own: &Dialled<'_>) -> bool {
        self.rules(own) || self.paths(own) || self.queries(own)
    }

    /// What `url` could say.
    fn rules(&mut self, own: &Dialled<'_>) -> bool {
        let head = self.head;
        let is_original = self.route.url().original_path_header.is_some();
        for (cause, is_original, is_forwarded) in
            [(Cause::UrlRule, false, false), (Cause::ForwardedHost, is_original, true)]
        {
            if let Some(url) = received(head, is_original, is_forwarded)
                && self.attempt(cause, &url)
            {
                return true;
            }
        }
        for port in PORTS {
            if self.attempt(Cause::Port, &Dialled { port: Port::Only(port), ..*own }) {
                return true;
            }
        }
        let prefix = head.named("x-forwarded-prefix").one().map_or(b"".as_slice(), first);
        let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix);
        self.attempt_target(Cause::BasePrefix, own, b"", own.target)
            || self.attempt_target(Cause::ForwardedPrefix, own, prefix, own.target)
    }

    fn paths(&mut self, own: &Dialled<'_>) -> bool {
        let head = self.head;
        for header in ORIGINAL_PATHS {
            let target = head.named(header).one().unwrap_or_default();
            if target.starts_with(b"/") && self.attempt_target(Cause::OriginalPath, own, own.prefix, target) {
                if let Some(finding) = &mut self.finding {
                    finding.header = Some(header);
                }
                return true;
            }
        }
        let mut target = own.target;
        for _ in 0..MOST_SEGMENTS {
            let rest = target.get(1..).unwrap_or_default();
            let Some(slash) = rest.iter().position(|byte| matches!(byte, b'/' | b'?')) else { break };
            target = rest.get(slash..).unwrap_or_default();
            if !target.starts_with(b"/") {
                break;
            }
            if self.attempt_target(Cause::PathPrefix, own, own.prefix, target) {
                return true;
            }
        }
        let [_, path] = own.websocket_paths();
        let target = [&path, own.query_with_mark()].concat();
        self.attempt_target(Cause::TrailingSlash, own, own.prefix, &target)
    }

    fn queries(&mut self, own: &Dialled<'_>) -> bool {
        if self.exhausted {
            return false;
        }
        let mut sorted = sorted_query(own.query());
        if let Some(mark) = sorted.first_mut() {
            *mark = b'?';
        }
        let mut decoded = vec![b'?'];
        decoded.extend(percent_decode(own.query()));
        let queries =
            [(Cause::QueryAbsent, Vec::new()), (Cause::QueryDecoded, decoded), (Cause::QueryOrder, sorted)];
        queries
            .iter()
            .any(|(cause, query)| self.attempt_target(*cause, own, own.prefix, &[own.path(), query].concat()))
    }

    /// The same URL with this prefix, path and query.
    #[inline(never)] // It is called from many places.
    fn attempt_target(&mut self, cause: Cause, own: &Dialled<'_>, prefix: &[u8], target: &[u8]) -> bool {
        self.attempt(cause, &Dialled { prefix, target, ..*own })
    }
}
