//! Time is a parameter.

/// Tells the time. The composition root has the system's; tests have one that they move.
pub trait Clock: Send + Sync + 'static {
    /// Unix milliseconds.
    fn now_ms(&self) -> i64;
}
