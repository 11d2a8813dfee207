//! Waiting for something to become so: asked again and again, within a bound, never just hoped for.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(100);

/// Asks until the answer is there.
///
/// # Errors
/// When it is not there within the bound, or an ask fails.
pub async fn until<T>(what: &str, bound: Duration, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if started.elapsed() > bound {
            bail!("{what}: not so within {} s", bound.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
