//! Units: whole or not at all, many at once, and none in another's way.

use crate::support::*;
use futures::future::join_all;
use std::collections::BTreeSet;
use store::{Json, Role, StoreError};

fn role(id: String) -> Role {
    Role { id, scopes: Json(BTreeSet::new()), version: 1, updated_ms: 0, updated_by: "somebody".into() }
}

work!(Add { id: String } -> (), |this, db| db.insert(role(this.id.clone())).await);
work!(AddThenFail { id: String } -> (), |this, db| {
    db.insert(role(this.id.clone())).await?;
    Err(StoreError::Stopped)
});
work!(NextSeq {} -> i64, |_this, db| db.next_revocation_seq().await);
work!(TakeOnce {} -> bool, |_this, db| {
    // Reads, then writes what it read of: the shape of every use case.
    let free = db.all::<Role>().await?.is_empty();
    if free {
        db.insert(role("taken".into())).await?;
    }
    Ok(free)
});

on_each_database! {
    async fn a_failing_unit_leaves_the_others(db: Db) {
        let units = (0..100).map(|n| {
            let (db, id) = (&db, format!("r{n:03}"));
            async move {
                match n % 5 {
                    0 => db.run("acme", AddThenFail { id }).await.is_ok(),
                    // Violates the key of its neighbour, or the other way round.
                    1 => db.run("acme", Add { id: format!("r{:03}", n + 1) }).await.is_ok(),
                    _ => db.run("acme", Add { id }).await.is_ok(),
                }
            }
        });
        let outcomes = join_all(units).await;
        let done = outcomes.iter().filter(|done| **done).count();
        // Of a hundred, twenty fail by themselves and of each pair that wants the same id one.
        assert_eq!(done, 60);
        let ids: Vec<String> = db.all::<Role>("acme").await.into_iter().map(|row| row.id).collect();
        let wanted: Vec<String> = (0..100).filter(|n| n % 5 >= 2).map(|n| format!("r{n:03}")).collect();
        assert_eq!(ids, wanted);
    }

    async fn a_sequence_has_no_gaps_and_no_repeats(db: Db) {
        let mut got: Vec<i64> = join_all((0..8).map(|_| db.run("acme", NextSeq {}))).await.into_iter().map(|seq| seq.expect("a sequence")).collect();
        got.sort_unstable();
        assert_eq!(got, (1..=8).collect::<Vec<_>>());
        assert_eq!(db.run("beta", NextSeq {}).await.expect("its own"), 1);
    }

    async fn what_a_unit_read_still_holds_when_it_commits(db: Db) {
        let taken = join_all((0..8).map(|_| db.run("acme", TakeOnce {}))).await;
        let taken = taken.into_iter().map(|taken| taken.expect("runs")).filter(|taken| *taken).count();
        assert_eq!(taken, 1);
    }

    async fn a_violated_constraint_says_so(db: Db) {
        db.run("acme", Add { id: "one".into() }).await.expect("added");
        assert!(matches!(db.run("acme", Add { id: "one".into() }).await, Err(StoreError::Constraint(_))));
        db.run("beta", Add { id: "one".into() }).await.expect("another tenant's");
        assert!(matches!(db.run("none", Add { id: "one".into() }).await, Err(StoreError::Constraint(_))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_that_was_queued_runs_though_nobody_waits() {
    let db = Db::sqlite().await;
    {
        let mut forgotten = Box::pin(db.run("acme", Add { id: "forgotten".into() }));
        // Once is enough to queue it.
        let _ = futures::poll!(&mut forgotten);
    }
    // The queue is in order, so this one comes after.
    db.run("acme", Add { id: "later".into() }).await.expect("added");
    assert!(db.get::<Role>("acme", "forgotten").await.is_some());
}
