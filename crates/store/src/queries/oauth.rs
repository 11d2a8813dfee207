//! Families of tokens, what is blocked, and forgetting what has ended.

use crate::error::StoreError;
use crate::rows::{
    RefreshToken, Revocation, authorizations, bundles, codes, pins, refresh_tokens, revocations, rings, tenants, used_assertions,
};
use crate::scoped::{Reader, Scoped};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

type Result<T> = std::result::Result<T, StoreError>;

impl Reader<'_> {
    /// Row id and digest of every policy that some gateway is to run: the live one, and those of rings and pins; the newest first. None before
    /// the first publish. One statement, since every token asks it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn assigned_policy_heads(&self) -> Result<Vec<(String, String)>> {
        use bundles::Column as C;
        let tenant = self.tenant().as_str();
        let live = tenants::Entity::find().select_only().column(tenants::Column::PolicyVersion).filter(tenants::Column::Id.eq(tenant));
        let rings = rings::Entity::find().select_only().column(rings::Column::Version).filter(rings::Column::TenantId.eq(tenant));
        let pins = pins::Entity::find().select_only().column(pins::Column::Version).filter(pins::Column::TenantId.eq(tenant));
        let assigned = Condition::any()
            .add(C::Version.in_subquery(live.into_query()))
            .add(C::Version.in_subquery(rings.into_query()))
            .add(C::Version.in_subquery(pins.into_query()));
        let heads = bundles::Entity::find()
            .select_only()
            .columns([C::Id, C::Sha256])
            .filter(C::TenantId.eq(tenant))
            .filter(assigned)
            .order_by_desc(C::Version);
        Ok(heads.into_tuple().all(&self.db.executor()).await?)
    }

    /// The blocks in force: entries that stay until a person lifts them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn standing_blocks(&self) -> Result<Vec<Revocation>> {
        use revocations::Column as C;
        self.list(Condition::all().add(C::LiftedMs.is_null()).add(C::UntilS.is_null())).await
    }

    /// Whether this person has refresh tokens, used or not, that end after `after_ms`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_tokens_ending_after(&self, user: &str, after_ms: i64) -> Result<bool> {
        use refresh_tokens::Column as C;
        // Every token of a person descends from a code, which also made a refresh token.
        let live = Condition::all().add(C::UserId.eq(user)).add(C::ExpiresMs.gt(after_ms));
        Ok(self.find::<RefreshToken>().filter(live).one(&self.db.executor()).await?.is_some())
    }

    /// Whether a family has refresh tokens and all of them are used. A family that is in order has one that is not: the newest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_spent(&self, lineage: &str) -> Result<bool> {
        use refresh_tokens::Column as C;
        let of = Condition::all().add(C::Lineage.eq(lineage));
        let one = async |which: Condition| {
            Ok::<_, StoreError>(self.find::<RefreshToken>().filter(which).one(&self.db.executor()).await?.is_some())
        };
        Ok(!one(of.clone().add(C::UsedMs.is_null())).await? && one(of).await?)
    }
}

impl Scoped<'_> {
    /// Marks refresh tokens as used; how many were unused before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_refresh_tokens(&self, ids: Vec<String>, now_ms: i64) -> Result<u64> {
        use refresh_tokens::Column as C;
        let done = refresh_tokens::Entity::update_many()
            .col_expr(C::UsedMs, Expr::value(now_ms))
            .filter(C::TenantId.eq(self.tenant().as_str()))
            .filter(C::Id.is_in(ids))
            .filter(C::UsedMs.is_null())
            .exec(&self.executor())
            .await?;
        Ok(done.rows_affected)
    }

    /// Marks all refresh tokens of a family as used; how many were unused before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_lineage(&self, lineage: &str, now_ms: i64) -> Result<u64> {
        use refresh_tokens::Column as C;
        let done = refresh_tokens::Entity::update_many()
            .col_expr(C::UsedMs, Expr::value(now_ms))
            .filter(C::TenantId.eq(self.tenant().as_str()))
            .filter(C::Lineage.eq(lineage))
            .filter(C::UsedMs.is_null())
            .exec(&self.executor())
            .await?;
        Ok(done.rows_affected)
    }

    /// Ends a whole family of refresh tokens.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_lineage(&self, lineage: &str) -> Result<u64> {
        let done = refresh_tokens::Entity::delete_many()
            .filter(refresh_tokens::Column::TenantId.eq(self.tenant().as_str()))
            .filter(refresh_tokens::Column::Lineage.eq(lineage))
            .exec(&self.executor())
            .await?;
        Ok(done.rows_affected)
    }

    /// Forgets authorization requests, codes, tokens and assertions that have ended. Codes and refresh tokens are kept for `grace_ms`
    /// longer, so that who comes with a used one is recognised.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_ended_oauth(&self, now_ms: i64, grace_ms: i64) -> Result<()> {
        macro_rules! forget {
            ($($table:ident before $when:expr;)*) => {$(
                $table::Entity::delete_many()
                    .filter($table::Column::TenantId.eq(self.tenant().as_str()))
                    .filter($table::Column::ExpiresMs.lte($when))
                    .exec(&self.executor())
                    .await?;
            )*};
        }
        forget! {
            authorizations before now_ms;
            used_assertions before now_ms;
            codes before now_ms - grace_ms;
            refresh_tokens before now_ms - grace_ms;
        }
        Ok(())
    }
}
