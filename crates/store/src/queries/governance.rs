//! Requests, votes, grants and revocations.

use crate::error::StoreError;
use crate::queries::page::Page;
use crate::rows::{Grant, RefreshToken, Request, Revocation, User, Vote, grants, refresh_tokens, requests, revocations, users, votes};
use crate::scoped::{Reader, Scoped};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

type Result<T> = std::result::Result<T, StoreError>;

/// Which requests are wanted. Empty fields do not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Whose.
    pub user: Option<String>,
    /// `true`: those that can still be decided at `now_ms`; `false`: the others.
    pub open: Option<bool>,
    /// The time that `open` is judged by, Unix milliseconds.
    pub now_ms: i64,
}

impl RequestFilter {
    fn condition(&self) -> Condition {
        use requests::Column as C;
        let open = self.open.map(|open| match open {
            true => Condition::all().add(C::State.eq("pending")).add(C::ExpiresMs.gt(self.now_ms)),
            false => Condition::any().add(C::State.ne("pending")).add(C::ExpiresMs.lte(self.now_ms)),
        });
        Condition::all().add_option(self.user.as_ref().map(|user| C::UserId.eq(user.as_str()))).add_option(open)
    }
}

/// Which grants are wanted. Empty fields do not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantFilter {
    /// Whose.
    pub user: Option<String>,
    /// Through which client.
    pub client: Option<String>,
    /// With which agent.
    pub agent: Option<String>,
    /// On which resource.
    pub resource: Option<String>,
    /// In which state, judged by `now_s`.
    pub state: Option<GrantIs>,
    /// Text that the id, the scopes, or the holder's name or address contains.
    pub text: Option<String>,
    /// Unix seconds.
    pub now_s: i64,
}

