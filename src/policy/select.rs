//! Which route a request is on, and which of those that it may be on judges it.

use super::Policy;
use super::selection::{Judge, Selection};
use crate::config::{Mode, Unmatched};
use crate::route::{Fit, Miss, Target};

/// For so many routes it is told why a request is on none of them: who has more knows which one is meant.
const MOST_MISSES: usize = 8;

impl Policy {
    /// Finds the routes of a request. The first that matches counts.
    ///
    /// A route that enforces nothing is found by a plain path alone: with any other, a reader may find the request on a
    /// route behind it.
    pub(crate) fn select(&self, target: &Target<'_>) -> Selection {
        let mut selection = Selection { may_be_any_host: target.may_be_any_host(), ..Selection::default() };
        for (position, route) in self.routes.iter().enumerate() {
            match route.matcher.fit(target) {
                Fit::No => continue,
                Fit::Yes if selection.as_written.is_none() => selection.as_written = Some(position),
                Fit::Yes | Fit::Maybe => selection.may_be_on.push(position),
            }
            let is_last = || route.mode == Mode::Enforce || target.has_plain_path();
            if selection.as_written == Some(position) && is_last() {
                break;
            }
        }
        selection
    }

    /// Returns what a request that is on no route lacks for each of the first ones.
    pub(crate) fn misses(&self, target: &Target<'_>) -> Vec<Miss> {
        self.routes.iter().take(MOST_MISSES).map(|route| route.matcher.miss(target)).collect()
    }

    /// Returns the route that judges a request; `None` if `unmatched` does.
    ///
    /// Of the routes that it is on or may be on, those that enforce their verdict count, or if there are none those that
    /// report it: a request that is verified does no harm where nothing is verified. All of them must come to the same.
    pub(crate) fn judge(&self, selection: &Selection) -> Option<Judge> {
        let route = |position: usize| self.routes.get(position);
        let all = || selection.as_written.iter().chain(&selection.may_be_on).copied();
        let counting =
            |mode: Mode| all().filter(move |position| route(*position).is_some_and(|it| it.mode == mode));
        // On no route, a request that nobody verifies is denied.
        let is_denied = selection.as_written.is_none() && self.unmatched == Unmatched::Deny;
        let reported = counting(Mode::Report).next().filter(|_| !is_denied);
        let Some(judge) = counting(Mode::Enforce).next().or(reported) else {
            return selection.as_written.map(|route| Judge { route, is_certain: true, refused_for: None });
        };
        let own = route(judge)?;
        let is_certain = selection.as_written == Some(judge);
        let has_strange_host = !is_certain && selection.may_be_any_host && !own.matcher.hosts.is_empty();
        let differs = |other: &usize| route(*other).is_some_and(|other| !own.judges_like(other));
        let refused_for = if has_strange_host { Some(judge) } else { counting(own.mode).find(differs) };
        Some(Judge { route: judge, is_certain, refused_for })
    }
}
