//! The key of the audit log.

use super::*;
use ::evidence::Cosigner;
use ::evidence::witness::{Head, consider};
use control::delivery::Witnessed;
use control::evidence::{self, AuditFilter, Page, Proof, Verifier, place_all, verify_export};
use control::keys::{Carried, OtherState, RotateAuditLog, settle_keys};

async fn rotate(h: &Harness, compromised: bool) -> Result<control::keys::KeyRotation> {
    h.control.run(&ada(h).await, RotateAuditLog { compromised }).await
}

async fn exported(h: &Harness, filter: &AuditFilter) -> Vec<u8> {
    let mut bytes = Vec::new();
    evidence::export(&h.control, &ada(h).await, filter, &mut bytes).await.expect("exports");
    bytes
}

async fn verifier(h: &Harness) -> Verifier {
    Verifier::parse(&evidence::log_key(&h.control, &ada(h).await).await.expect("a key")).expect("a verifier key")
}

async fn note(h: &Harness) -> String {
    place_all(&h.control, &h.acme()).await.expect("placed");
    h.rows::<store::Checkpoint>().await.into_iter().max_by_key(|row| row.size).expect("a checkpoint").note
}

/// Whether this key signed the note.
fn is_signed(note: &str, key: &Verifier) -> bool {
    key.open_note(note).is_ok()
}

/// What a gateway that runs this policy and holds this head of the log is shown next.
async fn shown(h: &Harness, gw: &Gw, policy: u64, held: Option<&Head>) -> evidence::Shown {
    let key = Cosigner::generate(&format!("writ/acme/{}", gw.id)).expect("randomness").key().to_string();
    let witnessed = Witnessed { key, size: held.map_or(0, |held| held.size), cosignature: None };
    let ack = Ack { witnessed: Some(witnessed), policy_version: Some(policy), timestamp: 1, ..Ack::default() };
    delivery::acknowledge(&h.control, &gw.cx(h).await, ack).await.expect("taken").expect("a checkpoint")
}

