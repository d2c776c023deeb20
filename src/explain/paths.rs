//! The right key, and another path.

use super::cause::Cause;
use super::explanation::Detail;
use super::search::Search;
use crate::url::{Dialled, Port, first, split_port, split_url};

/// Where proxies put the path before a rewrite, or the whole URL.
const ORIGINAL_PATHS: [&str; 10] = [
    "x-envoy-original-path",
    "x-original-path",
    "x-original-uri",
    "x-original-url",
    "x-forwarded-path",
    "x-forwarded-uri",
    "x-replaced-path",
    "x-rewrite-url",
    "x-envoy-original-url",
    "x-waws-unencoded-url",
];

/// What proxies often take away from the beginning of a path.
const PREFIXES: [&str; 8] =
    ["/api", "/twilio", "/webhooks", "/webhook", "/hooks", "/api/v1", "/v1", "/api/twilio"];

/// So many segments at the beginning of a path are taken away, one after the other.
const MOST_SEGMENTS: usize = 3;

impl Search<'_> {
    /// Tries paths that a header has, and what is often put before a path, taken away or added at its end.
    pub(super) fn paths(&mut self, own: &Dialled<'_>) -> bool {
        let head = self.head;
        if ORIGINAL_PATHS.iter().any(|header| {
            let value = head.named(header).one().unwrap_or_default();
            self.original(own, value) && self.found_in(header)
        }) {
            return true;
        }
        let prefix = head.named("x-forwarded-prefix").one().map_or(b"".as_slice(), first);
        let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix);
        if !prefix.is_empty() && self.try_target(Cause::ForwardedPrefix, own, prefix, own.target) {
            return self.found_in("x-forwarded-prefix");
        }
        if !own.prefix.is_empty() && self.try_target(Cause::BasePrefix, own, b"", own.target) {
            return true;
        }
        let mut target = own.target;
        for _ in 0..MOST_SEGMENTS {
            let rest = target.get(1..).unwrap_or_default();
            let Some(slash) = rest.iter().position(|byte| matches!(byte, b'/' | b'?')) else { break };
            target = rest.get(slash..).unwrap_or_default();
            if !target.starts_with(b"/") {
                break;
            }
            if self.try_target(Cause::PathPrefix, own, own.prefix, target) {
                return true;
            }
        }
        let [_, path] = own.websocket_paths();
        let target = [&path, own.query_with_mark()].concat();
        self.try_target(Cause::TrailingSlash, own, own.prefix, &target)
    }

    /// Tries what a header has: a path, one to which the query belongs, or a whole URL.
    fn original(&mut self, own: &Dialled<'_>, value: &[u8]) -> bool {
        if value.starts_with(b"/") {
            let misses_query = !value.contains(&b'?') && !own.query_with_mark().is_empty();
            let whole = [value, own.query_with_mark()].concat();
            return self.try_target(Cause::OriginalPath, own, own.prefix, value)
                || (misses_query && self.try_target(Cause::OriginalPathAlone, own, own.prefix, &whole));
        }
        let Some((tls, authority, target)) = split_url(value) else { return false };
        let (host, port) = split_port(authority);
        let port = port.map_or(Port::Unknown, Port::Given);
        let url = Dialled { tls, host, port, prefix: b"", target, exact: false };
        self.try_url(Cause::OriginalUrl, &url)
    }

    /// Tries paths that nothing of the request tells of.
    pub(super) fn guessed_paths(&mut self, own: &Dialled<'_>) -> bool {
        for prefix in PREFIXES {
            if self.try_plainly_or_https(Cause::MissingPrefix, &Dialled { prefix: prefix.as_bytes(), ..*own })
            {
                if let Some(explanation) = &mut self.found {
                    explanation.detail = Some(Detail::Prefix(prefix));
                }
                return true;
            }
        }
        [b"".as_slice(), b"/"].iter().any(|path| {
            self.try_plainly(
                Cause::PathAbsent,
                &Dialled { target: &[path, own.query_with_mark()].concat(), ..*own },
            )
        })
    }

    /// Tries the same URL with this prefix, path and query.
    #[inline(never)] // It is called from many places.
    pub(super) fn try_target(
        &mut self,
        cause: Cause,
        own: &Dialled<'_>,
        prefix: &[u8],
        target: &[u8],
    ) -> bool {
        self.try_url(cause, &Dialled { prefix, target, ..*own })
    }
}
