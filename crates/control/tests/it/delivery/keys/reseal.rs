//! Another master key: everything that lies in the database is sealed under it, of every tenant, or nothing is.

use super::*;
use control::config::{SetIdp, idp_secret};
use control::keys::RotateKeys;
use control::signin::{BeginSignIn, TakeSignIn};
use control::tenancy::CreateTenant;
use control::{Control, MasterKey};
use store::{AuditEvent, IdpConnection, SignIn};

const NEW: [u8; 32] = [9; 32];

async fn reseal(h: &Harness) -> Result<Vec<(String, u64, u64)>> {
    let done = h.control.reseal(&MasterKey::new(NEW)).await?;
    Ok(done.into_iter().map(|(tenant, resealed)| (tenant.to_string(), resealed.anew, resealed.already)).collect())
}

fn secret(version: i64) -> SetIdp {
    SetIdp {
        issuer: "https://idp.example".into(),
        client_id: "writ".into(),
        client_secret: Some("hush".into()),
        groups_claim: "groups".into(),
        version,
    }
}

fn begins() -> BeginSignIn {
    BeginSignIn { browser: "browser".into(), return_to: "/t/acme/home".into() }
}

/// Every sealed text of a tenant.
async fn sealed_texts(h: &Harness, tenant: &str) -> Vec<String> {
    let cx = h.cx_in(tenant, control::Actor::Host).await;
    let db = h.control.read(&cx);
    let keys = db.all::<store::Key>().await.expect("keys").into_iter().map(|key| key.sealed);
    let secrets = db.all::<IdpConnection>().await.expect("connections").into_iter().filter_map(|row| row.client_secret);
    let verifiers = db.all::<SignIn>().await.expect("sign-ins").into_iter().map(|row| row.verifier);
    keys.chain(secrets).chain(verifiers).filter(|sealed| !sealed.is_empty()).collect()
}

async fn events(h: &Harness, tenant: &str) -> Vec<AuditEvent> {
    let cx = h.cx_in(tenant, control::Actor::Host).await;
    let all = h.control.read(&cx).all::<AuditEvent>().await.expect("events");
    all.into_iter().filter(|event| event.action == "key.reseal").collect()
}

async fn opens_the_secret(control: &Control, h: &Harness) -> bool {
    let cx = h.host().await;
    let row = h.rows::<IdpConnection>().await.remove(0);
    idp_secret(&control.read(&cx), &control.parts().vault, &row).is_ok_and(|secret| secret.is_some_and(|secret| *secret == "hush"))
}

on_each_database! {
    async fn everything_of_every_tenant_is_sealed_anew_and_the_old_master_key_opens_nothing(h: Harness) {
        let mut h = h;
        configure(&h).await;
        publish(&h).await.expect("publishes");
        h.tenant("beta").await;
        h.control.run(&h.host().await, secret(0)).await.expect("set");
        let late = h.control.keep(&h.acme(), begins()).await.expect("begins");
        h.advance_s(599);
        let begun = h.control.keep(&h.acme(), begins()).await.expect("begins");
        h.advance_s(1);
        let before = (sealed_texts(&h, "acme").await, sealed_texts(&h, "beta").await);
        let (acme, beta) = (u64::try_from(before.0.len() - 1).expect("few"), u64::try_from(before.1.len()).expect("few"));
        assert!(acme == beta + 2 && beta > 6, "{acme} {beta}");

        let resealed = reseal(&h).await.expect("sealed anew");
        assert_eq!(resealed, [("acme".to_owned(), acme, 0), ("beta".to_owned(), beta, 0)], "all but the sign-in that is over");
        let after = (sealed_texts(&h, "acme").await, sealed_texts(&h, "beta").await);
        assert!(after.0.iter().chain(&after.1).all(|text| !before.0.contains(text) && !before.1.contains(text)));
        for tenant in ["acme", "beta"] {
            let [event] = &events(&h, tenant).await[..] else { panic!("one event for {tenant}") };
            assert_eq!((event.actor_kind.as_str(), event.outcome.as_str()), ("host", "ok"));
        }

        // The old one opens nothing and seals nothing any more, so that nothing is lost with it.
        assert!(!h.control.opens_what_is_sealed().await.expect("asked"));
        assert!(!opens_the_secret(&h.control, &h).await);
        assert_eq!(code(h.control.run(&h.host().await, secret(1)).await), "another_master_key");
        assert_eq!(code(h.control.keep(&h.acme(), begins()).await.map(drop)), "another_master_key");
        assert!(h.control.run(&ada(&h).await, RotateKeys { roles: vec![Role::Timestamp], elsewhere: None, service: None, replaces: None, compromised: false }).await.is_err());
        assert!(publish(&h).await.is_err());

        // With the new one everything goes on: signing, new keys, who is at the provider just now, another tenant.
        let new = h.under(NEW, 2).await;
        let old = std::mem::replace(&mut h.control, new);
        assert!(h.control.opens_what_is_sealed().await.expect("asked") && opens_the_secret(&h.control, &h).await);
        let take = |state: &str| TakeSignIn { state: state.to_owned(), browser: "browser".into() };
        let taken = h.control.keep(&h.acme(), take(&begun.state)).await.expect("answers").expect("theirs");
        assert_eq!(*taken.1, begun.verifier);
        assert!(h.control.keep(&h.acme(), take(&late.state)).await.expect("answers").is_none());
        h.control.run(&ada(&h).await, SetRole("sre", &["logs.read"])).await.expect("edited");
        assert_eq!(publish(&h).await.expect("publishes"), 2);
        let rotated = RotateKeys { roles: vec![Role::Root, Role::Timestamp, Role::Snapshot], elsewhere: None, service: None, replaces: None, compromised: false };
        h.control.run(&ada(&h).await, rotated).await.expect("rotates");
        h.control.create_tenant("gamma", CreateTenant { name: "Gamma".to_owned() }).await.expect("made");

        // Again, with the same two: an answer got lost, say.
        h.control = old;
        let again = reseal(&h).await.expect("nothing to do");
        assert!(again.iter().all(|(_, anew, already)| *anew == 0 && *already > 0), "{again:?}");
        assert_eq!(events(&h, "acme").await.len(), 1);
        assert_eq!(code(h.control.reseal(&MasterKey::new([7; 32])).await.map(drop)), "same_master_key");
    }

    async fn while_something_does_not_open_nothing_is_sealed_anew(h: Harness) {
        h.tenant("beta").await;
        h.control.run(&h.host().await, secret(0)).await.expect("set");
        let before = sealed_texts(&h, "acme").await;
        let cx = h.cx_in("beta", control::Actor::Host).await;
        let keys = h.control.read(&cx).all::<store::Key>().await.expect("keys");
        let key = keys.into_iter().find(|key| key.purpose == "token").expect("a token key");
        // Damage, or a row of another installation: in the tenant that comes last, so that the others were done when it is found.
        for sealed in [before[0].clone(), "AAAA".to_owned(), "not base64".to_owned()] {
            h.plant_in("beta", store::Key { sealed, ..key.clone() }).await;
            let refused = h.control.reseal(&MasterKey::new(NEW)).await.map(drop).expect_err("refused").to_string();
            for said in ["token key", key.id.as_str(), "of tenant beta", "nothing was changed"] {
                assert!(refused.contains(said), "{said}: {refused}");
            }
            assert_eq!(sealed_texts(&h, "acme").await, before);
        }
        assert!(events(&h, "acme").await.is_empty());
        h.plant_in("beta", key).await;
        assert_eq!(reseal(&h).await.expect("sealed anew").len(), 2);
    }
}
