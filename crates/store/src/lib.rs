//! Rows, tenant scope, transactions and the writer, on SQLite and on PostgreSQL.
//!
//! - Only a [`Scoped`] (inside a transaction) or a [`Reader`] (outside one) can query, and each is made for one tenant, which it stamps on
//!   every row and adds to every filter. Keys are `(tenant_id, id)`.
//! - A [`Unit`] is one transaction as a value: it can be queued, batched and run again after a conflict. On SQLite one task drains a queue
//!   and commits many units with one fsync; on PostgreSQL each runs SERIALIZABLE and is repeated when the database says so.
//!
//! What is true of a use case (who may, what is audited) is not known here.

mod connect;
mod error;
mod hints;
mod json;
mod queries;
mod rows;
mod scoped;
mod tenant;
mod unit;
mod writer;

pub use connect::{Backend, Settings, Store};
pub use error::StoreError;
pub use hints::{Hint, Hints};
pub use json::{Json, MaybeSet, StringList, StringSet};
pub use queries::audit::{AuditFilter, Unsequenced};
pub use queries::delivery::{BundleHead, GatewayKey, GatewayWitness, GatewayWord};
pub use queries::governance::{Connections, GrantFilter, GrantIs, RequestFilter};
pub use queries::identity::UserName;
pub use queries::issued::{IssuedFilter, IssuedTokens};
pub use queries::opa::OpaArchiveHead;
pub use queries::page::Page;
pub use rows::*;
pub use scoped::{Reader, Row, Scoped};
pub use tenant::TenantId;
pub use unit::{Retry, Transaction, Unit};
