//! Hints from other replicas: PostgreSQL's `LISTEN` and `NOTIFY`. The tables are the truth; a lost hint costs a poll interval.

use crate::connect::{How, Store};
use crate::error::StoreError;
use crate::tenant::TenantId;
use sea_orm::ConnectionTrait;
use sea_orm::sqlx::postgres::PgListener;

/// What is listened on. The payload is a tenant's slug.
const CHANNEL: &str = "writ_tenant_changed";

/// What a replica hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Something changed that gateways of this tenant should hear of.
    Changed(TenantId),
    /// The connection was lost for a while: anything may have changed.
    Missed,
}

/// Hears what other replicas, and this one, say.
pub struct Hints(PgListener);

impl Hints {
    /// The next hint.
    ///
    /// # Errors
    /// When the database cannot be reached; call again later.
    pub async fn next(&mut self) -> Result<Hint, StoreError> {
        loop {
            // `None` says that the connection was lost and is there again.
            let Some(heard) = self.0.try_recv().await.map_err(|error| StoreError::from(sea_orm::DbErr::Custom(error.to_string())))? else {
                return Ok(Hint::Missed);
            };
            if let Some(tenant) = TenantId::parse(heard.payload()) {
                return Ok(Hint::Changed(tenant));
            }
        }
    }
}

impl Store {
    /// Listens to other replicas; none where there cannot be any. Takes a connection for good.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn hints(&self) -> Result<Option<Hints>, StoreError> {
        let How::Serializable = self.how() else { return Ok(None) };
        let failed = |error: sea_orm::sqlx::Error| StoreError::from(sea_orm::DbErr::Custom(error.to_string()));
        let mut listener = PgListener::connect_with(self.readers().get_postgres_connection_pool()).await.map_err(failed)?;
        listener.listen(CHANNEL).await.map_err(failed)?;
        Ok(Some(Hints(listener)))
    }

    /// Tells other replicas that something of a tenant changed. Call it after the commit: inside of a transaction it would make all commits
    /// wait for one another.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn hint(&self, tenant: &TenantId) -> Result<(), StoreError> {
        if let How::Serializable = self.how() {
            // A slug holds nothing that would need quoting.
            self.readers().execute_unprepared(&format!("notify {CHANNEL}, '{tenant}'")).await?;
        }
        Ok(())
    }
}
