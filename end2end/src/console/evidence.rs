//! The audit log: filtering and exporting.

use super::Person;
use crate::browser::Page;
use anyhow::{Context as _, Result};

/// One event as the list shows it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Person, client and agent as shown.
    pub who: String,
    /// The sentence with the action's stable name at its end.
    pub what: String,
    /// How it ended, with the reason code of a denial.
    pub outcome: String,
}

impl Person {
    /// The log's page with these filters.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn audit_page(&mut self, filters: &[(&str, &str)]) -> Result<Page> {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(filters).finish();
        self.see(&format!("/audit?{query}")).await
    }

    /// The events that fit, oldest first.
    ///
    /// # Errors
    /// When the page is not there.
    pub async fn audit(&mut self, filters: &[(&str, &str)]) -> Result<Vec<Event>> {
        let mut events: Vec<Event> = self.audit_page(filters).await?.rows().iter().filter_map(|row| read(row)).collect();
        events.reverse();
        Ok(events)
    }

    /// Downloads what the filtered page shows.
    ///
    /// # Errors
    /// When exporting is not offered or fails.
    pub async fn export(&mut self, filters: &[(&str, &str)]) -> Result<Vec<u8>> {
        let form = self.audit_page(filters).await?.form("/audit/export").context("exporting is not offered")?;
        self.browser.download(form).await
    }
}

fn read(row: &str) -> Option<Event> {
    let mut cells = row.split(" | ").skip(1).map(str::to_owned);
    Some(Event { who: cells.next()?, what: cells.next()?, outcome: cells.next()? })
}
