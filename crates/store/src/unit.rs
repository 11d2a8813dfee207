//! One transaction as a value.

use crate::error::StoreError;
use crate::rows::tenants;
use crate::scoped::{Handle, Reader, Scoped};
use crate::tenant::TenantId;
use futures::future::BoxFuture;
use sea_orm::{DatabaseTransaction, EntityTrait, QueryOrder};
use std::sync::Arc;

/// Whether an error means that the same unit, run again, may succeed.
pub trait Retry {
    /// True for a serialization conflict only.
    fn is_conflict(&self) -> bool;
}

impl Retry for StoreError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}

/// One transaction: everything it does happens, or nothing. It may run more than once, so it does nothing but query and compute.
pub trait Unit: Send + Sync + 'static {
    /// What it answers.
    type Out: Send + 'static;
    /// Why it failed; a failure undoes everything.
    type Error: From<StoreError> + Retry + Send + 'static;
    /// Runs it.
    fn run<'t>(&'t self, tx: Transaction<'t>) -> BoxFuture<'t, Result<Self::Out, Self::Error>>;
}

/// For whoever may have to run it again with something that it lacked.
impl<U: Unit> Unit for Arc<U> {
    type Out = U::Out;
    type Error = U::Error;

    fn run<'t>(&'t self, tx: Transaction<'t>) -> BoxFuture<'t, Result<Self::Out, Self::Error>> {
        U::run(self, tx)
    }
}

/// The open transaction, before a tenant is chosen.
#[derive(Clone, Copy)]
pub struct Transaction<'t>(pub(crate) &'t DatabaseTransaction);

impl<'t> Transaction<'t> {
    /// The rows of one tenant.
    pub const fn tenant(self, tenant: &'t TenantId) -> Scoped<'t> {
        Scoped::new(tenant, self.0)
    }

    /// All tenants, by id, for what concerns the whole installation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tenants(self) -> Result<Vec<TenantId>, StoreError> {
        let rows = tenants::Entity::find().order_by_asc(tenants::Column::Id).all(self.0).await?;
        Ok(rows.iter().filter_map(|row| TenantId::parse(&row.id)).collect())
    }

    /// The tenant's rows, for reading only.
    pub const fn reader(self, tenant: &'t TenantId) -> Reader<'t> {
        Reader { tenant, db: Handle::Transaction(self.0) }
    }
}
