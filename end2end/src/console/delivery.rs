//! Publishing, and how far the fleet is.

use super::Person;
use crate::{browser::Page, wait};
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::time::Duration;

/// How far a gateway may be behind before that is a failure.
pub const CONVERGES_WITHIN: Duration = Duration::from_secs(30);

/// What `/fleet.json` says.
#[derive(Clone, Debug, Deserialize)]
pub struct Fleet {
    /// The version that gateways should run.
    pub desired_policy: Option<u64>,
    /// The tenant's newest revocation.
    pub revocation_seq: u64,
    /// The gateways.
    pub rows: Vec<Gateway>,
}

/// One gateway.
#[derive(Clone, Debug, Deserialize)]
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// `current`, `behind`, `silent`, `failing` or `new`.
    pub state: String,
    /// What it activated.
    pub policy: Option<u64>,
    /// What it acknowledged.
    pub revocation_seq: Option<u64>,
    /// When it last reported, Unix milliseconds.
    pub last_seen_ms: Option<i64>,
    /// What it reported as an error.
    pub error: Option<String>,
}

impl Person {
    /// Publishes the draft, if it differs from what is live. Returns the live version.
    ///
    /// # Errors
    /// When publishing is refused.
    pub async fn publish(&mut self, note: &str) -> Result<u64> {
        let page = self.see("/draft").await?;
        if let Ok(form) = page.form("/draft/publish") {
            self.send(form.fill("note", note)?).await?;
        }
        self.live_policy().await?.with_context(|| format!("nothing is live: {}", page.summary()))
    }

    /// The draft page.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn draft(&mut self) -> Result<Page> {
        self.see("/draft").await
    }

    /// The live version, if there is one.
    ///
    /// # Errors
    /// When the console cannot be reached.
    pub async fn live_policy(&mut self) -> Result<Option<u64>> {
        Ok(self.fleet().await?.desired_policy)
    }

    /// The fleet as the page's script reads it.
    ///
    /// # Errors
    /// When it is not what it should be.
    pub async fn fleet(&mut self) -> Result<Fleet> {
        let page = self.see("/fleet.json").await?;
        serde_json::from_str(&page.html).with_context(|| format!("fleet.json is not what it should be: {}", page.html))
    }

    /// Waits until a gateway has acknowledged everything, and returns what it then says.
    ///
    /// # Errors
    /// When it has not within [`CONVERGES_WITHIN`].
    pub async fn converged(&mut self, gateway: &str) -> Result<Gateway> {
        wait::until(&format!("{gateway} runs what it should"), CONVERGES_WITHIN, async || {
            let fleet = self.fleet().await?;
            let found = fleet.rows.into_iter().find(|row| row.name == gateway);
            Ok(found.filter(|row| {
                row.state == "current" && row.policy == fleet.desired_policy && row.revocation_seq >= Some(fleet.revocation_seq)
            }))
        })
        .await
    }
}
