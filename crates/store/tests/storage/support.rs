//! A fresh database for each test, with the tenants `acme` and `beta`.

use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use store::{Backend, Row, Scoped, Settings, Store, StoreError, TenantId, Transaction, Unit};
use tempfile::TempDir;

/// An open store, and a plain connection to the same database.
pub struct Db {
    pub store: Store,
    pub raw: DatabaseConnection,
    _folder: Option<TempDir>,
}

impl Db {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("writ.db");
        let url = format!("sqlite://{}", path.display());
        Self::over(Settings::Sqlite(path), &url, Some(folder)).await
    }

    /// `None` where no server is named. The database is replaced by the next run of the same test.
    pub async fn postgres(test: &str) -> Option<Self> {
        let server = std::env::var("WRIT_TEST_POSTGRES").ok().filter(|url| !url.is_empty())?;
        let name: String = test.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let name = format!("writ_{}", &name[name.len().saturating_sub(50)..]);
        let admin = Database::connect(&server).await.expect("WRIT_TEST_POSTGRES can be reached");
        admin.execute_unprepared(&format!("drop database if exists {name} with (force)")).await.expect("the old database goes");
        admin.execute_unprepared(&format!("create database {name} template template0")).await.expect("a new database");
        admin.close().await.expect("closes");
        let (before, query) =
            server.split_once('?').map_or((server.as_str(), String::new()), |(before, query)| (before, format!("?{query}")));
        let base = before.rfind('/').map_or(before, |at| &before[..at]);
        let url = format!("{base}/{name}{query}");
        Some(Self::over(Settings::Postgres(url.clone()), &url, None).await)
    }

    async fn over(settings: Settings, url: &str, folder: Option<TempDir>) -> Self {
        let store = Store::open(&settings).await.expect("opens");
        let raw = Database::connect(url).await.expect("connects");
        let db = Self { store, raw, _folder: folder };
        for slug in ["acme", "beta"] {
            db.run(slug, Make).await.expect("a tenant");
        }
        db
    }

    pub fn is_sqlite(&self) -> bool {
        self.store.backend() == Backend::Sqlite
    }

    /// Does something in one transaction.
    pub async fn run<W: Work>(&self, slug: &str, work: W) -> Result<W::Out, StoreError> {
        self.store.execute(In { tenant: tenant(slug), work }).await
    }

    pub async fn get<R: Row>(&self, slug: &str, id: &str) -> Option<R> {
        self.store.read(&tenant(slug)).get(id).await.expect("reads")
    }

    pub async fn all<R: Row>(&self, slug: &str) -> Vec<R> {
        self.store.read(&tenant(slug)).all().await.expect("reads")
    }
}

pub fn tenant(slug: &str) -> TenantId {
    TenantId::parse(slug).expect("a slug")
}

/// Something to do in a transaction of one tenant.
pub trait Work: Send + Sync + 'static {
    type Out: Send + 'static;
    fn run<'t>(&'t self, db: Scoped<'t>) -> BoxFuture<'t, Result<Self::Out, StoreError>>;
}

/// Work of one tenant as a unit.
pub struct In<W> {
    pub tenant: TenantId,
    pub work: W,
}

impl<W: Work> Unit for In<W> {
    type Out = W::Out;
    type Error = StoreError;

    fn run<'t>(&'t self, tx: Transaction<'t>) -> BoxFuture<'t, Result<W::Out, StoreError>> {
        self.work.run(tx.tenant(&self.tenant))
    }
}

/// Declares work: what it holds, and what it does with the tenant's rows.
macro_rules! work {
    ($name:ident $(<$R:ident>)? { $($field:ident : $Type:ty),* } -> $Out:ty, |$this:ident, $db:ident| $body:expr) => {
        pub struct $name $(<$R>)? { $(pub $field: $Type),* }

        impl $(<$R: store::Row + Clone + 'static>)? $crate::support::Work for $name $(<$R>)? {
            type Out = $Out;

            fn run<'t>(&'t self, $db: store::Scoped<'t>) -> futures::future::BoxFuture<'t, Result<$Out, store::StoreError>> {
                let $this = self;
                Box::pin(async move { $body })
            }
        }
    };
}
pub(crate) use work;

struct Make;

impl Work for Make {
    type Out = ();
    fn run<'t>(&'t self, db: Scoped<'t>) -> BoxFuture<'t, Result<(), StoreError>> {
        Box::pin(async move { db.create_tenant("Somebody", 0).await })
    }
}

/// Tests that run on both databases.
macro_rules! on_each_database {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: Db) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn body($db: $crate::support::Db) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                body($crate::support::Db::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(db) = $crate::support::Db::postgres(concat!(module_path!(), stringify!($name))).await {
                    body(db).await;
                }
            }
        }
    )*};
}
pub(crate) use on_each_database;
