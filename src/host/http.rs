//! One request: each callback becomes a call of the core, and its step an action of the proxy.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::io;
use super::plugin::Plugin;
use super::waiting::Entry;
use crate::config::Hold;
use crate::exchange::{Exchange, Step};

pub(super) struct Webhook {
    context_id: u32,
    plugin: Rc<Plugin>,
    exchange: Rc<RefCell<Exchange>>,
    watched: Option<Entry>,
    #[cfg(feature = "trap-for-tests")]
    asked: &'static [u8],
}

impl Webhook {
    pub(super) fn new(context_id: u32, plugin: Rc<Plugin>) -> Webhook {
        let exchange = plugin.exchange();
        Webhook {
            context_id,
            plugin,
            exchange: Rc::new(RefCell::new(exchange)),
            watched: None,
            #[cfg(feature = "trap-for-tests")]
            asked: b"",
        }
    }

    /// Lets the core take a step, and does as it says.
    fn step(&mut self, mut take: impl FnMut(&mut Exchange) -> Step) -> Action {
        io::perform(self.plugin.step(&self.exchange, &mut take))
    }

    fn stop_watching(&mut self) {
        if let Some(entry) = self.watched.take() {
            self.plugin.waiting.remove(&entry);
        }
    }

    /// Notes that the proxy has handed on what follows the headers.
    fn has_more(&mut self) {
        if self.exchange.borrow().is_watched() {
            return;
        }
        // The core watches on where another filter is to hold the request. Where this one does, it can.
        if self.plugin.hold() == Hold::BufferAfter {
            self.stop_watching();
        } else if self.watched.take().is_some() {
            self.plugin.waiting.end();
        }
    }
}

/// What makes the tests' module trap. The release module does not have it.
#[cfg(feature = "trap-for-tests")]
impl Webhook {
    fn trap_if_asked(&mut self, stage: &[u8]) {
        use crate::proxy::Proxy as _;
        // In the body phase of `buffer_after` the headers are gone: what was asked for is kept from before.
        if let Some(headers) = io::Stream.headers().filter(|_| stage == b"headers") {
            self.asked = [&b"headers"[..], b"body"]
                .into_iter()
                .find(|asked| {
                    let header = [b"x-trap-for-tests\0", *asked, b"\0"].concat();
                    headers.windows(header.len()).any(|window| window == header)
                })
                .unwrap_or_default();
        }
        if self.asked == stage {
            core::arch::wasm32::unreachable();
        }
    }
}

impl Context for Webhook {}

impl HttpContext for Webhook {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        #[cfg(feature = "trap-for-tests")]
        self.trap_if_asked(b"headers");
        let action = self.step(|exchange| exchange.on_headers(end_of_stream, &io::Stream));
        if self.exchange.borrow().is_watched() && !self.plugin.waiting.is_over() {
            self.watched = Some(self.plugin.waiting.add(self.context_id, &self.exchange));
        }
        action
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        #[cfg(feature = "trap-for-tests")]
        self.trap_if_asked(b"body");
        let action = self.step(|exchange| exchange.on_body(size, end_of_stream, &io::Stream));
        self.has_more();
        action
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        let action = self.step(|exchange| exchange.on_trailers(&io::Stream));
        self.has_more();
        action
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        // Whatever answers it, a request that is answered no longer waits.
        self.stop_watching();
        self.step(|exchange| exchange.on_response(&io::Stream))
    }

    /// The request is over. Some are before their headers came.
    fn on_log(&mut self) {
        self.stop_watching();
        self.step(|exchange| {
            exchange.on_end(&io::Stream);
            Step::Continue
        });
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.stop_watching();
    }
}
