//! What is tried for each reason, in which order: what is reported most often comes first, and what is but guessed last.

use super::cause::Cause;
use super::explanation::Explanation;
use super::search::Search;
use crate::params::Params;
use crate::reason::Reason;
use crate::signature::Selected;
use crate::url::Dialled;
use crate::verify::{self, Signed};

impl Search<'_> {
    /// Looks for the cause, and notes it.
    pub(super) fn find_cause(&mut self, reason: Reason) {
        self.try_all(reason);
        if self.found.is_none() && reason == Reason::UnknownKey {
            self.found = self.gap();
        }
    }

    fn try_all(&mut self, reason: Reason) {
        let Ok(own) = self.route.url().dialled(self.head) else { return };
        if !self.exhausted {
            self.signed = self.signed_by_the_rules(own.query());
        }
        let keys = self.route.keys();
        let Ok(selected) = keys.select(self.head.settings()) else { return self.selection(&own) };
        if self.exhausted {
            return;
        }
        let Ok(positions) = verify::keys(keys, selected, own.query(), &self.form()) else {
            // All tokens are tied to other accounts.
            self.try_keys(Cause::OtherAccount, keys, keys.all(), &own);
            return;
        };
        self.positions = positions;
        match reason {
            Reason::SignatureMismatch | Reason::UnknownKey => self.find_mismatch(&own, selected, reason),
            Reason::UnsignedBody | Reason::BodyHashMismatch if self.head.is_encoded() => {
                self.found = Some(Explanation::of(Cause::ContentEncoding));
            }
            Reason::UnsignedBody | Reason::BodyHashMismatch => {
                self.bodies(&own);
            }
            // Nothing about these is found by trying what may have been signed.
            Reason::BodyTooLarge
            | Reason::MalformedSignature
            | Reason::MisplacedFilter
            | Reason::MissingSignature
            | Reason::NoRoute
            | Reason::Unverifiable => {}
        }
    }

    fn find_mismatch(&mut self, own: &Dialled<'_>, selected: Selected, reason: Reason) {
        let is_found = self.scheme(own)
            || self.unselected_keys(own, selected)
            || self.rules(own)
            || self.hosts(own)
            || self.queries(own)
            || self.ports(own)
            || self.paths(own)
            || self.bodies(own)
            || self.other_routes(own)
            || self.guessed_paths(own)
            || self.host_in_other_letters(own)
            || self.untrimmed(own)
            || self.orders(own);
        // Where no URL fits, it is most likely the key.
        let is_shared = reason == Reason::SignatureMismatch && matches!(selected, Selected::SharedKey(_));
        if !is_found && !self.exhausted && is_shared {
            self.found = Some(Explanation::of(Cause::WrongSharedKey));
        }
    }

    /// Returns what is signed after the URL, as the rules say.
    fn signed_by_the_rules(&self, query: &[u8]) -> Vec<Signed> {
        let signed = Signed::after_query(self.form().signed());
        if !self.head.is_upgrade() {
            return vec![signed];
        }
        vec![Signed { params: Params::parse(query).signed(), query_in_url: false }, signed]
    }
}
