//! Access tokens that may be out there. They are not stored; that each was issued is in the audit log.

use crate::error::StoreError;
use crate::queries::page::Page;
use crate::rows::{AuditEvent, audit_events};
use crate::scoped::Reader;
use sea_orm::sea_query::{Expr, LikeExpr, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QuerySelect, Select};
use std::collections::BTreeSet;

type Result<T> = std::result::Result<T, StoreError>;

/// Which tokens are wanted. Empty fields do not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssuedFilter {
    /// Issued at this time or later, Unix milliseconds.
    pub since_ms: i64,
    /// Whose.
    pub user: Option<String>,
    /// Through which client.
    pub client: Option<String>,
    /// Texts that the event's body holds, each as JSON writes it, quotes included: `"sid":"ses_1"`.
    pub holding: Vec<String>,
}

/// What was issued.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssuedTokens {
    /// How many tokens.
    pub tokens: u64,
    /// To whom.
    pub people: BTreeSet<String>,
    /// Through which clients.
    pub clients: BTreeSet<String>,
    /// For which agents to use.
    pub agents: BTreeSet<String>,
}

/// Written out rather than sent as a parameter: only so the databases see that the index of this one action serves.
fn is_issue() -> SimpleExpr {
    Expr::col(audit_events::Column::Action).eq(Expr::cust("'token.issue'"))
}

/// The same where something else tells more apart: put so that no index can serve for it.
fn is_issue_among_few() -> SimpleExpr {
    Expr::cust("action || '' = 'token.issue'")
}

/// `%text%`, with what the pattern would understand otherwise told apart.
fn holds(text: &str) -> SimpleExpr {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    Expr::col(audit_events::Column::Body).like(LikeExpr::new(pattern).escape('!'))
}

impl IssuedFilter {
    fn query(&self, tenant: &str) -> Select<audit_events::Entity> {
        use audit_events::Column as C;
        let mut wanted = Condition::all()
            .add(C::TenantId.eq(tenant))
            .add(if self.user.is_some() { is_issue_among_few() } else { is_issue() })
            .add(C::AtMs.gte(self.since_ms))
            .add_option(self.user.as_ref().map(|user| C::ActorId.eq(user.as_str())))
            .add_option(self.client.as_ref().map(|client| C::ClientId.eq(client.as_str())));
        for text in &self.holding {
            wanted = wanted.add(holds(text));
        }
        audit_events::Entity::find()
            .select_only()
            .columns([C::ActorId, C::ClientId, C::AgentId])
            .column_as(C::Id.count(), "tokens")
            .filter(wanted)
            .group_by(C::ActorId)
            .group_by(C::ClientId)
            .group_by(C::AgentId)
    }
}

