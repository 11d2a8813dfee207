//! Tenant scope in the type: only these two can query, each for one tenant.

use crate::error::StoreError;
use crate::tenant::TenantId;
use sea_orm::sea_query::{IntoCondition, OnConflict};
use sea_orm::{ActiveModelTrait, DatabaseExecutor, IntoDatabaseExecutor, QueryOrder};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DatabaseBackend, DatabaseConnection, DatabaseTransaction, EntityTrait, IdenStatic, Iterable,
    QueryFilter, Select,
};
use std::collections::{BTreeSet, HashMap};

type Result<T> = std::result::Result<T, StoreError>;

/// A row of a table that belongs to tenants. Implemented by `table!` only.
pub trait Row: Sized + Send + Sync {
    #[doc(hidden)]
    type Entity: EntityTrait<Model = Self::Model>;
    #[doc(hidden)]
    type Model: sea_orm::ModelTrait<Entity = Self::Entity> + sea_orm::FromQueryResult + Send + Sync;
    #[doc(hidden)]
    type Active: ActiveModelTrait<Entity = Self::Entity> + sea_orm::ActiveModelBehavior + Send + Sync;
    #[doc(hidden)]
    fn tenant_column() -> <Self::Entity as EntityTrait>::Column;
    #[doc(hidden)]
    fn id_column() -> <Self::Entity as EntityTrait>::Column;
    #[doc(hidden)]
    fn from_model(model: Self::Model) -> Self;
    #[doc(hidden)]
    fn into_active(self, tenant: &TenantId) -> Self::Active;
    /// Its id within the tenant.
    fn id(&self) -> &str;
}

/// Reads one tenant's rows.
pub struct Reader<'t> {
    pub(crate) tenant: &'t TenantId,
    pub(crate) db: Handle<'t>,
}

/// Where queries go: a pool or a transaction.
pub(crate) enum Handle<'t> {
    Pool(&'t DatabaseConnection),
    Transaction(&'t DatabaseTransaction),
}

impl Handle<'_> {
    pub(crate) fn executor(&self) -> DatabaseExecutor<'_> {
        match self {
            Self::Pool(db) => (*db).into_database_executor(),
            Self::Transaction(tx) => (*tx).into_database_executor(),
        }
    }
}

impl<'t> Reader<'t> {
    /// The tenant whose rows these are.
    pub fn tenant(&self) -> &TenantId {
        self.tenant
    }

    pub(crate) fn find<R: Row>(&self) -> Select<R::Entity> {
        R::Entity::find().filter(R::tenant_column().eq(self.tenant.as_str()))
    }

    /// The row with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get<R: Row>(&self, id: &str) -> Result<Option<R>> {
        let found = self.find::<R>().filter(R::id_column().eq(id)).one(&self.db.executor()).await?;
        Ok(found.map(R::from_model))
    }

    /// The rows with these ids, by id. At most a few hundred at once: each id is a parameter of one statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn many<R: Row>(&self, ids: impl IntoIterator<Item = String>) -> Result<HashMap<String, R>> {
        let ids: BTreeSet<String> = ids.into_iter().collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<R> = self.list(R::id_column().is_in(ids)).await?;
        Ok(rows.into_iter().map(|row| (row.id().to_owned(), row)).collect())
    }

    /// All rows, by id. For tables that people keep short; long ones have queries of their own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all<R: Row>(&self) -> Result<Vec<R>> {
        let found = self.find::<R>().order_by_asc(R::id_column()).all(&self.db.executor()).await?;
        Ok(found.into_iter().map(R::from_model).collect())
    }

    pub(crate) async fn list<R: Row>(&self, condition: impl IntoCondition + Send) -> Result<Vec<R>> {
        let found = self.find::<R>().filter(condition.into_condition()).order_by_asc(R::id_column()).all(&self.db.executor()).await?;
        Ok(found.into_iter().map(R::from_model).collect())
    }

    pub(crate) async fn one<R: Row>(&self, condition: impl IntoCondition + Send) -> Result<Option<R>> {
        let found = self.find::<R>().filter(condition.into_condition()).one(&self.db.executor()).await?;
        Ok(found.map(R::from_model))
    }
}

