//! One search: how something is tried, and how much of it.

use std::borrow::Cow;
use std::mem::replace;

use super::cause::Cause;
use super::explanation::{Detail, Explanation};
use crate::params::Params;
use crate::policy::{Policy, Route};
use crate::proxy::Proxy;
use crate::reason::Reason;
use crate::request::Head;
use crate::signature::{Fault, KeyRing, Keys, Signer, Tag};
use crate::url::Dialled;
use crate::verify::Signed;

/// The most HMACs that are computed for one explanation.
pub const MOST_HMACS: usize = 600;
/// The most bytes that they run over, all together: 2 MiB.
pub const MOST_HASHED: usize = 2_097_152;
/// Up to so many bytes of query and parameters, together, each cause is tried with the other forms of the query too:
/// 2 KiB, as much as the longest URL that a rule of Twilio's takes. To make them is work as well.
const MOST_FOR_OTHER_TARGETS: usize = 2_048;
/// The largest body that is looked into: 64 KiB.
pub const MOST_BODY: usize = 65_536;

/// A denied request, as far as it is needed to find out why.
#[derive(Debug)]
pub(super) struct DeniedRequest {
    pub(super) route: usize,
    pub(super) reason: Reason,
    pub(super) head: Head,
    /// `None` where the request was denied before its body had come.
    pub(super) body: Option<Vec<u8>>,
}

