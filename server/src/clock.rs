//! The system's clock, read here and nowhere else.

use std::time::{SystemTime, UNIX_EPOCH};

/// The system's clock.
pub struct SystemClock;

impl control::Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the composition root's clock is the one place that reads the system's")]
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
