//! Waking those who watch a tenant. A hint, never the truth: a lost one costs a poll interval.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use store::TenantId;
use tokio::sync::watch;

/// One counter per tenant that rises with every change that gateways should hear of.
#[derive(Default)]
pub struct Signals(Mutex<HashMap<TenantId, watch::Sender<u64>>>);

impl Signals {
    /// Something changed.
    pub fn wake(&self, tenant: &TenantId) {
        let senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = senders.get(tenant) {
            sender.send_modify(|count| *count += 1);
        }
    }

    /// Watches a tenant.
    pub fn watch(&self, tenant: &TenantId) -> watch::Receiver<u64> {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        senders.entry(tenant.clone()).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }
}