/// What is tried next is in `keys`, `positions` and `signed`; all else is the request as it came.
pub(super) struct Search<'a> {
    pub(super) policy: &'a Policy,
    pub(super) route: &'a Route,
    pub(super) head: &'a Head,
    pub(super) body: Option<&'a [u8]>,
    /// The keys to try are those of `ring` at these `positions`.
    ring: KeyRing,
    pub(super) positions: Vec<usize>,
    /// What may be signed after the URL.
    pub(super) signed: Vec<Signed>,
    pub(super) found: Option<Explanation>,
    proxy: &'a dyn Proxy,
    tag: Tag,
    hmacs_left: usize,
    bytes_left: usize,
    /// Whether something was left out because there would have been too much to do.
    pub(super) exhausted: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        policy: &'a Policy,
        request: &'a DeniedRequest,
        proxy: &'a dyn Proxy,
    ) -> Option<Search<'a>> {
        let DeniedRequest { route, head, body, .. } = request;
        let (route, body) = (policy.route(*route)?, body.as_deref());
        Some(Search {
            policy,
            route,
            head,
            body,
            ring: KeyRing::of(route.keys(), &route.keys().all(), proxy),
            positions: Vec::new(),
            signed: Vec::new(),
            found: None,
            proxy,
            tag: Tag::parse(head.signature()).ok()?,
            hmacs_left: MOST_HMACS,
            bytes_left: MOST_HASHED,
            exhausted: body.is_some_and(|body| body.len() > MOST_BODY),
        })
    }

    /// Returns what is wrong with a key that changes, if one that is selected is not here.
    pub(super) fn gap(&self) -> Option<Explanation> {
        let selected = self.route.keys().select(self.head.settings()).ok()?;
        let gap = self.ring.gap(self.route.keys().selected(selected).map(|(position, _)| position))?;
        let key = gap.filter_state.to_owned();
        Some(match gap.fault {
            Fault::Missing => Explanation::with(Cause::KeyMissing, Detail::FilterState(key)),
            Fault::TooLarge => Explanation::with(Cause::KeysTooLarge, Detail::FilterState(key)),
            Fault::Line(line) => Explanation::with(Cause::KeyUnusable, Detail::FilterStateLine(key, line)),
        })
    }

    /// Returns the body's parameters, if it is a form.
    pub(super) fn form(&self) -> Params {
        Params::parse(self.body.filter(|_| self.head.is_form()).unwrap_or_default())
    }

    /// Tries a URL with other keys; see [`Search::try_url`].
    pub(super) fn try_keys(
        &mut self,
        cause: Cause,
        keys: &Keys,
        positions: Vec<usize>,
        url: &Dialled<'_>,
    ) -> bool {
        if self.exhausted {
            return false;
        }
        let ring = KeyRing::of(keys, &positions, self.proxy);
        let own = (replace(&mut self.ring, ring), replace(&mut self.positions, positions));
        let found = self.try_url(cause, url);
        (self.ring, self.positions) = own;
        found
    }

    /// Tries a URL with other parameters; see [`Search::try_url`].
    pub(super) fn try_params(&mut self, cause: Cause, params: Vec<u8>, url: &Dialled<'_>) -> bool {
        let own = replace(&mut self.signed, vec![Signed::after_query(params)]);
        let found = self.try_url(cause, url);
        self.signed = own;
        found
    }

    /// Tries a URL with other parameters; see [`Search::try_plainly`].
    pub(super) fn try_params_plainly(&mut self, cause: Cause, params: Vec<u8>, url: &Dialled<'_>) -> bool {
        let own = replace(&mut self.signed, vec![Signed::after_query(params)]);
        let found = self.try_plainly(cause, url);
        self.signed = own;
        found
    }

    /// Returns true if the URL has the signature, with its scheme or the other one, under one of the keys. Then this is the
    /// cause.
    #[inline(never)] // It is called from many places.
    pub(super) fn try_url(&mut self, cause: Cause, url: &Dialled<'_>) -> bool {
        self.try_schemes(cause, url, &[url.tls, !url.tls], MOST_FOR_OTHER_TARGETS)
    }

    /// The same with the scheme as it is and no other form of the query, for what is seldom, or tried many times over.
    #[inline(never)] // It is called from many places.
    pub(super) fn try_plainly(&mut self, cause: Cause, url: &Dialled<'_>) -> bool {
        self.try_schemes(cause, url, &[url.tls], 0)
    }

    /// The same, and where http arrives also with https: TLS has often ended in front of what else has changed the URL.
    #[inline(never)] // It is called from many places.
    pub(super) fn try_plainly_or_https(&mut self, cause: Cause, url: &Dialled<'_>) -> bool {
        let schemes: &[bool] = if url.tls { &[true] } else { &[false, true] };
        self.try_schemes(cause, url, schemes, 0)
    }

    /// Returns true if the URL with the other scheme has the signature.
    pub(super) fn try_other_scheme(&mut self, cause: Cause, url: &Dialled<'_>) -> bool {
        let tls = !url.tls;
        self.try_schemes(cause, &Dialled { tls, ..*url }, &[tls], MOST_FOR_OTHER_TARGETS)
    }

    fn try_schemes(&mut self, cause: Cause, url: &Dialled<'_>, schemes: &[bool], most: usize) -> bool {
        for tls in schemes.iter().copied() {
            for at in 0..self.signed.len() {
                // To put a message together is work, too.
                if self.exhausted {
                    return false;
                }
                if let Some((signer, text)) = self.signer(&Dialled { tls, ..*url }, at, most) {
                    self.found = Some(Explanation {
                        other_scheme: tls != url.tls,
                        key: signer.label(self.ring.keys()).map(Cow::into_owned),
                        url: Some(text),
                        ..Explanation::of(cause)
                    });
                    return true;
                }
            }
        }
        false
    }

    /// Notes that what was found is in this header. Returns true, as something was found.
    pub(super) fn found_in(&mut self, header: &'static str) -> bool {
        if let Some(explanation) = &mut self.found {
            explanation.detail = Some(Detail::Header(header));
        }
        true
    }

    /// Returns the key that made the signature, and the URL that it is for.
    fn signer(&mut self, url: &Dialled<'_>, at: usize, most: usize) -> Option<(Signer, Vec<u8>)> {
        let Search { ring, positions, signed, proxy, tag, hmacs_left, bytes_left, exhausted, .. } = self;
        let mut signed_url = Vec::new();
        let count = ring.count(positions);
        let signer = signed.get(at)?.find(url, self.head.is_upgrade(), most, *proxy, &mut |message| {
            let size: usize = message.iter().map(|piece| piece.len()).sum();
            let left = hmacs_left.checked_sub(count).zip(bytes_left.checked_sub(size.saturating_mul(count)));
            let Some(left) = left.filter(|_| !*exhausted) else {
                *exhausted = true;
                return None;
            };
            (*hmacs_left, *bytes_left) = left;
            let signer = ring.signer(positions, tag, message)?;
            let [url @ .., _] = message;
            signed_url = url.concat();
            Some(signer)
        });
        signer.map(|signer| (signer, signed_url))
    }
}
