//! Time and randomness as values, so that tests bring their own.

use rand::rngs::StdRng;
use rand::{Rng, RngCore};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// A clock that asks `now_ms` for Unix milliseconds.
    pub fn new(now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_ms))
    }

    /// Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        (self.0)()
    }

    /// Unix seconds.
    pub fn now(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// Ids and jitter.
#[derive(Debug, Clone)]
pub struct Random(Arc<Mutex<StdRng>>);

impl Random {
    /// Over a seeded generator.
    pub fn new(rng: StdRng) -> Self {
        Self(Arc::new(Mutex::new(rng)))
    }

    /// A seed for something else that needs chance.
    pub fn seed(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }

    /// A new id: `prefix`, an underscore, a lower-case ULID of this time.
    pub fn id(&self, prefix: &str, now_ms: i64) -> String {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let random = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        let ulid = ulid::Ulid::from_parts(u64::try_from(now_ms).unwrap_or_default(), random);
        format!("{prefix}_{}", ulid.to_string().to_ascii_lowercase())
    }

    /// How long to wait after so many failures in a row: doubling from 0.2 s to 10 s, of which a random part between half and all.
    pub fn backoff(&self, failures: u32) -> Duration {
        let longest = 200_u64.saturating_mul(1 << failures.min(6)).min(10_000);
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(rng.random_range(longest / 2..=longest).max(200))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn waiting_grows_and_is_bounded() {
        let random = Random::new(StdRng::seed_from_u64(1));
        for failures in 0..100 {
            let wait = random.backoff(failures);
            assert!(wait >= Duration::from_millis(200) && wait <= Duration::from_secs(10), "{failures}: {wait:?}");
        }
        assert!(random.backoff(20) >= Duration::from_secs(5));
    }

    #[test]
    fn ids_have_their_prefix_and_differ() {
        let random = Random::new(StdRng::seed_from_u64(1));
        let (one, other) = (random.id("req", 1), random.id("req", 1));
        assert_ne!(one, other);
        assert!(one.starts_with("req_0000000001") && one.len() == 30, "{one}");
    }
}
