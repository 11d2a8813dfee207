//! Rate limits, as `governor`'s generic cell rate algorithm over the caller's clock.
//!
//! Time comes with each call ([`crate::Ask::now_ms`]), so a test of "the eleventh call within a minute" needs neither sleep nor mock. There is
//! one limiter for each kind of limit and rate that the policy names; a policy that changes neither leaves what was counted as it is.
//!
//! Memory: who has been silent for a minute is forgotten, so there are never more entries than calls within the last minutes.

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use policy::{Counted, PolicySet, RateLimit, TokenFacts};
use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// After at least so many checks, whoever was silent for a minute is forgotten.
const SWEEP_AFTER: u64 = 10_000;
/// A time that lies this far back is a clock that was set back, not another thread that was a little earlier. In milliseconds.
const SET_BACK: i64 = 1_000;

/// Whose calls are counted together: the subject, client or agent; for a tool subject, client, resource and tool.
fn key(counted: Counted, facts: &TokenFacts, resource: &str, tool: &str) -> Box<str> {
    match counted {
        Counted::Subject => facts.subject.as_str().into(),
        Counted::Client => facts.client.as_str().into(),
        Counted::Agent => facts.agent.as_ref().map_or("", |agent| agent.id.as_str()).into(),
        // None of the four holds a line break.
        Counted::Tool => [facts.subject.as_str(), &facts.client, resource, tool].join("\n").into(),
    }
}

/// What a policy limits: every pair of kind and rate in it.
pub(crate) fn limits_of(policy: &PolicySet) -> HashSet<(Counted, u32)> {
    let principals =
        [(Counted::Subject, policy.limits.subject), (Counted::Client, policy.limits.client), (Counted::Agent, policy.limits.agent)];
    let tools = policy.servers.values().flat_map(|server| server.tools.values()).map(|tool| (Counted::Tool, tool.limit));
    principals.into_iter().chain(tools).filter_map(|(counted, limit)| Some((counted, limit?.per_minute))).collect()
}

/// Time that has passed, as the calls tell it. It never goes back.
#[derive(Debug, Clone, Default)]
struct Ticks(Arc<AtomicU64>);

impl Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// The newest time that a call told, and the ticks that belong to it.
#[derive(Debug, Default)]
struct Told {
    now_ms: Option<i64>,
    ticks: u64,
}

impl Told {
    fn tell(&mut self, now_ms: i64) -> u64 {
        let last = self.now_ms.unwrap_or(now_ms);
        if now_ms > last {
            self.ticks = self.ticks.saturating_add(now_ms.abs_diff(last));
        }
        // Set back: no time has passed, and it goes on from there, so that nobody is locked out for longer than a minute.
        if now_ms > last || last.saturating_sub(now_ms) > SET_BACK || self.now_ms.is_none() {
            self.now_ms = Some(now_ms);
        }
        self.ticks
    }
}

type PerKey = RateLimiter<Box<str>, HashMapStateStore<Box<str>>, Ticks, NoOpMiddleware<Duration>>;

/// Who has called how often lately.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    told: Mutex<Told>,
    ticks: Ticks,
    by_limit: RwLock<HashMap<(Counted, u32), Arc<PerKey>>>,
    until_sweep: AtomicU64,
}

impl Limiter {
    /// Counts one call. A whole minute's calls may come at once.
    ///
    /// # Errors
    /// In how many milliseconds the next call would pass.
    pub(crate) fn check(
        &self,
        counted: Counted,
        limit: RateLimit,
        facts: &TokenFacts,
        (resource, tool): (&str, &str),
        now_ms: i64,
    ) -> Result<(), i64> {
        let ticks = self.told.lock().unwrap_or_else(PoisonError::into_inner).tell(now_ms);
        self.ticks.0.fetch_max(ticks, Ordering::Relaxed);
        if self.until_sweep.fetch_sub(1, Ordering::Relaxed) == 0 {
            self.forget_the_silent();
        }
        let waits = self.limiter(counted, limit).check_key(&key(counted, facts, resource, tool));
        waits.map_err(|until| i64::try_from(until.wait_time_from(self.ticks.now()).as_millis()).unwrap_or(i64::MAX).max(1))
    }

    /// Forgets what is counted for limits that are not in force any more.
    pub(crate) fn keep(&self, in_force: &HashSet<(Counted, u32)>) {
        self.by_limit.write().unwrap_or_else(PoisonError::into_inner).retain(|limit, _| in_force.contains(limit));
    }

    fn limiter(&self, counted: Counted, limit: RateLimit) -> Arc<PerKey> {
        let of = (counted, limit.per_minute);
        if let Some(found) = self.by_limit.read().unwrap_or_else(PoisonError::into_inner).get(&of) {
            return Arc::clone(found);
        }
        let made = || {
            let quota = Quota::per_minute(NonZeroU32::new(limit.per_minute).unwrap_or(NonZeroU32::MIN));
            Arc::new(RateLimiter::hashmap_with_clock(quota, self.ticks.clone()))
        };
        Arc::clone(self.by_limit.write().unwrap_or_else(PoisonError::into_inner).entry(of).or_insert_with(made))
    }

