//! Requests that wait where the filter may not be able to hold them: stopped at their headers, on a proxy that has not handed on
//! a body yet and may never do so, or left to a buffer that may not be there. So they are looked at now and then.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::io;
use crate::exchange::Exchange;

/// How often a round begins.
const TICK: Duration = Duration::from_millis(500);
/// So many are looked at in a round: a flood of requests that wait is not to cost more than this.
const MOST_IN_A_ROUND: usize = 1_000;
/// So many are answered in one call. The proxy gives the answers when the call is over, one within the other, and each goes
/// through the filters: some hundreds of them are more than its stack holds, and the virtual machine ends.
const MOST_ANSWERS: u32 = 32;
/// How soon a round goes on that had more to answer.
const PAUSE: Duration = Duration::from_millis(10);

/// A request that waits, and where in the list it is.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) context_id: u32,
    pub(super) exchange: Rc<RefCell<Exchange>>,
    place: Rc<Cell<usize>>,
}

#[derive(Default)]
pub(super) struct Waiting {
    entries: RefCell<Vec<Entry>>,
    next: Cell<usize>,
    /// How many are still to be looked at in this round.
    left: Cell<usize>,
    /// True once a body was handed on after its headers were stopped: then the proxy always does.
    is_over: Cell<bool>,
}

impl Waiting {
    /// Returns true once no request needs to be watched any more.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Watches a request.
    pub(super) fn add(&self, context_id: u32, exchange: &Rc<RefCell<Exchange>>) -> Entry {
        let mut entries = self.entries.borrow_mut();
        if entries.is_empty() {
            io::set_tick_period(TICK);
        }
        let place = Rc::new(Cell::new(entries.len()));
        let entry = Entry { context_id, exchange: Rc::clone(exchange), place };
        entries.push(entry.clone());
        entry
    }

    /// Forgets a request that no longer waits. It may be gone from here already.
    pub(super) fn remove(&self, entry: &Entry) {
        let mut entries = self.entries.borrow_mut();
        let at = entry.place.get();
        if !entries.get(at).is_some_and(|found| Rc::ptr_eq(&found.place, &entry.place)) {
            return;
        }
        entries.swap_remove(at);
        if let Some(moved) = entries.get(at) {
            moved.place.set(at);
        }
        if entries.is_empty() {
            io::set_tick_period(Duration::ZERO);
        }
    }

    /// Forgets all of them for good: a body was handed on.
    pub(super) fn end(&self) {
        if !self.is_over.replace(true) {
            self.entries.take();
            io::set_tick_period(Duration::ZERO);
        }
    }

    /// Calls `look` for some of those that wait, the next ones in each round, and none twice in one. It returns true for a
    /// request that it answered.
    pub(super) fn visit(&self, look: &mut dyn FnMut(&Entry) -> bool) {
        let goes_on = self.left.get() > 0;
        if !goes_on {
            self.left.set(self.entries.borrow().len().min(MOST_IN_A_ROUND));
        }
        let mut answers = 0_u32;
        while self.left.get() > 0 && answers < MOST_ANSWERS {
            self.left.set(self.left.get().saturating_sub(1));
            let entry = {
                let entries = self.entries.borrow();
                if self.next.get() >= entries.len() {
                    self.next.set(0);
                }
                let Some(entry) = entries.get(self.next.get()) else {
                    self.left.set(0);
                    return;
                };
                entry.clone()
            };
            if look(&entry) {
                // The last one takes its place, and is the next to be looked at.
                self.remove(&entry);
                answers = answers.saturating_add(1);
            } else {
                self.next.set(self.next.get().saturating_add(1));
            }
        }
        match (self.left.get() > 0, goes_on) {
            _ if self.entries.borrow().is_empty() => self.left.set(0),
            (true, false) => io::set_tick_period(PAUSE),
            (false, true) => io::set_tick_period(TICK),
            (true, true) | (false, false) => {}
        }
    }
}
