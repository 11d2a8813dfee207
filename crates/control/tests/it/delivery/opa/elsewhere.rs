//! Bundles whose policy key lies elsewhere: signed in the same sitting as the list of policies.

use super::super::keys::{bring, countersigned, exported, key, policy_key_elsewhere, propose, signed, submit};
use super::*;
use bundle::ceremony::SignatureFile;
use bundle::{Key, Role};
use control::delivery::{Progress, WithdrawCandidate, offer_renewal};
use control::keys::KeyChange;

/// The version of the bundle that an OPA is served, which verifies under the configuration that is printed for it now.
async fn runs(h: &Harness, opa: &str) -> u64 {
    let (offer, bytes) = served(h, opa, Lane::Policy).await.expect("served");
    let (config, name) = (config(h, opa).await, Lane::Policy.bundle_name());
    let loaded = load(&bytes, config.verification(name).as_ref(), true, SIZE_LIMIT).expect("verifies");
    assert_eq!(loaded.manifest.revision, offer.revision);
    loaded.manifest.metadata["version"].as_u64().expect("a number")
}

async fn edit(h: &Harness, scopes: &'static [&'static str]) {
    h.control.run(&ada(h).await, SetRole("sre", scopes)).await.expect("edited");
}

async fn asks(h: &Harness) -> Vec<u64> {
    exported(h).await.for_opas.map(|asked| asked.policies.into_keys().collect()).unwrap_or_default()
}

/// A tenant with an OPA whose policy 1 was signed here, before its policy key moved away.
async fn moved(h: &Harness) -> (OpaEnrolled, Key) {
    configure(h).await;
    publish(h).await.expect("published");
    let opa = enrol_opa(h, "opa-1").await;
    h.advance_s(1);
    let policy = policy_key_elsewhere(h).await;
    (opa, policy)
}

async fn renewal(h: &Harness) -> bool {
    offer_renewal(&h.control, &h.acme()).await.expect("asked")
}