/// Reads and writes one tenant's rows inside a transaction.
pub struct Scoped<'t>(Reader<'t>);

impl<'t> std::ops::Deref for Scoped<'t> {
    type Target = Reader<'t>;
    fn deref(&self) -> &Reader<'t> {
        &self.0
    }
}

impl<'t> Scoped<'t> {
    pub(crate) const fn new(tenant: &'t TenantId, tx: &'t DatabaseTransaction) -> Self {
        Self(Reader { tenant, db: Handle::Transaction(tx) })
    }

    /// Whether nothing else can be committed until this transaction ends, so that it sees whatever anybody was told before. True of SQLite's one
    /// writer; PostgreSQL shows what was committed before the transaction's first statement.
    pub fn is_alone(&self) -> bool {
        self.db.executor().get_database_backend() == DatabaseBackend::Sqlite
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when it is there already or refers to nothing.
    pub async fn insert<R: Row>(&self, row: R) -> Result<()> {
        R::Entity::insert(row.into_active(self.tenant)).exec_without_returning(&self.db.executor()).await?;
        Ok(())
    }

    /// Adds many rows with as few statements as the databases' limit on parameters allows.
    ///
    /// # Errors
    /// As [`Scoped::insert`].
    pub async fn insert_all<R: Row>(&self, rows: Vec<R>) -> Result<()> {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<R::Active> = rows.by_ref().take(200).map(|row| row.into_active(self.tenant)).collect();
            R::Entity::insert_many(chunk).exec_without_returning(&self.db.executor()).await?;
        }
        Ok(())
    }

    /// Replaces the row of the same id; whether there was one.
    ///
    /// # Errors
    /// When the database fails or a constraint does not hold.
    pub async fn update<R: Row>(&self, row: R) -> Result<bool> {
        let id = row.id().to_owned();
        let active = row.into_active(self.tenant);
        let done = R::Entity::update_many()
            .set(active)
            .filter(R::tenant_column().eq(self.tenant.as_str()))
            .filter(R::id_column().eq(id))
            .exec(&self.db.executor())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Replaces rows that were read in this transaction, with as few statements as the databases' limit on parameters allows.
    ///
    /// # Errors
    /// When the database fails or a constraint does not hold.
    pub async fn update_all<R: Row>(&self, rows: Vec<R>) -> Result<()> {
        let (tenant, id) = (R::tenant_column(), R::id_column());
        let key = [tenant.as_str(), id.as_str()];
        let others = <R::Entity as EntityTrait>::Column::iter().filter(|column| !key.contains(&column.as_str()));
        let over = OnConflict::columns([tenant, id]).update_columns(others).to_owned();
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<R::Active> = rows.by_ref().take(200).map(|row| row.into_active(self.tenant)).collect();
            R::Entity::insert_many(chunk).on_conflict(over.clone()).exec_without_returning(&self.db.executor()).await?;
        }
        Ok(())
    }

    /// Replaces the row of the same id, or adds it.
    ///
    /// # Errors
    /// When the database fails or a constraint does not hold.
    pub async fn put<R: Row + Clone>(&self, row: R) -> Result<()> {
        if !self.update(row.clone()).await? {
            self.insert(row).await?;
        }
        Ok(())
    }

    /// Removes the row; whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete<R: Row>(&self, id: &str) -> Result<bool> {
        let done = R::Entity::delete_many()
            .filter(R::tenant_column().eq(self.tenant.as_str()))
            .filter(R::id_column().eq(id))
            .exec(&self.db.executor())
            .await?;
        Ok(done.rows_affected > 0)
    }

    pub(crate) fn executor(&self) -> DatabaseExecutor<'_> {
        self.0.db.executor()
    }
}
