//! People, their admin roles and their sessions.

use crate::error::StoreError;
use crate::rows::{AdminBinding, Key, Session, User, admin_bindings, keys, sessions, sign_in_links, sign_ins, users};
use crate::scoped::{Reader, Scoped};
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QuerySelect};

type Result<T> = std::result::Result<T, StoreError>;

/// What a person is called.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct UserName {
    /// `usr_…`.
    pub id: String,
    /// As their provider says.
    pub name: String,
    /// Their address, if it gave one.
    pub email: Option<String>,
}

impl UserName {
    /// Whether name or address contains this, in whatever letter case. An empty text is in every name.
    pub fn contains(&self, text: &str) -> bool {
        let wanted = text.to_lowercase();
        self.name.to_lowercase().contains(&wanted) || self.email.as_deref().is_some_and(|email| email.to_lowercase().contains(&wanted))
    }
}

impl Reader<'_> {
    /// What everybody is called, and nothing else of them: letters of every script are compared here, which not every database can.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_names(&self) -> Result<Vec<UserName>> {
        use users::Column as C;
        Ok(self.find::<User>().select_only().columns([C::Id, C::Name, C::Email]).into_model().all(&self.db.executor()).await?)
    }

    /// The person whom this provider knows by this subject.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_by_subject(&self, issuer: &str, subject: &str) -> Result<Option<User>> {
        self.one(Condition::all().add(users::Column::Issuer.eq(issuer)).add(users::Column::Subject.eq(subject))).await
    }

    /// The people who are called so: by id, by subject at their provider, or by address in whatever letter case.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn users_called(&self, text: &str) -> Result<Vec<User>> {
        use users::Column as C;
        let address = Expr::expr(Func::lower(Expr::col(C::Email))).eq(text.to_lowercase());
        self.list(Condition::any().add(C::Id.eq(text)).add(C::Subject.eq(text)).add(address)).await
    }

    /// The sessions of this public id, which tokens carry: one, unless it has ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions_of_sid(&self, sid: &str) -> Result<Vec<Session>> {
        self.list(sessions::Column::Sid.eq(sid)).await
    }

    /// The admin bindings that this subject and these groups have at this provider.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn admin_bindings_of(&self, issuer: &str, subject: &str, groups: &[String]) -> Result<Vec<AdminBinding>> {
        use admin_bindings::Column as C;
        let own = Condition::all().add(C::Kind.eq("subject")).add(C::Value.eq(subject));
        let by_group = Condition::all().add(C::Kind.eq("group")).add(C::Value.is_in(groups.iter().map(String::as_str)));
        self.list(Condition::all().add(C::Issuer.eq(issuer)).add(Condition::any().add(own).add(by_group))).await
    }

    /// The keys with this purpose, the active one among them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keys_for(&self, purpose: &str) -> Result<Vec<Key>> {
        self.list(keys::Column::Purpose.eq(purpose)).await
    }
}

impl Scoped<'_> {
    /// Ends every session of a person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_sessions_of(&self, user: &str) -> Result<u64> {
        let done = sessions::Entity::delete_many()
            .filter(sessions::Column::TenantId.eq(self.tenant().as_str()))
            .filter(sessions::Column::UserId.eq(user))
            .exec(&self.executor())
            .await?;
        Ok(done.rows_affected)
    }

    /// Ends the session of this public id; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session_of_sid(&self, sid: &str) -> Result<u64> {
        let done = sessions::Entity::delete_many()
            .filter(sessions::Column::TenantId.eq(self.tenant().as_str()))
            .filter(sessions::Column::Sid.eq(sid))
            .exec(&self.executor())
            .await?;
        Ok(done.rows_affected)
    }

    /// Forgets sessions that have ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_ended_sessions(&self, now_ms: i64) -> Result<u64> {
        let done = sessions::Entity::delete_many()
            .filter(sessions::Column::TenantId.eq(self.tenant().as_str()))
            .filter(sessions::Column::ExpiresMs.lte(now_ms))
            .exec(&self.executor())
            .await?;
        Ok(done.rows_affected)
    }

    /// Forgets sign-ins that nobody finished, and links that can no longer be used.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_ended_sign_ins(&self, now_ms: i64) -> Result<()> {
        sign_ins::Entity::delete_many()
            .filter(sign_ins::Column::TenantId.eq(self.tenant().as_str()))
            .filter(sign_ins::Column::ExpiresMs.lte(now_ms))
            .exec(&self.executor())
            .await?;
        sign_in_links::Entity::delete_many()
            .filter(sign_in_links::Column::TenantId.eq(self.tenant().as_str()))
            .filter(sign_in_links::Column::ExpiresMs.lte(now_ms))
            .exec(&self.executor())
            .await?;
        Ok(())
    }
}
