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

    /// Some of those that wait, the next ones each time.
    pub(super) fn some(&self) -> Vec<Entry> {
        let entries = self.entries.borrow();
        let from = if self.next.get() < entries.len() { self.next.get() } else { 0 };
        self.next.set(from.saturating_add(MOST_AT_A_TIME));
        entries.iter().skip(from).take(MOST_AT_A_TIME).cloned().collect()
    }
}