    /// Costs one look at each entry and comes after at least as many checks, so it costs each check the same little.
    fn forget_the_silent(&self) {
        let all: Vec<_> = self.by_limit.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let mut left = 0;
        for limiter in all {
            limiter.retain_recent();
            left += limiter.len() as u64;
        }
        self.until_sweep.store(SWEEP_AFTER.max(left), Ordering::Relaxed);
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.by_limit.read().expect("lock").values().map(|limiter| limiter.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: (&str, &str) = ("http://r", "read");

    fn facts(subject: &str) -> TokenFacts {
        TokenFacts {
            tenant: "acme".into(),
            issuer: "iss".into(),
            audience: "http://r".into(),
            jti: "jti".into(),
            subject: subject.into(),
            subject_kind: policy::SubjectKind::User,
            client: "cli_a".into(),
            client_class: "ide".into(),
            agent: None,
            inner_actors: Vec::new(),
            session: "ses".into(),
            lineage: "lin".into(),
            scope: std::collections::BTreeSet::new(),
            roles: Vec::new(),
            grants: Vec::new(),
            acr: None,
            auth_time: None,
            iat: 0,
            exp: 1,
            seq: 0,
        }
    }

    fn check(limiter: &Limiter, who: &str, per_minute: u32, now_ms: i64) -> Result<(), i64> {
        limiter.check(Counted::Subject, RateLimit { per_minute }, &facts(who), AT, now_ms)
    }

    #[test]
    fn a_minute_of_calls_passes_and_one_more_waits() {
        let limiter = Limiter::default();
        for call in 0..10 {
            assert_eq!(check(&limiter, "usr_a", 10, 1_000), Ok(()), "call {call}");
        }
        assert_eq!(check(&limiter, "usr_a", 10, 1_000), Err(6_000));
        assert_eq!(check(&limiter, "usr_a", 10, 6_999), Err(1));
        assert_eq!(check(&limiter, "usr_a", 10, 7_000), Ok(()));
        assert_eq!(check(&limiter, "usr_b", 10, 1_000), Ok(()));
    }

    #[test]
    fn each_kind_is_counted_for_itself() {
        let limiter = Limiter::default();
        let one = RateLimit { per_minute: 1 };
        for counted in [Counted::Subject, Counted::Client, Counted::Agent, Counted::Tool] {
            assert_eq!(limiter.check(counted, one, &facts("usr_a"), AT, 0), Ok(()), "{counted:?}");
        }
        assert_eq!(limiter.check(Counted::Tool, one, &facts("usr_a"), ("http://r", "write"), 0), Ok(()), "another tool");
        assert_eq!(limiter.check(Counted::Client, one, &facts("usr_b"), AT, 0), Err(60_000), "the same client");
    }

    #[test]
    fn a_clock_set_back_costs_a_minute_at_most() {
        let limiter = Limiter::default();
        assert_eq!(check(&limiter, "usr_a", 1, 1_000_000_000), Ok(()));
        assert_eq!(check(&limiter, "usr_a", 1, 0), Err(60_000));
        assert!(check(&limiter, "usr_a", 1, 30_000).is_err());
        assert_eq!(check(&limiter, "usr_a", 1, 60_000), Ok(()));
    }

    #[test]
    fn who_is_silent_is_forgotten_and_what_is_not_limited_any_more_too() {
        let limiter = Limiter::default();
        for n in 0..i64::try_from(3 * SWEEP_AFTER).expect("small") {
            check(&limiter, &format!("usr_{n}"), 60, n * 60).expect("passes");
            assert!(limiter.remembered() as u64 <= 2 * SWEEP_AFTER + 2, "after {n}");
        }
        limiter.keep(&HashSet::from([(Counted::Subject, 59)]));
        assert_eq!(limiter.remembered(), 0);
    }

    proptest! {
        /// Against the plainest model there is: a bucket that holds a minute's calls and fills evenly.
        #[test]
        fn it_counts_as_a_bucket_does(per_minute in 1u32..30, waits in prop::collection::vec(0i64..20_000, 1..120)) {
            let limiter = Limiter::default();
            let (mut now, mut level_ns, drip) = (0i64, 0i128, 60_000_000_000i128 / i128::from(per_minute));
            for wait in waits {
                now += wait;
                level_ns = (level_ns - i128::from(wait) * 1_000_000).max(0);
                let fits = level_ns <= drip * (i128::from(per_minute) - 1);
                prop_assert_eq!(check(&limiter, "usr_a", per_minute, now).is_ok(), fits);
                if fits {
                    level_ns += drip;
                }
            }
        }
    }
}
