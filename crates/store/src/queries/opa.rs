//! OPAs of the fleet: their tokens, their bundles, the decisions that they have sent.

use crate::error::StoreError;
use crate::rows::{Gateway, OpaDecision, OpaToken, gateways, opa_archives, opa_decisions, opa_tokens};
use crate::scoped::{Reader, Row, Scoped};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::BTreeSet;

type Result<T> = std::result::Result<T, StoreError>;

/// A signed bundle without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaArchiveHead {
    /// `policy/12` or `revocations`.
    pub id: String,
    /// Version or sequence.
    pub number: i64,
    /// What its manifest says that it holds.
    pub revision: String,
    /// Digest of the archive, hex.
    pub sha256: String,
    /// Which key signed it.
    pub key_id: String,
    /// When it was signed, Unix milliseconds.
    pub signed_ms: i64,
    /// When it ends, Unix milliseconds.
    pub expires_ms: i64,
}

impl Reader<'_> {
    /// All OPAs of the fleet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn opas(&self) -> Result<Vec<Gateway>> {
        self.list::<Gateway>(gateways::Column::Kind.eq("opa")).await
    }

    /// The tokens of an OPA.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn opa_tokens(&self, client: &str) -> Result<Vec<OpaToken>> {
        self.list::<OpaToken>(opa_tokens::Column::ClientId.eq(client)).await
    }

    /// All signed bundles without their bytes, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn opa_archive_heads(&self) -> Result<Vec<OpaArchiveHead>> {
        use opa_archives::Column as C;
        let query = opa_archives::Entity::find()
            .select_only()
            .columns([C::Id, C::Number, C::Revision, C::Sha256, C::KeyId, C::SignedMs, C::ExpiresMs])
            .filter(C::TenantId.eq(self.tenant().as_str()))
            .order_by_asc(C::Id);
        let found: Vec<(String, i64, String, String, String, i64, i64)> = query.into_tuple().all(&self.db.executor()).await?;
        let head = |(id, number, revision, sha256, key_id, signed_ms, expires_ms)| OpaArchiveHead {
            id,
            number,
            revision,
            sha256,
            key_id,
            signed_ms,
            expires_ms,
        };
        Ok(found.into_iter().map(head).collect())
    }

    /// Which of these decisions came before, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn opa_decisions_known(&self, ids: &[String]) -> Result<BTreeSet<String>> {
        let mut known = BTreeSet::new();
        for ids in ids.chunks(500) {
            let found = self.list::<OpaDecision>(opa_decisions::Column::Id.is_in(ids.iter().map(String::as_str))).await?;
            known.extend(found.into_iter().map(|row| row.id));
        }
        Ok(known)
    }
}

impl Scoped<'_> {
    /// Removes all tokens of an OPA, or all but one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_opa_tokens(&self, client: &str, but: Option<&str>) -> Result<u64> {
        use opa_tokens::Column as C;
        let mut query =
            opa_tokens::Entity::delete_many().filter(OpaToken::tenant_column().eq(self.tenant().as_str())).filter(C::ClientId.eq(client));
        if let Some(but) = but {
            query = query.filter(C::Id.ne(but));
        }
        Ok(query.exec(&self.executor()).await?.rows_affected)
    }

    /// Removes what is known of decisions that came before `seen_ms`, Unix milliseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_opa_decisions(&self, seen_ms: i64) -> Result<u64> {
        let done = opa_decisions::Entity::delete_many()
            .filter(OpaDecision::tenant_column().eq(self.tenant().as_str()))
            .filter(opa_decisions::Column::SeenMs.lt(seen_ms))
            .exec(&self.executor())
            .await?;
        Ok(done.rows_affected)
    }
}
