//! Requests that are stopped at their headers, on a proxy that has not handed on a body yet. It may never do so, and they
//! would wait for ever: so they are looked at now and then.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::io;
use crate::exchange::Exchange;

/// How often, in milliseconds.
const TICK_MS: u32 = 500;
/// So many at a time: a flood of requests that wait is not to cost more than this.
const MOST_AT_A_TIME: usize = 1_000;
/// Of them so many are answered. The proxy gives the answers when the call is over, one within the other, and each goes
/// through the filters: some hundreds of them are more than its stack holds, and the virtual machine ends.
const MOST_ANSWERS: u32 = 32;

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
    /// Whether a body was handed on after its headers were stopped: then the proxy always does.
    is_over: Cell<bool>,
}

impl Waiting {
    /// Whether there is no need to watch any more.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// A request is stopped at its headers.
    pub(super) fn add(&self, context_id: u32, exchange: &Rc<RefCell<Exchange>>) -> Entry {
        let mut entries = self.entries.borrow_mut();
        if entries.is_empty() {
            io::set_tick_period(TICK_MS);
        }
        let place = Rc::new(Cell::new(entries.len()));
        let entry = Entry { context_id, exchange: Rc::clone(exchange), place };
        entries.push(entry.clone());
        entry
    }

    /// A request no longer waits. It may be gone from here already.
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
            io::set_tick_period(0);
        }
    }

    /// A body was handed on.
    pub(super) fn end(&self) {
        if !self.is_over.replace(true) {
            self.entries.take();
            io::set_tick_period(0);
        }
    }

    /// Calls `look` for some of those that wait, the next ones each time, and says whether it answered one.
    pub(super) fn visit(&self, look: &mut dyn FnMut(&Entry) -> bool) {
        let mut answers = 0_u32;
        let most = self.entries.borrow().len().min(MOST_AT_A_TIME);
        for _ in 0..most {
            let entry = {
                let entries = self.entries.borrow();
                if self.next.get() >= entries.len() {
                    self.next.set(0);
                }
                let Some(entry) = entries.get(self.next.get()) else { return };
                entry.clone()
            };
            if look(&entry) {
                // The last one takes its place, and is the next to be looked at.
                self.remove(&entry);
                answers = answers.saturating_add(1);
                if answers == MOST_ANSWERS {
                    return;
                }
            } else {
                self.next.set(self.next.get().saturating_add(1));
            }
        }
    }
}
