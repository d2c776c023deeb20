//! One request: each callback becomes a call of the core, and its step an action of the proxy.

use std::cell::RefCell;
use std::rc::Rc;

use super::io::{self, Action};
use super::root::Plugin;
use crate::exchange::{Exchange, Step};

pub(super) struct Webhook {
    context_id: u32,
    plugin: Rc<Plugin>,
    exchange: Rc<RefCell<Exchange>>,
    is_watched: bool,
}

impl Webhook {
    pub(super) fn new(context_id: u32, plugin: Rc<Plugin>) -> Webhook {
        let exchange = Exchange::new(Rc::clone(&plugin.policy), !plugin.hands_on_bodies());
        Webhook { context_id, plugin, exchange: Rc::new(RefCell::new(exchange)), is_watched: false }
    }

    /// Lets the core take a step, records a verdict that it came to, and does as it says.
    fn step(&mut self, take: impl FnOnce(&mut Exchange) -> Step) -> Action {
        let mut exchange = self.exchange.borrow_mut();
        let had_outcome = exchange.outcome().is_some();
        let step = take(&mut exchange);
        if let (Some(outcome), false) = (exchange.outcome(), had_outcome) {
            self.plugin.record(outcome, &mut exchange);
        }
        io::perform(step)
    }

    fn stop_watching(&mut self, body_came: bool) {
        if std::mem::take(&mut self.is_watched) {
            self.plugin.unwatch(self.context_id, body_came);
        }
    }
}

/// What the proxy tells of.
impl Webhook {
    pub(super) fn on_request_headers(&mut self, end_of_stream: bool) -> Action {
        let action = self.step(|exchange| exchange.on_headers(end_of_stream, &io::Stream));
        if self.exchange.borrow().may_stall() {
            self.plugin.watch(self.context_id, &self.exchange);
            self.is_watched = true;
        }
        action
    }

    pub(super) fn on_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.stop_watching(true);
        self.step(|exchange| exchange.on_body(size, end_of_stream, &io::Stream))
    }

    pub(super) fn on_request_trailers(&mut self) -> Action {
        self.stop_watching(true);
        self.step(|exchange| exchange.on_trailers(&io::Stream))
    }

    pub(super) fn on_response_headers(&mut self) -> Action {
        self.step(|exchange| exchange.on_response(&io::Stream))
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.stop_watching(false);
    }
}
