//! How many log lines a flood of denials may buy.

/// A token bucket that counts the events it did not admit. The caller brings the clock.
#[derive(Debug)]
pub struct Limiter {
    burst: u64,
    interval_ns: u64,
    credit_ns: u64,
    last_ns: Option<u64>,
    held_back: u64,
}

impl Limiter {
    /// Returns a limiter that admits `burst` events at once and one more every `interval_ns` nanoseconds.
    pub const fn new(burst: u64, interval_ns: u64) -> Limiter {
        Limiter {
            burst,
            interval_ns,
            credit_ns: burst.saturating_mul(interval_ns),
            last_ns: None,
            held_back: 0,
        }
    }

    /// Returns `None` for an event that is held back. For one that is admitted, returns how many were held back since the
    /// last one that was. `now_ns` is of any clock that does not run backwards.
    pub fn admit(&mut self, now_ns: u64) -> Option<u64> {
        let elapsed = now_ns.saturating_sub(self.last_ns.unwrap_or(now_ns));
        self.last_ns = Some(now_ns);
        let full = self.burst.saturating_mul(self.interval_ns);
        self.credit_ns = self.credit_ns.saturating_add(elapsed).min(full);
        match self.credit_ns.checked_sub(self.interval_ns) {
            Some(rest) => {
                self.credit_ns = rest;
                Some(std::mem::take(&mut self.held_back))
            }
            None => {
                self.held_back = self.held_back.saturating_add(1);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Limiter;

    #[test]
    fn a_burst_passes_then_one_an_interval_and_the_rest_is_counted() {
        let mut limiter = Limiter::new(2, 100);
        let answers: Vec<_> = [5, 5, 5, 60, 104, 105, 106, 205].map(|now| limiter.admit(now)).into();
        assert_eq!(answers, [Some(0), Some(0), None, None, None, Some(3), None, Some(1)]);
    }

    #[test]
    fn credit_does_not_grow_beyond_the_burst_and_a_clock_that_stands_buys_nothing() {
        let mut limiter = Limiter::new(1, 100);
        assert_eq!(limiter.admit(0), Some(0));
        assert_eq!(limiter.admit(1_000_000), Some(0));
        assert_eq!(limiter.admit(1_000_000), None);
        assert_eq!(limiter.admit(0), None);
    }
}
