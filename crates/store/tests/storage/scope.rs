//! A row of one tenant is invisible and unchangeable from another, for every table.

use crate::schema::{columns, tables};
use crate::support::*;
use sea_orm::{ConnectionTrait, EntityName};
use std::collections::BTreeSet;
use store::Row;

work!(Put<R> { row: R } -> (), |this, db| db.put(this.row.clone()).await);
work!(Update<R> { row: R } -> bool, |this, db| db.update(this.row.clone()).await);
work!(Delete<R> { id: String, of: std::marker::PhantomData<fn() -> R> } -> bool, |this, db| db.delete::<R>(&this.id).await);

fn delete<R>() -> Delete<R> {
    Delete { id: "x".to_owned(), of: std::marker::PhantomData }
}

/// Writes a row with the id `x` for `acme`, past the store: every table, whatever its columns.
async fn write(db: &Db, table: &str) {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for column in columns(db, table).await {
        values.push(match column.name.as_str() {
            "tenant_id" => "'acme'",
            // Rows refer to each other by `x`.
            "id" | "server_id" => "'x'",
            // No JSON column refuses an empty list, and it is as good a text as any.
            _ if column.is_number => "1",
            _ => "'[]'",
        });
        names.push(column.name);
    }
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let sql = format!("insert into {table} ({}) values ({})", names.join(", "), values.join(", "));
    db.raw.execute_unprepared(&sql).await.expect("a row");
}

async fn is_scoped<R: Row + Clone + PartialEq + std::fmt::Debug + 'static>(db: &Db, tested: &mut BTreeSet<String>) {
    let table = R::Entity::default().table_name().to_owned();
    let row = db.get::<R>("acme", "x").await.unwrap_or_else(|| panic!("{table}: written and read"));
    assert_eq!(db.get::<R>("beta", "x").await, None, "{table}: get");
    assert_eq!(db.all::<R>("beta").await, [], "{table}: all");
    assert_eq!(db.all::<R>("acme").await, std::slice::from_ref(&row), "{table}: all of its own");
    assert!(!db.run("beta", Update { row: row.clone() }).await.expect("runs"), "{table}: update");
    assert!(!db.run("beta", delete::<R>()).await.expect("runs"), "{table}: delete");
    assert_eq!(db.get::<R>("acme", "x").await.as_ref(), Some(&row), "{table}: unchanged");
    // The same id is another row there, and goes alone.
    if db.run("beta", Put { row: row.clone() }).await.is_ok() {
        assert!(db.run("beta", delete::<R>()).await.expect("runs"), "{table}: its own");
        assert_eq!(db.get::<R>("acme", "x").await.as_ref(), Some(&row), "{table}: left alone");
    } else {
        assert_eq!(table, "tools", "only a tool refers to a row that the other tenant lacks");
    }
    tested.insert(table);
}

macro_rules! each {
    ($db:ident, $tested:ident, $($Row:ident)*) => { $(is_scoped::<store::$Row>(&$db, &mut $tested).await;)* };
}

on_each_database! {
    async fn no_row_is_seen_or_changed_from_another_tenant(db: Db) {
        let mut all = tables(&db).await;
        // A tool refers to its server.
        all.sort_by_key(|table| table == "tools");
        for table in &all {
            write(&db, table).await;
        }
        let mut tested = BTreeSet::new();
        each!(db, tested,
            Key IdpConnection User AdminBinding SignInLink SignIn Session
            Role Scope GroupRole Server Tool Class Client Agent CallLimit
            Authorization Consent Code RefreshToken UsedAssertion Lease
            Bundle Candidate TufFile TufState Enrolment Gateway Receipt
            OpaClient OpaToken OpaArchive OpaDecision
            Ring Rollout RolloutRule Pin
            Request Vote Grant Revocation
            AuditEvent AuditLeaf AuditTile Checkpoint
        );
        assert_eq!(tested, all.into_iter().collect(), "a table is missing from this test");
    }
}
