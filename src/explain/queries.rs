//! The right key, and another query.

use percent_encoding::percent_decode;

use super::cause::Cause;
use super::explanation::Detail;
use super::search::Search;
use crate::params::sorted_query;
use crate::url::{Dialled, replace};

/// Of a query with more parameters than this, none is left out by itself.
const MOST_LEFT_OUT: usize = 16;

impl Search<'_> {
    /// Tries what is often done to a query: it is put in order, decoded, spelled otherwise, or added to.
    pub(super) fn queries(&mut self, own: &Dialled<'_>) -> bool {
        let query = own.query();
        if self.exhausted || query.is_empty() {
            return false;
        }
        let mut sorted = sorted_query(query);
        if !sorted.is_empty() {
            sorted.remove(0);
        }
        let decoded = percent_decode(query).collect();
        self.try_query(Cause::QueryOrder, own, &sorted)
            || self.try_target(Cause::QueryAbsent, own, own.prefix, own.path())
            || self.try_query(Cause::QueryDecoded, own, &decoded)
            || self.try_query(Cause::QuerySpaces, own, &replace(query, b"%20", b"+"))
            || self.try_query(Cause::QuerySpaces, own, &replace(query, b"+", b"%20"))
            || self.without_one(own)
    }

    fn try_query(&mut self, cause: Cause, own: &Dialled<'_>, query: &Vec<u8>) -> bool {
        query != own.query() && self.try_target(cause, own, own.prefix, &with_query(own, query))
    }

    /// Tries the query without each of its parameters: something adds one.
    fn without_one(&mut self, own: &Dialled<'_>) -> bool {
        let pieces: Vec<_> = own.query().split(|byte| *byte == b'&').collect();
        if !(2..=MOST_LEFT_OUT).contains(&pieces.len()) {
            return false;
        }
        // What was added stands last more often than not.
        (0..pieces.len()).rev().any(|place| {
            let mut rest = pieces.clone();
            rest.remove(place);
            let target = with_query(own, &rest.join(&b'&'));
            let is_found = self.try_plainly_or_https(Cause::QueryExtra, &Dialled { target: &target, ..*own });
            if let Some(explanation) = self.found.as_mut().filter(|_| is_found) {
                explanation.detail = Some(Detail::Place(place.saturating_add(1)));
            }
            is_found
        })
    }
}

/// Returns the path with this query.
pub(super) fn with_query(own: &Dialled<'_>, query: &[u8]) -> Vec<u8> {
    [own.path(), b"?", query].concat()
}
