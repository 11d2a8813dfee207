//! Several control planes over one database.

use crate::support::*;
use control::{Control, TenantId};
use std::time::Duration;

async fn does(control: &Control, tenant: &TenantId) -> bool {
    control.does_upkeep(tenant).await.expect("the database answers")
}

on_each_database! {
    async fn one_of_two_does_the_upkeep_and_the_other_takes_over_when_it_dies(h: Harness) {
        let (one, other, acme) = (&h.control, h.another(7).await, h.acme());
        assert!(does(one, &acme).await);
        if one.backend() == store::Backend::Sqlite {
            return;
        }
        assert!(!does(&other, &acme).await);
        // Whoever renews keeps it.
        for _ in 0..5 {
            h.advance_s(6);
            assert!(does(one, &acme).await);
            assert!(!does(&other, &acme).await);
        }
        // It dies; after a term the other takes over, and keeps it when the first comes back.
        h.advance_s(11);
        assert!(does(&other, &acme).await);
        assert!(!does(one, &acme).await);
        // A clock that was far ahead leaves no lease for a year behind.
        h.advance_s(-3600);
        assert!(does(one, &acme).await || does(&other, &acme).await);
    }
}

/// What one replica changes wakes those who watch at the other, by PostgreSQL's own notice.
#[tokio::test]
async fn a_change_is_heard_at_the_other_replica() {
    let Some(h) = Harness::postgres("a_change_is_heard_at_the_other_replica").await else { return };
    let (other, acme) = (h.another(7).await, h.acme());
    let mut news = other.signals().watch(&acme);
    let hearing = {
        let other = other.clone();
        tokio::spawn(async move { other.hear_replicas().await })
    };
    // The listener may not be there yet: changes are made until one is heard.
    let heard = async {
        loop {
            h.control.run(&h.host().await, Touch).await.expect("changes something");
            if tokio::time::timeout(Duration::from_millis(200), news.changed()).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), heard).await.expect("nothing was heard in half a minute");
    hearing.abort();
}

/// Something that gateways should hear of.
struct Touch;

impl control::UseCase for Touch {
    type Out = ();
    const NEEDS: control::Permission = control::Permission::WriteFleet;

    async fn run(&self, _: &control::Scene<'_>) -> control::Result<control::Done<()>> {
        Ok(control::Done::new((), control::Event::new("test.touch")).wake())
    }
}
