//! What the store promises, on SQLite and, where `WRIT_TEST_POSTGRES` names a server, on PostgreSQL.

mod support;

mod files;
mod schema;
mod scope;
mod units;
