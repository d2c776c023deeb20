//! One search: what is tried, in which order, and how much of it.

use std::mem::replace;

use super::{Cause, Evidence, Finding, MOST_BODY, MOST_FOR_OTHER_TARGETS, MOST_HASHED, MOST_HMACS};
use crate::config::Policy;
use crate::exchange::Proxy;
use crate::params::Params;
use crate::request::Head;
use crate::route::Route;
use crate::signature::{Keys, Selected, Tag};
use crate::url::Dialled;
use crate::verdict::Reason;
use crate::verify::{self, Signed};

/// What is tried next is in `ring` and `rows`, all else is the request as it came.
pub(super) struct Search<'a> {
    pub(super) policy: &'a Policy,
    pub(super) route: &'a Route,
    pub(super) head: &'a Head,
    pub(super) body: Option<&'a [u8]>,
    pub(super) ring: Ring<'a>,
    rows: Vec<Signed>,
    pub(super) finding: Option<Finding>,
    proxy: &'a dyn Proxy,
    tag: Tag,
    hmacs: usize,
    hashed: usize,
    /// Whether something was left out because there would have been too much to do.
    pub(super) exhausted: bool,
}

/// Keys to try: those at these positions.
pub(super) struct Ring<'a> {
    pub(super) keys: &'a Keys,
    pub(super) positions: Vec<usize>,
}

impl<'a> Search<'a> {
    pub(super) fn of(policy: &'a Policy, evidence: &'a Evidence, proxy: &'a dyn Proxy) -> Option<Search<'a>> {
        let Evidence { route, head, body, .. } = evidence;
        let (route, body) = (policy.route(*route)?, body.as_deref());
        Some(Search {
            policy,
            route,
            head,
            body,
            ring: Ring { keys: route.keys(), positions: Vec::new() },
            rows: Vec::new(),
            finding: None,
            proxy,
            tag: Tag::parse(head.signature()).ok()?,
            hmacs: MOST_HMACS,
            hashed: MOST_HASHED,
            exhausted: body.is_some_and(|body| body.len() > MOST_BODY),
        })
    }

    /// Looks for the cause, and notes it.
    pub(super) fn run(&mut self, reason: Reason) {
        let Ok(own) = self.route.url().dialled(self.head) else { return };
        if !self.exhausted {
            self.rows = self.own_rows(own.query());
        }
        let keys = self.route.keys();
        let Ok(selected) = keys.select(self.head.settings()) else { return self.selection(&own) };
        if self.exhausted {
            return;
        }
        let Ok(positions) = verify::keys(keys, selected, own.query(), &self.form()) else {
            // All tokens are tied to other accounts.
            self.attempt_with(Cause::OtherAccount, keys, keys.all(), &own);
            return;
        };
        self.ring.positions = positions;
        match reason {
            Reason::SignatureMismatch => self.mismatch(&own, selected),
            _ => {
                self.bodies(&own);
            }
        }
    }

    fn mismatch(&mut self, own: &Dialled<'_>, selected: Selected) {
        let _found = self.attempt(Cause::Scheme, own)
            || self.unselected_keys(own, selected)
            || self.urls(own)
            || self.bodies(own)
            || self.other_routes(own);
    }

    /// The body's parameters, if it is a form.
    pub(super) fn form(&self) -> Params {
        Params::parse(self.body.filter(|_| self.head.is_form()).unwrap_or_default())
    }

    /// What is signed after the URL, by the rules.
    fn own_rows(&self, query: &[u8]) -> Vec<Signed> {
        let signed = Signed::after_query(self.form().signed());
        if !self.head.is_upgrade() {
            return vec![signed];
        }
        vec![Signed { params: Params::parse(query).signed(), query_in_url: false }, signed]
    }

    /// The same with other keys.
    pub(super) fn attempt_with(
        &mut self,
        cause: Cause,
        keys: &'a Keys,
        positions: Vec<usize>,
        url: &Dialled<'_>,
    ) -> bool {
        let own = replace(&mut self.ring, Ring { keys, positions });
        let found = self.attempt(cause, url);
        self.ring = own;
        found
    }

    /// The same with other parameters.
    pub(super) fn attempt_signed(&mut self, cause: Cause, params: Vec<u8>, url: &Dialled<'_>) -> bool {
        let own = replace(&mut self.rows, vec![Signed::after_query(params)]);
        let found = self.attempt(cause, url);
        self.rows = own;
        found
    }

    /// Whether the URL has the signature, with its scheme or the other one, under one of the keys. Then this is the
    /// cause.
    #[inline(never)] // It is called from many places.
    pub(super) fn attempt(&mut self, cause: Cause, url: &Dialled<'_>) -> bool {
        for tls in [url.tls, !url.tls] {
            for row in 0..self.rows.len() {
                // To put a message together is work, too.
                if self.exhausted {
                    return false;
                }
                if let Some((key, text)) = self.fits(&Dialled { tls, ..*url }, row) {
                    self.finding = Some(Finding {
                        other_scheme: tls != url.tls && cause != Cause::Scheme,
                        key: self.ring.keys.get(key).map(|key| key.label().to_owned()),
                        url: Some(text),
                        ..Finding::of(cause)
                    });
                    return true;
                }
            }
        }
        false
    }

    /// The key that made the signature, and the URL that it is for.
    fn fits(&mut self, url: &Dialled<'_>, row: usize) -> Option<(usize, Vec<u8>)> {
        let Search { ring, rows, proxy, tag, hmacs, hashed, exhausted, .. } = self;
        let mut found = Vec::new();
        let count = ring.positions.len();
        let signer = rows.get(row)?.find(
            url,
            self.head.is_upgrade(),
            MOST_FOR_OTHER_TARGETS,
            *proxy,
            &mut |message| {
                let size: usize = message.iter().map(|piece| piece.len()).sum();
                let left = hmacs.checked_sub(count).zip(hashed.checked_sub(size.saturating_mul(count)));
                let Some(left) = left.filter(|_| !*exhausted) else {
                    *exhausted = true;
                    return None;
                };
                (*hmacs, *hashed) = left;
                let signer = ring.keys.signer(&ring.positions, tag, message)?;
                let [url @ .., _] = message;
                found = url.concat();
                Some(signer)
            },
        );
        signer.map(|signer| (signer, found))
    }
}
