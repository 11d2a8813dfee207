//! tower-sessions over our own rows: tenant-bound, found by the hash of the id, with deadlines by the injected clock.

use async_trait::async_trait;
use control::signin::{self, EndSession, SaveSession};
use control::{Control, Ctx, sha256_hex};
use std::collections::HashMap;
use std::fmt;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

/// The sessions of one tenant, seen from one request.
#[derive(Clone)]
pub(super) struct TenantSessions {
    pub(super) control: Control,
    pub(super) cx: Ctx,
}

impl fmt::Debug for TenantSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantSessions").field("tenant", &self.cx.tenant).finish_non_exhaustive()
    }
}

/// What a session's record holds.
pub(super) mod field {
    pub const USER: &str = "user";
    pub const CSRF: &str = "csrf";
    pub const AUTH_MS: &str = "auth_ms";
    pub const ACR: &str = "acr";
    pub const SID: &str = "sid";
    pub const IDP_SID: &str = "idp_sid";
    pub const HOST: &str = "host";
}

pub(super) fn key(id: &Id) -> String {
    sha256_hex(id.to_string())
}

fn broken(error: impl fmt::Display) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for TenantSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        // 128 random bits do not meet twice.
        self.save(record).await
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let text = |name: &str| record.data.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let now = self.cx.now_ms;
        let life = if record.data.contains_key(field::HOST) { signin::HOST_MS } else { signin::ABSOLUTE_MS };
        let row = ::store::Session {
            id: key(&record.id),
            user_id: text(field::USER),
            data: serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?,
            idp_sid: text(field::IDP_SID),
            sid: text(field::SID),
            auth_ms: record.data.get(field::AUTH_MS).and_then(serde_json::Value::as_i64).unwrap_or(now),
            seen_ms: now,
            expires_ms: now + life,
        };
        self.control.keep(&self.cx.tenant, SaveSession(row)).await.map_err(broken)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(row) = signin::load(&self.control, &self.cx, &key(id)).await.map_err(broken)? else { return Ok(None) };
        let data: HashMap<String, serde_json::Value> = serde_json::from_str(&row.data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date =
            time::OffsetDateTime::from_unix_timestamp(row.expires_ms / 1000).map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.control.keep(&self.cx.tenant, EndSession(key(id))).await.map_err(broken)
    }
}
