//! Requests, votes, grants and revocations.

use crate::error::StoreError;
use crate::rows::{grants, requests, revocations, votes, Grant, Request, Revocation, Vote};
use crate::scoped::Reader;
use sea_orm::{ColumnTrait, Condition};

type Result<T> = std::result::Result<T, StoreError>;

impl Reader<'_> {
    /// Requests in this state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn requests_in(&self, state: &str) -> Result<Vec<Request>> {
        self.list(requests::Column::State.eq(state)).await
    }

    /// Votes on a request.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn votes_on(&self, request: &str) -> Result<Vec<Vote>> {
        self.list(votes::Column::RequestId.eq(request)).await
    }

    /// Grants of a person that are neither revoked nor ended at `now_s`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn live_grants_of(&self, user: &str, now_s: i64) -> Result<Vec<Grant>> {
        use grants::Column as C;
        self.list(Condition::all().add(C::UserId.eq(user)).add(C::RevokedMs.is_null()).add(C::ExpS.gt(now_s))).await
    }

    /// The entries that belong on the list at `now_s`: not lifted, and what they block has not expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revocations_in_force(&self, now_s: i64) -> Result<Vec<Revocation>> {
        use revocations::Column as C;
        let lasting = Condition::any().add(C::UntilS.is_null()).add(C::UntilS.gt(now_s));
        let mut found: Vec<Revocation> = self.list(Condition::all().add(C::LiftedMs.is_null()).add(lasting)).await?;
        found.sort_by_key(|row| row.seq);
        Ok(found)
    }
}
