//! The plugin: its configuration, its counters, and what it records.

use std::cell::RefCell;
use std::os::wasi::ffi::OsStringExt;
use std::rc::Rc;

use super::http::Webhook;
use super::io::{self, Level};
use super::waiting::Waiting;
use crate::config::Policy;
use crate::exchange::{Conclusion, Exchange, Memory, Step};
use crate::limit::Limiter;
use crate::metrics;
use crate::record;

/// So many log lines at once, and then one a second: what a flood of denials may buy on each worker.
const LOG_BURST: u64 = 20;
const LOG_INTERVAL_NS: u64 = 1_000_000_000;

thread_local! {
    /// One for all configurations, which share the virtual machine.
    static MEMORY: Rc<Memory> = Rc::default();
}

/// The root context: one for each plugin configuration on each worker.
#[derive(Default)]
pub(super) struct Root {
    plugin: Option<Rc<Plugin>>,
}

/// What the requests of one plugin share.
pub(super) struct Plugin {
    policy: Rc<Policy>,
    memory: Rc<Memory>,
    counters: Vec<Option<u32>>,
    log_limit: RefCell<Limiter>,
    pub(super) waiting: Waiting,
}

impl Root {
    /// Reads the configuration, and says whether it is a good one.
    pub(super) fn on_configure(&mut self) -> bool {
        let configuration = io::plugin_configuration().unwrap_or_default();
        let environment = |name: &str| std::env::var_os(name).map(OsStringExt::into_vec);
        match Policy::parse(&configuration, &environment) {
            Ok(policy) => {
                let (version, routes) = (env!("CARGO_PKG_VERSION"), policy.routes().len());
                let line = format!("twilio_webhook: version {version} is configured with {routes} route(s)");
                io::log(Level::Info, &line);
                self.plugin = Some(Rc::new(Plugin::new(policy)));
                true
            }
            Err(error) => {
                io::log(Level::Error, &format!("twilio_webhook: configuration rejected: {error}"));
                false
            }
        }
    }

    pub(super) fn on_tick(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.look_at_waiting();
        }
    }

    /// A request begins. There is none before there is a configuration.
    pub(super) fn request(&self, context_id: u32) -> Option<Webhook> {
        self.plugin.as_ref().map(|plugin| Webhook::new(context_id, Rc::clone(plugin)))
    }
}

impl Plugin {
    fn new(policy: Policy) -> Plugin {
        let mut counters = Vec::new();
        for outcome in metrics::outcomes(&policy) {
            let slot = metrics::slot(outcome);
            if counters.len() <= slot {
                counters.resize(slot.saturating_add(1), None);
            }
            if let Some(counter) = counters.get_mut(slot) {
                *counter = io::define_counter(&metrics::name(
                    record::route_label(&policy, outcome),
                    outcome.verdict,
                ));
            }
        }
        Plugin {
            policy: Rc::new(policy),
            memory: MEMORY.with(Rc::clone),
            counters,
            log_limit: RefCell::new(Limiter::new(LOG_BURST, LOG_INTERVAL_NS)),
            waiting: Waiting::default(),
        }
    }

    /// The exchange of a request that begins.
    pub(super) fn exchange(&self) -> Exchange {
        Exchange::new(Rc::clone(&self.policy), Rc::clone(&self.memory), !self.waiting.is_over())
    }

    /// Looks at requests that are stopped at their headers.
    fn look_at_waiting(&self) {
        self.waiting.visit(&mut |entry| {
            if !io::set_effective_context(entry.context_id) {
                return false;
            }
            io::perform(self.step(&entry.exchange, &mut |exchange| exchange.on_tick(&io::Stream)));
            entry.exchange.borrow().outcome().is_some()
        });
    }

    /// Lets the core take a step, and records a verdict that it came to. The exchange is free again before anything is
    /// done about it, so that the proxy may call back.
    pub(super) fn step(
        &self,
        exchange: &RefCell<Exchange>,
        take: &mut dyn FnMut(&mut Exchange) -> Step,
    ) -> Step {
        let (step, conclusion) = {
            let mut exchange = exchange.borrow_mut();
            (take(&mut exchange), exchange.take_conclusion())
        };
        if let Some(conclusion) = conclusion {
            self.record(&conclusion);
        }
        step
    }

    /// Tells counters, access log and log of a verdict.
    fn record(&self, conclusion: &Conclusion) {
        let outcome = conclusion.outcome;
        if let Some(counter) = self.counters.get(metrics::slot(outcome)).copied().flatten() {
            io::increment(counter);
        }
        io::set_filter_state(record::FILTER_STATE, &record::filter_state(&self.policy, outcome));
        if outcome.verdict.reason().is_some()
            && let Some(held_back) = self.log_limit.borrow_mut().admit(io::now_ns())
            && let finding = conclusion.explain(&self.policy, &io::Stream)
            && let Some(line) = record::log_line(&self.policy, outcome, finding.as_ref(), held_back)
        {
            io::log(Level::Warn, &line);
        }
    }
}
