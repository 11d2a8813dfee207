//! Rate limits, as a generic cell rate algorithm over the caller's clock.
//!
//! One number a key: the time at which its bucket would be empty again. `governor` does the same over a clock that it reads itself;
//! here the time comes with the call, so a test of "the eleventh call within a minute" needs neither sleep nor mock.

use crate::generations::Generations;
use policy::{Counted, RateLimit, TokenFacts};
use std::sync::Mutex;

/// How many (subject, client, tool) are remembered at least.
const REMEMBERED: usize = 50_000;

/// Whose calls are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Whose {
    counted: Counted,
    /// The subject, client or agent; for a tool subject, client, resource and tool.
    id: Vec<String>,
}

impl Whose {
    pub(crate) fn of(counted: Counted, facts: &TokenFacts, resource: &str, tool: &str) -> Self {
        let id: Vec<&str> = match counted {
            Counted::Subject => vec![&facts.subject],
            Counted::Client => vec![&facts.client],
            Counted::Agent => facts.agent.iter().map(|agent| agent.id.as_str()).collect(),
            Counted::Tool => vec![&facts.subject, &facts.client, resource, tool],
        };
        Self { counted, id: id.into_iter().map(str::to_owned).collect() }
    }
}

/// Who has called what how often lately.
#[derive(Debug)]
pub(crate) struct Limiter {
    empty_at: Mutex<Generations<Whose, i64>>,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { empty_at: Mutex::new(Generations::new(REMEMBERED)) }
    }
}

impl Limiter {
    /// Counts one call. A whole minute's calls may come at once.
    ///
    /// # Errors
    /// In how many milliseconds the next call would pass.
    pub(crate) fn check(&self, key: Whose, limit: RateLimit, now_ms: i64) -> Result<(), i64> {
        let interval = 60_000 / i64::from(limit.per_minute.max(1));
        let burst = 60_000 - interval;
        let mut map = self.empty_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A clock that was set back must not lock anyone out for longer than a minute.
        let empty_at = map.get(&key).map_or(now_ms, |at| at.clamp(now_ms, now_ms + 60_000));
        let wait = empty_at - now_ms - burst;
        if wait > 0 {
            return Err(wait);
        }
        map.insert(key, empty_at + interval.max(1));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(subject: &str) -> Whose {
        Whose { counted: Counted::Subject, id: vec![subject.to_owned()] }
    }

    #[test]
    fn a_minute_of_calls_passes_and_one_more_waits() {
        let limiter = Limiter::default();
        let limit = RateLimit { per_minute: 10 };
        for call in 0..10 {
            assert_eq!(limiter.check(who("usr_a"), limit, 1_000), Ok(()), "call {call}");
        }
        assert_eq!(limiter.check(who("usr_a"), limit, 1_000), Err(6_000));
        assert_eq!(limiter.check(who("usr_a"), limit, 6_999), Err(1));
        assert_eq!(limiter.check(who("usr_a"), limit, 7_000), Ok(()));
        assert_eq!(limiter.check(who("usr_b"), limit, 1_000), Ok(()));
    }

    #[test]
    fn a_clock_set_back_costs_a_minute_at_most() {
        let limiter = Limiter::default();
        let limit = RateLimit { per_minute: 1 };
        assert_eq!(limiter.check(who("usr_a"), limit, 1_000_000_000), Ok(()));
        assert_eq!(limiter.check(who("usr_a"), limit, 0), Err(60_000));
        assert!(limiter.check(who("usr_a"), limit, 30_000).is_err());
    }
}
