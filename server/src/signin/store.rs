//! `tower-sessions` over the tenant's own table. The cookie's value is never stored, only its hash.
//!
//! That crate reads the system's clock for the expiry dates in its records. They are not used: when a session ends is decided by
//! [`control::signin::session`], with the installation's clock.

use async_trait::async_trait;
use control::signin::session::{self, Kept};
use control::signin::SessionFacts;
use control::{sha256_hex, Control, Ctx};
use std::collections::HashMap;
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::SessionStore;

/// Under which name a record holds its [`SessionFacts`].
pub const FACTS: &str = "facts";

/// The sessions of one tenant: an id of another tenant is nothing here.
#[derive(Clone)]
pub struct TenantSessions {
    control: Control,
    cx: Ctx,
}

impl TenantSessions {
    /// Those of the context's tenant.
    pub const fn new(control: Control, cx: Ctx) -> Self {
        Self { control, cx }
    }
}

impl std::fmt::Debug for TenantSessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantSessions").field("tenant", &self.cx.tenant).finish_non_exhaustive()
    }
}

/// What a session is found by.
pub fn id_hash(id: &Id) -> String {
    sha256_hex(id.to_string())
}

fn backend(error: control::Error) -> Error {
    let mut text = error.to_string();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        text = format!("{text}: {deeper}");
        cause = deeper;
    }
    Error::Backend(text)
}

#[async_trait]
impl SessionStore for TenantSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let facts = record.data.get(FACTS).cloned().ok_or_else(|| Error::Encode("a session without facts is not kept".to_owned()))?;
        let facts: SessionFacts = serde_json::from_value(facts).map_err(|error| Error::Encode(error.to_string()))?;
        let data = serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        // 128 random bits do not meet again; if they did, the key would refuse the second.
        session::create(&self.control, &self.cx, &id_hash(&record.id), Kept { facts, data }).await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let data = serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        session::save(&self.control, &self.cx, &id_hash(&record.id), data).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(data) = session::load(&self.control, &self.cx, &id_hash(id)).await.map_err(backend)? else { return Ok(None) };
        let data: HashMap<String, serde_json::Value> = serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date: OffsetDateTime::UNIX_EPOCH }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        session::end(&self.control, &self.cx, &id_hash(id)).await.map_err(backend)
    }
}