on_each_database! {
    async fn no_witness_is_shown_what_its_policy_cannot_verify(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let (quick, slow) = (enrol(&h, "gw-1").await, enrol(&h, "gw-2").await);
        let first = verifier(&h).await;
        note(&h).await;
        let before = shown(&h, &quick, 1, None).await;
        let held = consider(None, &before.checkpoint, &first, &before.proof).expect("signed");
        h.advance_ms(10);
        let rotated = rotate(&h, false).await.expect("rotates");
        assert_eq!(rotated.carried, Carried::Live(2));
        let second = verifier(&h).await;
        // Nothing was placed in the log since, and a round lasts eight seconds: who runs the new policy still verifies what it is shown.
        for (gw, policy, log) in [(&slow, 1, &first), (&quick, 2, &second), (&slow, 1, &first), (&slow, 2, &second)] {
            let shown = shown(&h, gw, policy, Some(&held)).await;
            let head = consider(Some(&held), &shown.checkpoint, log, &shown.proof).expect("signed by the key that its policy names");
            assert_eq!(head, held);
        }
        // A policy that there is not changes nothing for the others.
        shown(&h, &slow, u64::MAX, Some(&held)).await;
        h.advance_ms(10);
        assert_eq!(rotate(&h, true).await.expect("rotates").carried, Carried::Live(3));
        let third = verifier(&h).await;
        let after = shown(&h, &quick, 3, Some(&held)).await;
        assert_eq!(consider(Some(&held), &after.checkpoint, &third, &after.proof), Ok(held.clone()));
        assert!(!is_signed(&after.checkpoint, &first) && !is_signed(&after.checkpoint, &second), "stolen keys sign nothing");
        // What is placed later extends it.
        note(&h).await;
        h.advance_s(9);
        let later = shown(&h, &slow, 3, Some(&held)).await;
        assert!(consider(Some(&held), &later.checkpoint, &third, &later.proof).expect("an extension").size > held.size);
    }

    async fn the_log_is_handed_over_and_old_pins_hold(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        gw.ack(&h, &before).await;
        let first = verifier(&h).await;
        note(&h).await;
        h.advance_ms(10);
        let done = rotate(&h, false).await.expect("rotates");
        assert_eq!(done.carried, Carried::Live(2));
        let second = verifier(&h).await;
        assert!(second != first && second.to_string() == done.key);
        // Until the gateway knows the new key, both sign; a second change has to wait so long.
        let both = note(&h).await;
        assert!(is_signed(&both, &first) && is_signed(&both, &second));
        assert_eq!(code(rotate(&h, false).await), "rotation_under_way");
        assert_eq!(listed(&h).await.audit_log[1].state, OtherState::SignsAlong(vec!["gw-1".to_owned()]));
        assert!(!settle_keys(&h.control, &h.acme()).await.expect("upkeep"));
        let after = gw.follow(&h, &before.trusted).await;
        let policy: PolicySet = serde_json::from_str(after.policy.text()).expect("a policy");
        assert_eq!(policy.audit_log, done.key);
        gw.ack(&h, &after).await;
        assert!(settle_keys(&h.control, &h.acme()).await.expect("upkeep"));
        h.plant(store::Scope { id: "more".into(), sentence: String::new(), risk: "low".into(), max_auth_age: None, acr: None, version: 1 }).await;
        let alone = note(&h).await;
        assert!(!is_signed(&alone, &first) && is_signed(&alone, &second));
        assert_eq!(sealed(&h).await["audit-log"], 1);
        // An export verifies under either key, whole or in part; events of before are proven in the console.
        for filter in [AuditFilter::default(), AuditFilter { action: Some("bundle.".to_owned()), ..AuditFilter::default() }] {
            let bytes = exported(&h, &filter).await;
            assert_eq!(verify_export(bytes.as_slice(), Some(&second)).expect("whole").handovers, 0);
            let verified = verify_export(bytes.as_slice(), Some(&first)).expect("whole");
            assert_eq!((verified.handovers, verified.key_was_pinned), (1, true));
        }
        let list = evidence::audit(&h.control, &ada(&h).await, &AuditFilter::default(), &Page::first(100)).await.expect("listed");
        for event in &list.events {
            let proof = evidence::event(&h.control, &ada(&h).await, &event.id).await.expect("shown").proof;
            assert!(matches!(proof, Proof::Proven { .. } | Proof::Waiting), "{proof:?}");
        }
    }

    async fn handovers_over_many_tiles_hold(h: Harness) {
        let first = verifier(&h).await;
        for round in 0..4 {
            for n in 0..170 {
                h.plant(store::Scope { id: format!("s{round}.{n}"), sentence: String::new(), risk: "low".into(), max_auth_age: None, acr: None, version: 1 }).await;
            }
            place_all(&h.control, &h.acme()).await.expect("placed");
            h.advance_ms(10);
            assert_eq!(rotate(&h, false).await.expect("rotates").carried, Carried::Unneeded);
            assert!(settle_keys(&h.control, &h.acme()).await.expect("upkeep"), "nobody has to know it first");
        }
        let verified = verify_export(exported(&h, &AuditFilter::default()).await.as_slice(), Some(&first)).expect("whole");
        assert_eq!(verified.handovers, 4);
        assert!(verified.checkpoint.size > 680, "more than two tiles");
    }

    async fn a_stolen_key_hands_nothing_over(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let first = verifier(&h).await;
        note(&h).await;
        h.advance_ms(10);
        rotate(&h, true).await.expect("rotates");
        let second = verifier(&h).await;
        assert!(!is_signed(&note(&h).await, &first));
        assert_eq!(sealed(&h).await["audit-log"], 1);
        let bytes = exported(&h, &AuditFilter::default()).await;
        assert_eq!(verify_export(bytes.as_slice(), Some(&first)).expect_err("nothing leads there").kind.code(), "foreign");
        assert!(verify_export(bytes.as_slice(), Some(&second)).is_ok());
        // From here on it is handed over again.
        h.advance_ms(10);
        rotate(&h, false).await.expect("rotates");
        let bytes = exported(&h, &AuditFilter::default()).await;
        assert_eq!(verify_export(bytes.as_slice(), Some(&second)).expect("whole").handovers, 1);
        assert!(verify_export(bytes.as_slice(), Some(&first)).is_err());
    }
}