/// Which connections are wanted: a person's consent to a client, alive in a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections<'a> {
    /// Every one.
    All,
    /// A person's.
    Of(&'a str),
    /// Through a client.
    Through(&'a str),
    /// To a resource.
    To(&'a str),
    /// That came of one sign-in, by `sid`.
    FromSession(&'a str),
    /// One, by lineage.
    One(&'a str),
}

impl Connections<'_> {
    fn condition(self) -> Condition {
        use refresh_tokens::Column as C;
        let wanted = match self {
            Self::All => None,
            Self::Of(user) => Some(C::UserId.eq(user)),
            Self::Through(client) => Some(C::ClientId.eq(client)),
            Self::To(resource) => Some(C::Resource.eq(resource)),
            Self::FromSession(sid) => Some(C::Sid.eq(sid)),
            Self::One(lineage) => Some(C::Lineage.eq(lineage)),
        };
        Condition::all().add_option(wanted)
    }
}

/// Where a grant stands: all of it follows from the row and the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantIs {
    /// Neither revoked nor ended.
    Active,
    /// Ended by itself.
    Ended,
    /// Revoked before its end.
    Revoked,
}

impl GrantFilter {
    fn condition(&self) -> Condition {
        use grants::Column as C;
        let is = |column: C, value: &Option<String>| value.as_ref().map(|value| column.eq(value.as_str()));
        let state = self.state.map(|state| match state {
            GrantIs::Active => Condition::all().add(C::RevokedMs.is_null()).add(C::ExpS.gt(self.now_s)),
            GrantIs::Ended => Condition::all().add(C::RevokedMs.is_null()).add(C::ExpS.lte(self.now_s)),
            GrantIs::Revoked => Condition::all().add(C::RevokedMs.is_not_null()),
        });
        Condition::all()
            .add_option(is(C::UserId, &self.user))
            .add_option(is(C::ClientId, &self.client))
            .add_option(is(C::AgentId, &self.agent))
            .add_option(is(C::Resource, &self.resource))
            .add_option(state)
    }
}

impl Reader<'_> {
    /// Requests in this state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn requests_in(&self, state: &str) -> Result<Vec<Request>> {
        self.list(requests::Column::State.eq(state)).await
    }

    /// Requests that match, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn requests(&self, filter: &RequestFilter, page: &Page) -> Result<Vec<Request>> {
        self.newest(filter.condition(), requests::Column::CreatedMs, page).await
    }

    /// How many requests match.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_requests(&self, filter: &RequestFilter) -> Result<u64> {
        Ok(self.find::<Request>().filter(filter.condition()).count(&self.db.executor()).await?)
    }

    /// Pending requests whose time to be decided is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn requests_unanswered(&self, now_ms: i64) -> Result<Vec<Request>> {
        use requests::Column as C;
        self.list(Condition::all().add(C::State.eq("pending")).add(C::ExpiresMs.lte(now_ms))).await
    }

    /// Requests for this resource, whoever asked, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn requests_for(&self, resource: &str, page: &Page) -> Result<Vec<Request>> {
        use requests::Column as C;
        self.newest(Condition::all().add(C::Resource.eq(resource)), C::CreatedMs, page).await
    }

    /// Votes on a request, in the order of their voters' ids.
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
        let state = Some(GrantIs::Active);
        self.list(GrantFilter { user: Some(user.to_owned()), state, now_s, ..GrantFilter::default() }.condition()).await
    }

    /// Grants in force of any of these people.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn live_grants_of_all(&self, users: impl IntoIterator<Item = &str>, now_s: i64) -> Result<Vec<Grant>> {
        let active = GrantFilter { state: Some(GrantIs::Active), now_s, ..GrantFilter::default() }.condition();
        self.list(active.add(grants::Column::UserId.is_in(users))).await
    }

    /// Grants that match, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn grants(&self, filter: &GrantFilter, page: &Page) -> Result<Vec<Grant>> {
        use grants::Column as C;
        let mut condition = filter.condition();
        if let Some(text) = filter.text.as_ref().filter(|text| !text.is_empty()) {
            let holders: Vec<User> =
                self.list(Condition::any().add(users::Column::Name.contains(text)).add(users::Column::Email.contains(text))).await?;
            let held = C::UserId.is_in(holders.into_iter().map(|user| user.id));
            condition = condition.add(Condition::any().add(C::Id.contains(text)).add(C::Scopes.contains(text)).add(held));
        }
        // Grants begin when they are made, so their start orders them by age.
        self.newest(condition, C::StartsS, page).await
    }

    /// All grants that match, by id. For those in force, which are few beside those that were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_grants(&self, filter: &GrantFilter) -> Result<Vec<Grant>> {
        self.list(filter.condition()).await
    }

    /// How many grants match, but for the filter's text.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_grants(&self, filter: &GrantFilter) -> Result<u64> {
        Ok(self.find::<Grant>().filter(filter.condition()).count(&self.db.executor()).await?)
    }

    /// The people whose verified address is this one, in whatever letter case, at whatever provider.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn users_with_verified_email(&self, email: &str) -> Result<Vec<User>> {
        use sea_orm::sea_query::{Expr, ExprTrait, Func};
        let same = Expr::expr(Func::lower(Expr::col(users::Column::Email))).eq(email.to_lowercase());
        self.list(Condition::all().add(users::Column::EmailVerified.eq(1)).add(same)).await
    }

    /// How many people are known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_users(&self) -> Result<u64> {
        Ok(self.find::<User>().count(&self.db.executor()).await?)
    }

    /// Refresh tokens that can still be used at `now_ms`, one for each connection, and whose they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn live_connections(&self, of: Connections<'_>, now_ms: i64) -> Result<(u64, Vec<String>)> {
        use refresh_tokens::Column as C;
        let condition = Condition::all().add(C::UsedMs.is_null()).add(C::ExpiresMs.gt(now_ms)).add(of.condition());
        let rows = self.find::<RefreshToken>().filter(condition).select_only();
        let rows = rows.column(C::UserId).column_as(C::Id.count(), "tokens").group_by(C::UserId);
        let rows: Vec<(String, i64)> = rows.into_tuple().all(&self.db.executor()).await?;
        let total = rows.iter().map(|(_, tokens)| u64::try_from(*tokens).unwrap_or_default()).sum();
        Ok((total, rows.into_iter().map(|(user, _)| user).collect()))
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

    /// The standing entry against this target (JSON of `policy::Target`), if there is one that was not lifted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn standing_revocation(&self, target: &str) -> Result<Option<Revocation>> {
        use revocations::Column as C;
        self.one(Condition::all().add(C::LiftedMs.is_null()).add(C::UntilS.is_null()).add(C::Target.eq(target))).await
    }

    /// Whether an entry against this target counts at `now_s`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_revocation(&self, target: &str, now_s: i64) -> Result<bool> {
        use revocations::Column as C;
        let counts = Condition::any().add(C::UntilS.is_null()).add(C::UntilS.gt(now_s));
        Ok(!self.list::<Revocation>(Condition::all().add(C::LiftedMs.is_null()).add(C::Target.eq(target)).add(counts)).await?.is_empty())
    }

    /// The newest entry against this target (JSON of `policy::Target`), whether or not it still counts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revocation_of(&self, target: &str) -> Result<Option<Revocation>> {
        let found: Vec<Revocation> = self.list(revocations::Column::Target.eq(target)).await?;
        Ok(found.into_iter().max_by_key(|row| row.seq))
    }

    /// The entry that was made or lifted at this sequence.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revocation_at(&self, seq: i64) -> Result<Option<Revocation>> {
        use revocations::Column as C;
        self.one(Condition::any().add(C::Seq.eq(seq)).add(C::LiftedSeq.eq(seq))).await
    }

    /// All entries there ever were, newest first. The page's time is the sequence.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revocations(&self, page: &Page) -> Result<Vec<Revocation>> {
        self.newest(Condition::all(), revocations::Column::Seq, page).await
    }
}

impl Scoped<'_> {
    /// Ends every refresh token of a person; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_refresh_tokens_of(&self, user: &str) -> Result<u64> {
        self.end_refresh_tokens(refresh_tokens::Column::UserId, user).await
    }

    /// Ends every refresh token that descends from a session; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_refresh_tokens_of_session(&self, sid: &str) -> Result<u64> {
        self.end_refresh_tokens(refresh_tokens::Column::Sid, sid).await
    }

    async fn end_refresh_tokens(&self, column: refresh_tokens::Column, value: &str) -> Result<u64> {
        let done = refresh_tokens::Entity::delete_many()
            .filter(refresh_tokens::Column::TenantId.eq(self.tenant().as_str()))
            .filter(column.eq(value))
            .exec(&self.executor())
            .await?;
        Ok(done.rows_affected)
    }
}
