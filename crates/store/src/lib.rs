//! Entities, tenant scope, transactions and the writer, on SQLite and PostgreSQL.
