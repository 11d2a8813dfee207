//! Real time and fixed randomness for the gateways that run inside the benchmark.

use gateway::clock::{Clock, Random};
use rand::SeedableRng;
use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the benchmark's gateways live in real time")]
pub fn clock() -> Clock {
    Clock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

/// Another one for each.
pub fn random(seed: u64) -> Random {
    Random::new(rand::rngs::StdRng::seed_from_u64(seed))
}
