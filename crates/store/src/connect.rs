//! Opening a database, and the two ways to run a unit on it.

use crate::error::StoreError;
use crate::rows::tenants;
use crate::scoped::{Handle, Reader};
use crate::tenant::TenantId;
use crate::unit::{Retry, Transaction, Unit};
use crate::writer::Writer;
use migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, EntityTrait, IsolationLevel, QueryOrder, RuntimeErr, TransactionTrait};
use std::fs::OpenOptions;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where the data is.
#[derive(Debug, Clone)]
pub enum Settings {
    /// A file of this process's own. Its directory exists.
    Sqlite(PathBuf),
    /// A PostgreSQL URL, which may hold a password: never logged.
    Postgres(String),
}

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Embedded.
    Sqlite,
    /// Shared by replicas.
    Postgres,
}

/// An open, migrated database.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    readers: DatabaseConnection,
    how: How,
}

pub(crate) enum How {
    Queue(Writer),
    Serializable,
}

/// How often a unit is repeated on PostgreSQL before the conflict is reported.
const ATTEMPTS: usize = 24;
/// How many rows SQLite's thread may be ahead of who reads them: with few, the two wake each other row by row.
const ROWS: usize = 1_024;

/// How many pages of 4 kB are written ahead before they are copied to their places, which whoever commits then waits for.
const LOG_PAGES: &str = "4000";

/// Makes the file where there is none, readable by its owner alone. SQLite gives what it keeps beside it (`-wal`, `-shm`) the same mode.
fn make_private(path: &std::path::Path) -> Result<(), StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(StoreError::Database(DbErr::Conn(RuntimeErr::Internal(error.to_string()))))
        }
        _ => Ok(()),
    }
}

impl Store {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// When it cannot be reached or a migration fails.
    pub async fn open(settings: &Settings) -> Result<Self, StoreError> {
        match settings {
            Settings::Sqlite(path) => Self::open_sqlite(path).await,
            Settings::Postgres(url) => Self::open_postgres(url).await,
        }
    }

    async fn open_sqlite(path: &std::path::Path) -> Result<Self, StoreError> {
        make_private(path)?;
        let url = format!("sqlite://{}?mode=rwc", path.display());
        let mut options = ConnectOptions::new(url.clone());
        options.max_connections(1).min_connections(1).idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
        options.test_before_acquire(false).sqlx_logging(false).map_sqlx_sqlite_opts(|options| {
            // FULL: what was acknowledged survives a power cut.
            options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(10))
                .row_buffer_size(ROWS)
                // Before a statement that changes several rows SQLite copies the pages it changes, in case that it fails: not into a file.
                .pragma("temp_store", "memory")
                .pragma("wal_autocheckpoint", LOG_PAGES)
        });
        let writer = Database::connect(options).await?;
        Migrator::up(&writer, None).await?;
        let mut options = ConnectOptions::new(url);
        options.max_connections(4).min_connections(1).idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
        options.test_before_acquire(false).sqlx_logging(false).map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(SqliteJournalMode::Wal)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(10))
                .pragma("query_only", "on")
                .row_buffer_size(ROWS)
        });
        let readers = Database::connect(options).await?;
        Ok(Self(Arc::new(Inner { readers, how: How::Queue(Writer::start(writer)) })))
    }

    async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let mut options = ConnectOptions::new(url.to_owned());
        options.max_connections(16).min_connections(1).sqlx_logging(false);
        let db = Database::connect(options).await?;
        Migrator::up(&db, None).await?;
        Ok(Self(Arc::new(Inner { readers: db, how: How::Serializable })))
    }

    pub(crate) fn how(&self) -> &How {
        &self.0.how
    }

    pub(crate) fn readers(&self) -> &DatabaseConnection {
        &self.0.readers
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        match self.0.how {
            How::Queue(_) => Backend::Sqlite,
            How::Serializable => Backend::Postgres,
        }
    }

    /// Reads outside a transaction: each query sees what was committed before it.
    pub fn read<'t>(&'t self, tenant: &'t TenantId) -> Reader<'t> {
        Reader { tenant, db: Handle::Pool(&self.0.readers) }
    }

    /// The tenant, if it exists.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tenant(&self, tenant: &TenantId) -> Result<Option<tenants::Model>, StoreError> {
        Ok(tenants::Entity::find_by_id(tenant.as_str()).one(&self.0.readers).await?)
    }

    /// All tenants, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tenants(&self) -> Result<Vec<tenants::Model>, StoreError> {
        Ok(tenants::Entity::find().order_by_asc(tenants::Column::Id).all(&self.0.readers).await?)
    }

    /// Runs a unit in a transaction of its own. Once it has begun it runs to its end, also when the caller goes away.
    ///
    /// # Errors
    /// The unit's own, or the database's.
    pub async fn execute<U: Unit>(&self, unit: U) -> Result<U::Out, U::Error> {
        match &self.0.how {
            How::Queue(writer) => writer.execute(unit).await,
            How::Serializable => {
                let db = self.0.readers.clone();
                tokio::spawn(serializable(db, unit)).await.map_err(|_| StoreError::Stopped)?
            }
        }
    }
}

async fn serializable<U: Unit>(db: DatabaseConnection, unit: U) -> Result<U::Out, U::Error> {
    let mut attempt = 1;
    loop {
        let result = once(&db, &unit).await;
        match result {
            Err(error) if error.is_conflict() && attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
        // Let whoever won finish: longer after each loss, and not as long as the others who lost.
        let spread = RandomState::new().hash_one(attempt) % 8;
        tokio::time::sleep(Duration::from_millis(attempt as u64 * 3 + spread)).await;
    }
}

async fn once<U: Unit>(db: &DatabaseConnection, unit: &U) -> Result<U::Out, U::Error> {
    let tx = db.begin_with_config(Some(IsolationLevel::Serializable), None).await.map_err(StoreError::from)?;
    match unit.run(Transaction(&tx)).await {
        Ok(out) => {
            tx.commit().await.map_err(StoreError::from)?;
            Ok(out)
        }
        Err(error) => {
            let _ = tx.rollback().await;
            Err(error)
        }
    }
}
