//! Time and randomness, given from outside so that tests can choose them.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::RngCore;

/// What time it is, in unix seconds.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The system's clock.
    #[expect(clippy::disallowed_methods, reason = "the demo's own composition root: this is where the system is asked")]
    pub fn system() -> Self {
        Self::from_fn(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
    }

    /// A clock of the caller's own.
    pub fn from_fn(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Now, in unix seconds.
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

/// Where unguessable values come from.
#[derive(Clone)]
pub struct Entropy(Arc<dyn Fn() -> [u8; 32] + Send + Sync>);

impl Entropy {
    /// The system's randomness.
    #[expect(clippy::disallowed_methods, reason = "the demo's own composition root: this is where the system is asked")]
    pub fn system() -> Self {
        Self::from_fn(|| {
            let mut bytes = [0; 32];
            rand::rng().fill_bytes(&mut bytes);
            bytes
        })
    }

    /// A source of the caller's own. It must never give the same bytes twice.
    pub fn from_fn(bytes: impl Fn() -> [u8; 32] + Send + Sync + 'static) -> Self {
        Self(Arc::new(bytes))
    }

    /// A fresh value of 43 URL-safe characters.
    pub fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode((self.0)())
    }
}
