//! The audit log: order, proofs, exports.

use crate::support::*;
use crate::world::*;
use control::evidence::{self, AuditFilter, Page, PlaceEvents, Proof, Verifier, place_all, verify_export};
use control::{AdminRole, Error};
use store::{AuditEvent, AuditLeaf, Checkpoint};

async fn auditor(h: &Harness) -> control::Ctx {
    h.person("usr_olga", &[AdminRole::Auditor]).await
}

async fn exported(h: &Harness, filter: &AuditFilter) -> Vec<u8> {
    let mut bytes = Vec::new();
    evidence::export(&h.control, &auditor(h).await, filter, &mut bytes).await.expect("exported");
    bytes
}

async fn key(h: &Harness) -> Verifier {
    Verifier::parse(&evidence::log_key(&h.control, &auditor(h).await).await.expect("a key")).expect("in note form")
}

/// Positions are dense, leaves stand behind each, and the newest checkpoint covers them all.
async fn is_dense(h: &Harness) -> i64 {
    let mut positions: Vec<i64> = h.rows::<AuditEvent>().await.into_iter().filter_map(|event| event.position).collect();
    positions.sort_unstable();
    let size = i64::try_from(positions.len()).expect("few");
    assert_eq!(positions, (0..size).collect::<Vec<_>>());
    let mut leaves: Vec<i64> = h.rows::<AuditLeaf>().await.into_iter().map(|leaf| leaf.position).collect();
    leaves.sort_unstable();
    assert_eq!(leaves, positions);
    assert_eq!(h.rows::<Checkpoint>().await.into_iter().map(|row| row.size).max(), Some(size));
    size
}