on_each_database! {
    async fn what_opas_lack_is_asked_for_and_signed_along_with_the_list(h: Harness) {
        let (opa, policy) = moved(&h).await;
        // What the key that moved away had signed is asked for by itself, once.
        assert!(renewal(&h).await && !renewal(&h).await);
        assert_eq!(asks(&h).await, [1]);
        let shown = delivery::candidate(&h.control, &ada(&h).await).await.expect("answers").expect("awaits");
        let sentence = format!("Key {} also signs the bundle for OPAs of policy 1", policy.public().id());
        assert!(shown.changes.contains(&sentence), "{:?}", shown.changes);
        let file = countersigned(&h, &policy).await;
        assert_eq!(bring(&h, &file).await.expect("complete"), Progress::Live);
        assert_eq!(runs(&h, &opa.id).await, 1);
        assert!(!renewal(&h).await, "nothing is lacking");

        // A publish, too; and nothing of it is served before it is signed.
        h.advance_s(1);
        edit(&h, &["logs.read"]).await;
        publish(&h).await.expect("asked for");
        assert_eq!((asks(&h).await, runs(&h, &opa.id).await), (vec![2], 1));
        let file = countersigned(&h, &policy).await;
        h.advance_s(3600);
        assert_eq!(bring(&h, &file).await.expect("complete"), Progress::Live);
        assert_eq!(runs(&h, &opa.id).await, 2);
        let row = h.row::<store::OpaArchive>("policy/2").await.expect("there");
        let list = control::keys::keys(&h.control, &ada(&h).await).await.expect("listed");
        let ends = list.roles.iter().find(|role| role.role == Role::Targets).and_then(|role| role.until.end());
        assert_eq!(Some(row.expires_ms / 1000), ends, "it ends with the list that it was signed with");
        let events = h.rows::<store::AuditEvent>().await;
        let last = events.iter().rfind(|event| event.action == "candidate.sign").expect("an event");
        let body: Value = serde_json::from_str(&last.body).expect("JSON");
        assert_eq!(body["details"]["bundles_for_opas"], json!([2]));
    }

    async fn a_tenant_without_opas_has_its_bundles_signed_for_the_day_when_one_comes(h: Harness) {
        configure(&h).await;
        let policy = policy_key_elsewhere(&h).await;
        publish(&h).await.expect("asked for");
        bring(&h, &countersigned(&h, &policy).await).await.expect("complete");
        assert!(!renewal(&h).await);
        let opa = enrol_opa(&h, "opa-1").await;
        assert_eq!(runs(&h, &opa.id).await, 1);
    }

    async fn signatures_for_opas_are_exactly_those_that_were_asked_for(h: Harness) {
        let (opa, policy) = moved(&h).await;
        edit(&h, &["logs.read"]).await;
        publish(&h).await.expect("asked for");
        assert_eq!(asks(&h).await, [1, 2]);
        let good = countersigned(&h, &policy).await;
        let other = |change: &dyn Fn(&mut SignatureFile)| { let mut file = good.clone(); change(&mut file); file };
        let before = h.rows::<store::Candidate>().await;
        for bad in [
            other(&|file| file.for_opas.clear()),
            other(&|file| drop(file.for_opas.remove(&1))),
            other(&|file| drop(file.for_opas.insert(3, good.for_opas[&2].clone()))),
            // A right signature over another bundle.
            other(&|file| drop(file.for_opas.insert(1, good.for_opas[&2].clone()))),
            other(&|file| drop(file.for_opas.insert(2, good.sig.clone()))),
            other(&|file| drop(file.for_opas.insert(2, "no hex".to_owned()))),
        ] {
            assert_eq!(code(bring(&h, &bad).await), "wrong_for_opas");
        }
        assert_eq!(h.rows::<store::Candidate>().await, before);
        assert_eq!(bring(&h, &good).await.expect("complete"), Progress::Live);
        assert_eq!(runs(&h, &opa.id).await, 2);
        assert_eq!(h.rows::<store::OpaArchive>().await.iter().filter(|row| row.key_id == policy.public().id()).count(), 2);
    }

    async fn of_several_keys_the_pinned_one_signs_for_opas_whoever_else_signs_the_list(h: Harness) {
        let (opa, one) = moved(&h).await;
        bring(&h, &{ renewal(&h).await; countersigned(&h, &one).await }).await.expect("complete");
        h.advance_s(1);
        let two = key();
        let changes =
            vec![KeyChange::Add { role: Role::Targets, key: two.public().clone() }, KeyChange::Threshold { role: Role::Targets, threshold: 2 }];
        let proposal = propose(&h, changes).await.expect("written down");
        submit(&h, vec![signed(&proposal, &[&one]), signed(&proposal, &[&two])]).await.expect("taken");
        // OPAs pin the newest.
        edit(&h, &["logs.read"]).await;
        publish(&h).await.expect("asked for");
        assert_eq!(exported(&h).await.for_opas.map(|asked| asked.keyid).as_deref(), Some(two.public().id()));
        let (first, second) = (countersigned(&h, &two).await, countersigned(&h, &one).await);
        assert!(!first.for_opas.is_empty() && second.for_opas.is_empty());
        let uncalled = SignatureFile { for_opas: first.for_opas.clone(), ..second.clone() };
        assert_eq!(code(bring(&h, &uncalled).await), "wrong_for_opas");
        // Its signatures wait with the candidate for those of the others.
        assert_eq!(bring(&h, &first).await.expect("one of two"), Progress::Awaits(1));
        assert_eq!(bring(&h, &second).await.expect("two of two"), Progress::Live);
        assert_eq!(runs(&h, &opa.id).await, 2);

        // Where enough others sign, the list is live without it: OPAs stay with what they have, and nobody is asked for ever.
        let three = key();
        let proposal = propose(&h, vec![KeyChange::Add { role: Role::Targets, key: three.public().clone() }]).await.expect("written down");
        submit(&h, vec![signed(&proposal, &[])]).await.expect("taken");
        h.advance_s(1);
        edit(&h, &[]).await;
        publish(&h).await.expect("asked for");
        for signer in [&one, &two] {
            bring(&h, &countersigned(&h, signer).await).await.expect("taken");
        }
        assert!(!renewal(&h).await);
        assert_eq!(served(&h, &opa.id, Lane::Policy).await.expect("served").0.id, "policy/2");
        // The next sitting with that key catches up on all of it.
        h.advance_s(1);
        edit(&h, &["logs.read"]).await;
        publish(&h).await.expect("asked for");
        for signer in [&three, &one] {
            bring(&h, &countersigned(&h, signer).await).await.expect("taken");
        }
        assert_eq!(runs(&h, &opa.id).await, 4);
    }

    async fn what_was_withdrawn_is_not_asked_for_again_by_itself(h: Harness) {
        let (opa, policy) = moved(&h).await;
        assert!(renewal(&h).await);
        let number = exported(&h).await.number;
        h.control.run(&ada(&h).await, WithdrawCandidate { number }).await.expect("withdrawn");
        assert!(!renewal(&h).await);
        edit(&h, &["logs.read"]).await;
        publish(&h).await.expect("asked for");
        bring(&h, &countersigned(&h, &policy).await).await.expect("complete");
        assert_eq!(runs(&h, &opa.id).await, 2);
    }

    async fn a_name_that_no_bundle_can_carry_is_mended_before_anybody_is_asked_to_sign(h: Harness) {
        configure(&h).await;
        policy_key_elsewhere(&h).await;
        h.plant(store::Scope {
            id: "odd".to_owned(), sentence: "Odd".to_owned(), risk: "low".to_owned(), max_auth_age: None, acr: Some("m\u{8}fa".to_owned()), version: 1,
        }).await;
        assert_eq!(code(publish(&h).await), "opa_name");
        assert!(h.rows::<store::Candidate>().await.is_empty());
    }
}
