//! Telling the control plane what is in force, and witnessing its audit log in the same message.

use super::witness::Witness;
use crate::clock::Clock;
use crate::link::Link;
use crate::standing::Standing;
use follow::Report;
use std::sync::Arc;
use tokio::sync::watch;

/// Sends the newest report whenever there is one. What could not be sent is not kept: the next heartbeat says the same or better.
pub struct Acknowledger {
    /// The control plane.
    pub link: Link,
    /// What else is told.
    pub standing: Arc<Standing>,
    /// Cosigns.
    pub witness: Witness,
    /// The time.
    pub clock: Clock,
}

impl Acknowledger {
    /// Runs until nobody can send reports any more.
    pub async fn run(mut self, mut reports: watch::Receiver<Option<Report>>) {
        while reports.changed().await.is_ok() {
            let report = reports.borrow_and_update().clone();
            if let Some(report) = report {
                self.tell(report).await;
            }
        }
    }

    async fn tell(&mut self, report: Report) {
        let ack = self.standing.ack(report, self.witness.said());
        match self.link.ack(&ack).await {
            Ok(shown) => {
                self.standing.contact(self.clock.now_ms());
                let Some(shown) = shown else { return };
                let log = self.standing.audit_log();
                if let Err(refused) = self.witness.consider(&shown, &log, self.clock.now()) {
                    tracing::error!(code = refused.code(), %refused, "the audit log is not witnessed any more");
                    self.standing.not_witnessed(&refused);
                } else {
                    self.standing.witnessed();
                }
            }
            Err(error) => tracing::debug!(%error, "the acknowledgement did not arrive"),
        }
    }
}
