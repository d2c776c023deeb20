//! What the requests of one plugin share: its configuration, its counters, and what it records.

use std::cell::RefCell;
use std::rc::Rc;

use super::io;
use super::waiting::Waiting;
use crate::config::Hold;
use crate::exchange::{Exchange, Memory, Step};
use crate::explain::Evidence;
use crate::limit::Limiter;
use crate::metrics;
use crate::policy::Policy;
use crate::proxy::Proxy;
use crate::record;
use crate::verdict::Verdict;

/// So many log lines at once, and then one a second: what a flood of denials may buy on each worker.
const LOG_BURST: u64 = 20;
const LOG_INTERVAL_NS: u64 = 1_000_000_000;

thread_local! {
    /// One for all configurations, which share the virtual machine.
    static MEMORY: Rc<Memory> = Rc::default();
}

/// One plugin with its configuration, on one worker.
pub(super) struct Plugin {
    policy: Rc<Policy>,
    memory: Rc<Memory>,
    counters: Vec<Option<u32>>,
    log_limit: RefCell<Limiter>,
    gate_key: String,
    pub(super) waiting: Waiting,
}

impl Plugin {
    pub(super) fn new(policy: Policy) -> Plugin {
        let mut counters = Vec::new();
        for verdict in metrics::verdicts(&policy) {
            let slot = metrics::slot(verdict);
            if counters.len() <= slot {
                counters.resize(slot.saturating_add(1), None);
            }
            if let Some(counter) = counters.get_mut(slot) {
                *counter = io::define_counter(&metrics::name(
                    record::route_label(&policy, verdict),
                    verdict.decision,
                ));
            }
        }
        Plugin {
            policy: Rc::new(policy),
            memory: MEMORY.with(Rc::clone),
            counters,
            log_limit: RefCell::new(Limiter::new(LOG_BURST, LOG_INTERVAL_NS)),
            gate_key: record::gate_key(&io::plugin_name()),
            waiting: Waiting::default(),
        }
    }

    /// Returns how requests are held back.
    pub(super) fn hold(&self) -> Hold {
        self.policy.hold()
    }

    /// Returns the exchange of a request that begins.
    pub(super) fn exchange(&self) -> Exchange {
        Exchange::new(Rc::clone(&self.policy), Rc::clone(&self.memory), !self.waiting.is_over())
    }

    /// Looks at requests that may not be held back.
    pub(super) fn look_at_waiting(&self) {
        self.waiting.visit(&mut |entry| {
            if !io::set_effective_context(entry.context_id) {
                return false;
            }
            io::perform(self.step(&entry.exchange, &mut |exchange| exchange.on_tick(&io::Stream)));
            entry.exchange.borrow().verdict().is_some()
        });
    }

    /// Lets the core take a step, and records the verdict if it came to one.
    pub(super) fn step(
        &self,
        exchange: &RefCell<Exchange>,
        take: &mut dyn FnMut(&mut Exchange) -> Step,
    ) -> Step {
        let (step, judged, pass) = {
            let mut exchange = exchange.borrow_mut();
            (take(&mut exchange), exchange.take_verdict(), exchange.take_pass())
        };
        if let Some((verdict, evidence)) = judged {
            self.record(verdict, evidence.as_ref());
        }
        // When all has been written that a route may match on.
        if let Some(pass) = pass {
            io::Stream.set_own_state(&self.gate_key, &record::gate_state(&self.policy, pass));
            io::clear_route_cache();
        }
        step
    }

    /// Tells counters, access log and log of a verdict.
    fn record(&self, verdict: Verdict, evidence: Option<&Evidence>) {
        if let Some(counter) = self.counters.get(metrics::slot(verdict)).copied().flatten() {
            io::increment(counter);
        }
        if let Some(state) = record::new_filter_state(&self.policy, verdict, &io::Stream) {
            io::Stream.set_own_state(record::FILTER_STATE, &state);
        }
        if verdict.reason().is_some()
            && let Some(held_back) = self.log_limit.borrow_mut().admit(io::now_ns())
            && let explanation = evidence.and_then(|evidence| evidence.explain(&self.policy, &io::Stream))
            && let Some(line) = record::log_line(&self.policy, verdict, explanation.as_ref(), held_back)
        {
            log::warn!("{line}");
        }
    }
}
