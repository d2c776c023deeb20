//! The right key, and the query in another order.

use super::cause::Cause;
use super::queries::with_query;
use super::search::Search;
use crate::url::{Dialled, Port};

/// The orders of a query with more parameters than this are too many.
const MOST: usize = 6;

impl Search<'_> {
    /// Tries the orders that a query may have been signed in. Twilio has been seen to sort one after it had signed it, and so
    /// do proxies. First one parameter is put elsewhere, then all orders are tried, as far as there is anything left
    /// to try with: those of five parameters are 120, those of six 720.
    pub(super) fn orders(&mut self, own: &Dialled<'_>) -> bool {
        let pieces: Vec<_> = own.query().split(|byte| *byte == b'&').collect();
        if self.exhausted || !(2..=MOST).contains(&pieces.len()) {
            return false;
        }
        let own = Dialled { port: Port::Absent, ..*own };
        let mut try_order = |search: &mut Self, order: &[&[u8]]| {
            let target = with_query(&own, &order.join(&b'&'));
            search.try_plainly(Cause::QueryOrder, &Dialled { target: &target, ..own })
        };
        let is_found = self.one_elsewhere(&pieces, &mut try_order)
            || self.any_order(&pieces, &mut Vec::new(), &mut try_order);
        // This was the last thing to try, and a part of it is worth more than to say that there was too much.
        self.exhausted = false;
        is_found
    }

    fn one_elsewhere(&mut self, pieces: &[&[u8]], try_order: &mut TryOrder<'_, Self>) -> bool {
        (0..pieces.len()).any(|from| {
            (0..pieces.len()).filter(|to| *to != from).any(|to| {
                let mut order = pieces.to_vec();
                let piece = order.remove(from);
                order.insert(to, piece);
                try_order(self, &order)
            })
        })
    }

    fn any_order<'p>(
        &mut self,
        rest: &[&'p [u8]],
        chosen: &mut Vec<&'p [u8]>,
        try_order: &mut TryOrder<'_, Self>,
    ) -> bool {
        if rest.is_empty() {
            return try_order(self, chosen);
        }
        (0..rest.len()).any(|at| {
            let mut others = rest.to_vec();
            chosen.push(others.remove(at));
            let is_found = !self.exhausted && self.any_order(&others, chosen, try_order);
            chosen.pop();
            is_found
        })
    }
}

type TryOrder<'t, S> = dyn FnMut(&mut S, &[&[u8]]) -> bool + 't;