on_each_database! {
    async fn an_exported_story_verifies(h: Harness) {
        plant(&h).await;
        let (request, grant) = granted(&h).await;
        // The grant finds the story of its request.
        let filter = AuditFilter { object: Some(grant.clone()), ..AuditFilter::default() };
        let bytes = exported(&h, &filter).await;
        let verified = verify_export(bytes.as_slice(), Some(&key(&h).await)).expect("whole");
        assert_eq!((verified.count, verified.header.complete, verified.header.filter), (3, false, format!("object={grant}")));
        let list = evidence::audit(&h.control, &auditor(&h).await, &AuditFilter { object: Some(request), ..filter }, &Page::first(50)).await.expect("listed");
        let mut actions: Vec<&str> = list.events.iter().map(|event| event.action.as_str()).collect();
        assert_eq!(actions[2], "request.create");
        actions.sort_unstable();
        assert_eq!(actions, ["grant.create", "request.approve", "request.create"]);
        assert_eq!(list.events[0].actor.who.name, "sam");
        assert_eq!(list.events[2].client.as_ref().expect("a client").name, "IDE");
        let everything = exported(&h, &AuditFilter::default()).await;
        let verified = verify_export(everything.as_slice(), Some(&key(&h).await)).expect("whole");
        assert!(verified.header.complete);
        assert_eq!(verified.count, verified.checkpoint.size);
        assert!(String::from_utf8(everything).expect("text").contains("audit.export"), "the export is in the log that it exports");
    }

    async fn an_altered_export_says_where(h: Harness) {
        plant(&h).await;
        granted(&h).await;
        let bytes = exported(&h, &AuditFilter::default()).await;
        let at = String::from_utf8(bytes.clone()).expect("text").find("incident 42").expect("the reason is in it");
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        let mut altered = bytes;
        altered[at] ^= 1;
        let finding = verify_export(altered.as_slice(), Some(&key(&h).await)).expect_err("altered");
        assert_eq!((finding.line, finding.kind.code()), (line, "edited"));
    }

    async fn what_is_altered_in_the_database_is_found(h: Harness) {
        plant(&h).await;
        let (request, _) = granted(&h).await;
        place_all(&h.control, &h.acme()).await.expect("placed");
        let mut event = h.rows::<AuditEvent>().await.into_iter().find(|event| event.action == "request.create" && event.object.as_ref() == Some(&request)).expect("an event");
        let cx = auditor(&h).await;
        let proof = async |id: &str| evidence::event(&h.control, &cx, id).await.expect("shown").proof;
        let index = event.position.expect("placed");
        assert!(matches!(proof(&event.id).await, Proof::Proven { index: at, .. } if at == index));
        event.body = event.body.replace("incident 42", "incident 43");
        h.plant(event.clone()).await;
        assert_eq!(proof(&event.id).await, Proof::Broken { index });
        let bytes = exported(&h, &AuditFilter::default()).await;
        assert_eq!(verify_export(bytes.as_slice(), None).expect_err("altered").kind.code(), "edited");
        // Altering the leaf along with it does not help: the checkpoint is signed.
        let salt = ::evidence::Salt::from_hex(&event.salt).expect("a salt");
        let hash = ::evidence::leaf_hash(&salt, event.body.as_bytes()).to_string();
        h.plant(AuditLeaf { id: index.to_string(), position: index, hash }).await;
        assert_eq!(proof(&event.id).await, Proof::Broken { index });
    }

    async fn concurrent_events_and_sequencers_keep_it_dense(h: Harness) {
        plant(&h).await;
        let replica = h.another(2).await;
        let before = is_dense_after(&h).await;
        let mut tasks = Vec::new();
        for n in 0..24_i64 {
            let (control, tenant) = (if n % 2 == 0 { h.control.clone() } else { replica.clone() }, h.acme());
            let cx = h.person("usr_dev", &[]).await;
            tasks.push(tokio::spawn(async move {
                let mut ask = ask();
                ask.duration_s += n;
                // Only one of them is not a duplicate; every refusal leaves no event.
                let asked = control.run(&cx, ask).await.is_ok();
                // A sequencer may lose against the other until its attempts are used up: it runs again next second.
                match control.keep(&tenant, PlaceEvents).await {
                    Ok(_) | Err(Error::Store(store::StoreError::Conflict(_))) => {}
                    Err(other) => panic!("{other:?}"),
                }
                asked
            }));
        }
        let mut asked = 0;
        for task in tasks {
            asked += i64::from(task.await.expect("ends"));
        }
        assert_eq!(asked, 1);
        assert_eq!(is_dense_after(&h).await, before + asked);
        assert!(verify_export(exported(&h, &AuditFilter::default()).await.as_slice(), Some(&key(&h).await)).is_ok());
    }

    async fn a_restart_continues_the_tree_over_tiles(h: Harness) {
        // Two tiles and a bit.
        for n in 0..520 {
            h.plant(scope_row(&format!("s{n}"), "low")).await;
            if n == 300 {
                place_all(&h.control, &h.acme()).await.expect("placed");
            }
        }
        let again = h.another(9).await;
        place_all(&again, &h.acme()).await.expect("placed");
        assert_eq!(is_dense(&h).await, 521);
        let cx = auditor(&h).await;
        for event in h.rows::<AuditEvent>().await.iter().filter(|event| matches!(event.position, Some(0 | 255 | 256 | 511 | 512 | 520))) {
            let proof = evidence::event(&h.control, &cx, &event.id).await.expect("shown").proof;
            assert!(matches!(proof, Proof::Proven { size: 521, .. }), "{proof:?}");
        }
        let verified = verify_export(exported(&h, &AuditFilter::default()).await.as_slice(), Some(&key(&h).await)).expect("whole");
        assert_eq!(verified.count, 522);
    }

    async fn only_auditors_export(h: Harness) {
        let approver = h.person("usr_sam", &[AdminRole::Approver]).await;
        let refused = evidence::export(&h.control, &approver, &AuditFilter::default(), &mut Vec::new()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
        assert_eq!(h.actions().await[1..], ["access.denied"]);
        assert!(matches!(evidence::audit(&h.control, &approver, &AuditFilter::default(), &Page::first(1)).await, Err(Error::Forbidden(_))));
    }

    async fn pages_follow_each_other(h: Harness) {
        plant(&h).await;
        let (cx, mut page, mut seen) = (auditor(&h).await, Page::first(7), Vec::new());
        loop {
            let list = evidence::audit(&h.control, &cx, &AuditFilter::default(), &page).await.expect("listed");
            seen.extend(list.events.into_iter().map(|event| event.id));
            match list.next {
                Some(next) => page.before = Some(next),
                None => break,
            }
        }
        let all = h.rows::<AuditEvent>().await.len();
        assert_eq!(seen.len(), all);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all);
    }
}

async fn is_dense_after(h: &Harness) -> i64 {
    place_all(&h.control, &h.acme()).await.expect("placed");
    is_dense(h).await
}
