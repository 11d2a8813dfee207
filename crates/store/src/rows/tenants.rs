//! The one table without a tenant: the tenants themselves.

use sea_orm::entity::prelude::*;

/// One organisation. Every other row belongs to exactly one.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenants")]
pub struct Model {
    /// Slug, as in URLs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// As people say it.
    pub name: String,
    /// When it was made.
    pub created_ms: i64,
    /// Sequence of the newest change to the revocation list.
    pub revocation_seq: i64,
    /// Newest published version; 0 before the first.
    pub policy_version: i64,
    /// Rises with every change to configuration.
    pub draft: i64,
    /// The draft number that the live version was compiled from.
    pub published_draft: i64,
}

/// None are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What others see of it.
pub type Tenant = Model;
