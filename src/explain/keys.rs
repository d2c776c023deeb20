//! The right URL and another key.

use super::cause::Cause;
use super::explanation::Explanation;
use super::search::Search;
use crate::request::Single;
use crate::signature::{Selected, key_id};
use crate::url::Dialled;

impl Search<'_> {
    /// Tries the keys of this route that the request did not select.
    pub(super) fn unselected_keys(&mut self, own: &Dialled<'_>, selected: Selected) -> bool {
        let keys = self.route.keys();
        keys.iter().enumerate().any(|(position, key)| {
            let cause = match (selected, key.shared_key_id()) {
                (Selected::AuthTokens, None) => Cause::OtherAccount,
                (Selected::AuthTokens, Some(_)) => Cause::UnnamedSharedKey,
                (Selected::SharedKey(_), None) => Cause::NamedSharedKey,
                (Selected::SharedKey(_), Some(_)) => Cause::OtherSharedKey,
            };
            !self.positions.contains(&position) && self.try_keys(cause, keys, vec![position], own)
        })
    }

    /// Tries keys, and URLs, of the rest of the configuration.
    pub(super) fn other_routes(&mut self, own: &Dialled<'_>) -> bool {
        let (policy, head) = (self.policy, self.head);
        let top = policy.top_keys();
        self.try_keys(Cause::ReplacedKey, top, top.all(), own)
            || policy.routes().iter().any(|route| {
                let keys = route.keys();
                self.try_keys(Cause::OtherRoute, keys, keys.all(), own)
                    || route.url().dialled(head).is_ok_and(|url| {
                        url != *own && self.try_keys(Cause::OtherRoute, keys, keys.all(), &url)
                    })
            })
    }

    /// Says why no key of this route is selected. Most of these causes need no HMAC: the header alone says which it is.
    pub(super) fn selection(&mut self, own: &Dialled<'_>) {
        let keys = self.route.keys();
        let cause = match self.head.settings() {
            Single::Absent => {
                if self.body.is_some() && self.try_keys(Cause::UnnamedSharedKey, keys, keys.all(), own) {
                    return;
                }
                Cause::NoAuthToken
            }
            Single::Repeated => return,
            Single::One(settings) => match key_id(settings) {
                None => return,
                Some(id) if keys.has_shared_key(id) => Cause::SharedKeyAlgorithm,
                Some(_) => Cause::UnknownSharedKey,
            },
        };
        self.found = Some(Explanation::of(cause));
    }
}
