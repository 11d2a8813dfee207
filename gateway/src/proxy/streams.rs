//! What is under way: every forwarded call and stream, so that a revocation can end it.

use enforce::{Enforcer, MethodOwned};
use policy::{Reason, TokenFacts};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
struct Open {
    facts: Arc<TokenFacts>,
    resource: String,
    method: MethodOwned,
    end: CancellationToken,
}

/// All that is under way.
#[derive(Debug, Default)]
pub struct Streams {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Open>>,
}

/// One that is under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay {
    of: Arc<Streams>,
    id: u64,
    /// Cancelled when it has to end.
    pub(crate) end: CancellationToken,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.of.open().remove(&self.id);
    }
}

impl Streams {
    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(self: &Arc<Self>, facts: Arc<TokenFacts>, resource: &str, method: MethodOwned) -> UnderWay {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let end = CancellationToken::new();
        self.open().insert(id, Open { facts, resource: resource.to_owned(), method, end: end.clone() });
        UnderWay { of: Arc::clone(self), id, end }
    }

    /// Ends whatever would be denied now. Returns how many.
    pub fn end_refused(&self, enforcer: &Enforcer, now: i64) -> usize {
        let mut ended = 0;
        for open in self.open().values().filter(|open| !open.end.is_cancelled()) {
            if let Err(reason) = enforcer.still_allows(&open.facts, &open.resource, &open.method, now)
                && ends(&open.method, reason)
            {
                tracing::info!(
                    reason = reason.code(),
                    method = open.method.name(),
                    sub = open.facts.subject,
                    client = open.facts.client,
                    "a stream was ended"
                );
                open.end.cancel();
                ended += 1;
            }
        }
        ended
    }

    /// Ends everything, for shutting down.
    pub fn end_all(&self) {
        for open in self.open().values() {
            open.end.cancel();
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.open().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A call that began in time may end after its token or grant has run out; a standing stream may not. Everything else ends both.
const fn ends(method: &MethodOwned, reason: Reason) -> bool {
    match reason {
        Reason::TokenExpired | Reason::GrantExpired | Reason::AuthenticationTooOld | Reason::StaleTokenAge => {
            matches!(method, MethodOwned::Stream)
        }
        // A list that is behind says nothing new about a call that it did not stop before.
        Reason::BehindRevocations => false,
        _ => true,
    }
}