impl Reader<'_> {
    /// What was issued, counted in one pass over the events of that time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn issued_tokens(&self, filter: &IssuedFilter) -> Result<IssuedTokens> {
        type Counted = (String, Option<String>, Option<String>, i64);
        let rows: Vec<Counted> = filter.query(self.tenant().as_str()).into_tuple().all(&self.db.executor()).await?;
        let mut found = IssuedTokens::default();
        for (person, client, agent, tokens) in rows {
            found.tokens += u64::try_from(tokens).unwrap_or_default();
            found.people.insert(person);
            found.clients.extend(client);
            found.agents.extend(agent);
        }
        Ok(found)
    }

    /// The event of issuing this token; none when no such token was ever issued, or its event is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn issue_of(&self, jti: &str) -> Result<Option<AuditEvent>> {
        let issued = Condition::all().add(audit_events::Column::Object.eq(jti)).add(is_issue());
        Ok(self.newest(issued, audit_events::Column::AtMs, &Page::first(1)).await?.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::TenantId;
    use migrations::{Migrator, MigratorTrait};
    use sea_orm::{ConnectionTrait, Database, DatabaseConnection, QueryTrait, Statement};

    async fn empty() -> DatabaseConnection {
        let mut options = sea_orm::ConnectOptions::new("sqlite::memory:");
        options.max_connections(1);
        let db = Database::connect(options).await.expect("connects");
        Migrator::up(&db, None).await.expect("migrates");
        db
    }

    async fn plan(db: &DatabaseConnection, filter: &IssuedFilter) -> String {
        let query = filter.query("acme").build(db.get_database_backend());
        let explain = Statement { sql: format!("explain query plan {}", query.sql), ..query };
        let rows = db.query_all_raw(explain).await.expect("a plan");
        rows.iter().map(|row| row.try_get::<String>("", "detail").expect("text")).collect::<Vec<_>>().join("; ")
    }

    #[tokio::test]
    async fn the_log_is_not_read_from_end_to_end() {
        let db = empty().await;
        let since = IssuedFilter { since_ms: 1, ..IssuedFilter::default() };
        let of_client = IssuedFilter { client: Some("cli_1".into()), ..since.clone() };
        let of_session = IssuedFilter { holding: vec![r#""sid":"ses_1""#.into()], ..since.clone() };
        for filter in [since.clone(), of_client, of_session] {
            let plan = plan(&db, &filter).await;
            let by_action = plan.contains("USING INDEX audit_events_action (tenant_id=? AND action=? AND at_ms>?)");
            let by_client = plan.contains("USING INDEX audit_events_client (tenant_id=? AND client_id=? AND at_ms>?)");
            assert!(by_action || by_client, "{filter:?}: {plan}");
        }
        let plan = plan(&db, &IssuedFilter { user: Some("usr_1".into()), ..since }).await;
        assert!(plan.contains("USING INDEX audit_events_actor (tenant_id=? AND actor_id=? AND at_ms>?)"), "{plan}");
    }

    fn event(id: &str, action: &str, at_ms: i64, actor: &str, agent: Option<&str>, details: &str) -> String {
        let agent = agent.map_or("null".to_owned(), |agent| format!("'{agent}'"));
        format!(
            "insert into audit_events (tenant_id, id, at_ms, action, actor_kind, actor_id, client_id, agent_id, object, outcome, salt, body)
             values ('acme', '{id}', {at_ms}, '{action}', 'user', '{actor}', 'cli_1', {agent}, 'tok_{id}', 'ok', '', '{details}')"
        )
    }

    #[tokio::test]
    async fn tokens_are_counted_by_what_they_are_of() {
        let db = empty().await;
        // Of a tenant that nobody made.
        db.execute_unprepared("pragma foreign_keys = off").await.expect("set");
        let rows = [
            event("1", "token.issue", 10, "usr_1", None, r#"{"sid":"ses_1"}"#),
            event("2", "token.issue", 11, "usr_1", Some("agt_1"), r#"{"sid":"ses_1"}"#),
            event("3", "token.issue", 12, "usr_2", None, r#"{"sid":"sesx1"}"#),
            event("4", "token.refuse", 13, "usr_2", None, r#"{"sid":"ses_1"}"#),
            event("5", "token.issue", 9, "usr_3", None, r#"{"sid":"ses_1"}"#),
        ];
        for row in rows {
            db.execute_unprepared(&row).await.expect("an event");
        }
        let tenant = TenantId::parse("acme").expect("a slug");
        let reader = Reader { tenant: &tenant, db: crate::scoped::Handle::Pool(&db) };
        let counted = async |filter: IssuedFilter| reader.issued_tokens(&filter).await.expect("counts");
        let since = IssuedFilter { since_ms: 10, ..IssuedFilter::default() };
        let all = counted(since.clone()).await;
        assert_eq!((all.tokens, all.people.len(), all.agents.len()), (3, 2, 1));
        // `_` stands for itself.
        let session = counted(IssuedFilter { holding: vec![r#""sid":"ses_1""#.into()], ..since.clone() }).await;
        assert_eq!((session.tokens, session.people), (2, BTreeSet::from(["usr_1".to_owned()])));
        assert_eq!(counted(IssuedFilter { user: Some("usr_2".into()), ..since }).await.tokens, 1);
        assert_eq!(reader.issue_of("tok_2").await.expect("reads").map(|event| event.id).as_deref(), Some("2"));
        assert_eq!(reader.issue_of("tok_4").await.expect("reads"), None, "it was not issued");
    }
}
