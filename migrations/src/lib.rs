//! Database migrations, one file each. Every statement runs on SQLite and on PostgreSQL: text, bigint and nothing else.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261123_000001_identity;
mod m20261123_000002_policy;
mod m20261123_000003_oauth;
mod m20261123_000004_delivery;
mod m20261123_000005_governance;
mod m20261123_000006_evidence;
mod m20261125_000007_lineages;
mod m20261125_000010_call_limits;
mod m20261125_000011_opa;
mod m20261125_000012_leases;
mod m20261125_000013_keys;
mod m20261125_000014_witnesses;
mod m20261125_000015_rings;
mod m20261125_000016_taking_back;
mod m20261126_000017_opas_elsewhere;
mod m20261126_000018_unread_descriptions;
mod m20261126_000019_long_use;
mod m20261126_000020_key_services;

/// All migrations, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_identity::Migration),
            Box::new(m20261123_000002_policy::Migration),
            Box::new(m20261123_000003_oauth::Migration),
            Box::new(m20261123_000004_delivery::Migration),
            Box::new(m20261123_000005_governance::Migration),
            Box::new(m20261123_000006_evidence::Migration),
            Box::new(m20261125_000007_lineages::Migration),
            Box::new(m20261125_000010_call_limits::Migration),
            Box::new(m20261125_000011_opa::Migration),
            Box::new(m20261125_000012_leases::Migration),
            Box::new(m20261125_000013_keys::Migration),
            Box::new(m20261125_000014_witnesses::Migration),
            Box::new(m20261125_000015_rings::Migration),
            Box::new(m20261125_000016_taking_back::Migration),
            Box::new(m20261126_000017_opas_elsewhere::Migration),
            Box::new(m20261126_000018_unread_descriptions::Migration),
            Box::new(m20261126_000019_long_use::Migration),
            Box::new(m20261126_000020_key_services::Migration),
        ]
    }
}
