//! The right key, and another scheme, host or port.

use super::cause::Cause;
use super::search::Search;
use crate::url::{Dialled, Port, received};

/// Ports that servers behind a proxy often listen on, and that then stand in the URL at Twilio.
const PORTS: [&[u8]; 8] = [b"8443", b"8080", b"8000", b"3000", b"5000", b"4433", b"9443", b"8888"];

impl Search<'_> {
    /// Tries the other scheme, and nothing else: the most usual mistake.
    pub(super) fn scheme(&mut self, own: &Dialled<'_>) -> bool {
        let cause = match (&self.route.url().base, own.tls) {
            (Some(_), _) => Cause::BaseScheme,
            (None, false) => Cause::Scheme,
            (None, true) => Cause::HttpAtTwilio,
        };
        self.try_other_scheme(cause, own)
    }

    /// Tries what `url` could say.
    pub(super) fn rules(&mut self, own: &Dialled<'_>) -> bool {
        let head = self.head;
        let is_original = self.route.url().original_path_header.is_some();
        let as_it_arrives = received(head, false, false);
        if let Some(url) = as_it_arrives.filter(|url| url != own)
            && self.try_url(Cause::UrlRule, &url)
        {
            return true;
        }
        let forwarded = received(head, is_original, true);
        forwarded
            .filter(|url| url != own && Some(*url) != as_it_arrives)
            .is_some_and(|url| self.try_url(Cause::ForwardedHost, &url))
    }

    pub(super) fn ports(&mut self, own: &Dialled<'_>) -> bool {
        PORTS.iter().any(|port| self.try_url(Cause::Port, &Dialled { port: Port::Only(port), ..*own }))
    }
}
