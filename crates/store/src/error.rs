//! What can go wrong below a use case.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// A failed query or transaction.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The row was there already, or something that it refers to is not: the caller knows which it asked for.
    #[error("a constraint of the database does not hold")]
    Constraint(#[source] DbErr),
    /// Another transaction was first. Repeating may help.
    #[error("another transaction changed the same rows")]
    Conflict(#[source] DbErr),
    /// Anything else.
    #[error("the database failed")]
    Database(#[source] DbErr),
    /// The unit panicked; nothing of it was kept.
    #[error("a transaction broke off by a defect")]
    Panicked,
    /// The writer has stopped, since the process is ending.
    #[error("the database writer has stopped")]
    Stopped,
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if is_conflict(&error) {
            return Self::Conflict(error);
        }
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_) | SqlErr::ForeignKeyConstraintViolation(_)) => Self::Constraint(error),
            _ => Self::Database(error),
        }
    }
}

/// Serialization failure or deadlock (SQLSTATE 40001, 40P01).
fn is_conflict(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner))
    | DbErr::Query(RuntimeErr::SqlxError(inner))
    | DbErr::Conn(RuntimeErr::SqlxError(inner))) = error
    else {
        return false;
    };
    inner.as_database_error().and_then(|error| error.code()).is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01"))
}
