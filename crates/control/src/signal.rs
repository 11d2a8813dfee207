//! Waking those who watch a tenant. A hint, never the truth: a lost one costs a poll interval.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use store::TenantId;
use tokio::sync::watch;

/// Counters per tenant: one rises with every change that gateways should hear of, another with what gateways confirm.
#[derive(Default)]
pub struct Signals {
    changes: Counters,
    receipts: Counters,
}

impl Signals {
    /// Something changed that gateways should hear of.
    pub fn wake(&self, tenant: &TenantId) {
        self.changes.rise(tenant);
    }

    /// Something changed, and nobody knows for whom.
    pub fn wake_all(&self) {
        self.changes.rise_all();
        self.receipts.rise_all();
    }

    /// Watches a tenant's changes.
    pub fn watch(&self, tenant: &TenantId) -> watch::Receiver<u64> {
        self.changes.watch(tenant)
    }

    /// A gateway confirmed revocations.
    pub fn confirmed(&self, tenant: &TenantId) {
        self.receipts.rise(tenant);
    }

    /// Watches what a tenant's gateways confirm.
    pub fn watch_receipts(&self, tenant: &TenantId) -> watch::Receiver<u64> {
        self.receipts.watch(tenant)
    }
}

#[derive(Default)]
struct Counters(Mutex<HashMap<TenantId, watch::Sender<u64>>>);

impl Counters {
    fn rise(&self, tenant: &TenantId) {
        let senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = senders.get(tenant) {
            sender.send_modify(|count| *count += 1);
        }
    }

    fn rise_all(&self) {
        for sender in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            sender.send_modify(|count| *count += 1);
        }
    }

    fn watch(&self, tenant: &TenantId) -> watch::Receiver<u64> {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        senders.entry(tenant.clone()).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }
}
