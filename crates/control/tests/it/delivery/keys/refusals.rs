//! Who is turned away, and that nothing is left of it; that nothing is done without its line in the audit log.

use super::*;
use control::Actor;
use control::delivery::WithdrawCandidate;
use control::evidence::place_all;
use control::keys::{RaiseFloor, RotateAuditLog, RotateKeys, RotateTokenKey, settle_keys};

/// Everything that keys and publishing keep, and what is on record.
#[derive(Debug, PartialEq)]
struct Kept {
    keys: Vec<store::Key>,
    candidates: Vec<store::Candidate>,
    files: Vec<store::TufFile>,
    state: Vec<store::TufState>,
    bundles: Vec<store::Bundle>,
    events: Vec<store::AuditEvent>,
}

async fn kept(h: &Harness) -> Kept {
    Kept {
        keys: h.rows().await,
        candidates: h.rows().await,
        files: h.rows().await,
        state: h.rows().await,
        bundles: h.rows().await,
        events: h.rows().await,
    }
}

/// A signature that somebody wrote into a copy, whatever the command would have said to it.
fn forged(proposal: &Proposal, keyid: &str, signer: &Key) -> Proposal {
    let mut root = proposal.root().clone();
    root.sign(signer).expect("signs");
    let mut document: serde_json::Value = serde_json::from_str(&proposal.to_json()).expect("JSON");
    document["root"]["signatures"][keyid] = root.signature_of(signer.public().id()).expect("signed").into();
    Proposal::read(document.to_string().as_bytes()).expect("reads")
}

/// The root is Anna's and Ben's, the policy key lies elsewhere.
async fn people(h: &Harness) -> [Key; 3] {
    let [anna, ben, policy] = [key(), key(), key()];
    let changes = vec![
        KeyChange::Elsewhere { role: Role::Root, key: anna.public().clone() },
        KeyChange::Add { role: Role::Root, key: ben.public().clone() },
        KeyChange::Threshold { role: Role::Root, threshold: 2 },
        KeyChange::Elsewhere { role: Role::Targets, key: policy.public().clone() },
    ];
    let proposal = propose(h, changes).await.expect("written down");
    submit(h, vec![signed(&proposal, &[&anna, &ben, &policy])]).await.expect("taken");
    [anna, ben, policy]
}

fn rotate(roles: &[Role]) -> RotateKeys {
    RotateKeys { roles: roles.to_vec(), elsewhere: None, service: None, replaces: None, compromised: false }
}

async fn refused<U: UseCase>(h: &Harness, cx: &Ctx, use_case: U) -> &'static str
where
    U::Out: std::fmt::Debug,
{
    code(h.control.run(cx, use_case).await)
}

/// Runs a use case while the audit log cannot be written: it fails, and nothing has changed.
async fn leaves_nothing<U: UseCase>(h: &Harness, what: &str, use_case: U)
where
    U::Out: std::fmt::Debug,
{
    let (before, cx) = (kept(h).await, ada(h).await);
    h.raw("alter table audit_events rename to away").await;
    let failed = h.control.run(&cx, use_case).await;
    h.raw("alter table away rename to audit_events").await;
    assert!(matches!(failed, Err(Error::Store(_))), "{what}: {failed:?}");
    assert_eq!(kept(h).await, before, "{what}");
}

on_each_database! {
    async fn a_key_that_was_removed_signs_nothing_more(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let [anna, ben, policy] = people(&h).await;
        let [chris, next] = [key(), key()];
        let changes = vec![
            KeyChange::Remove { role: Role::Root, key: anna.public().id().to_owned() },
            KeyChange::Add { role: Role::Root, key: chris.public().clone() },
            KeyChange::Elsewhere { role: Role::Targets, key: next.public().clone() },
        ];
        h.control.run(&ada(&h).await, SetRole("sre", &["logs.read"])).await.expect("edited");
        publish(&h).await.expect("asked for");
        let early = countersigned(&h, &policy).await;
        let proposal = propose(&h, changes).await.expect("written down");
        submit(&h, vec![signed(&proposal, &[&anna, &ben, &chris, &next])]).await.expect("taken");

        // The root: she is told so, and what is written in all the same counts for nothing.
        let renewal = propose(&h, vec![]).await.expect("written down");
        assert!(renewal.clone().sign(&anna).expect_err("not hers any more").to_string().contains("may sign nothing"));
        let hers = forged(&signed(&renewal, &[&ben]), anna.public().id(), &anna);
        assert_eq!(code(submit(&h, vec![hers.clone()]).await), "below_threshold");
        assert_eq!(code(submit(&h, vec![forged(&signed(&renewal, &[&ben]), chris.public().id(), &anna)]).await), "below_threshold");
        // Neither is it published or named once others have signed.
        let mut complete = hers;
        complete.sign(&chris).expect("may sign");
        assert_eq!(submit(&h, vec![complete]).await.expect("complete"), 4);
        let root = &stored(&h).await["metadata/4.root.json"];
        let envelope: serde_json::Value = serde_json::from_str(root).expect("JSON");
        let signers: BTreeSet<String> =
            envelope["signatures"].as_array().expect("a list").iter().map(|one| one["keyid"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(signers, ids(&[ben.public(), chris.public()]));
        let event = h.rows::<store::AuditEvent>().await.into_iter().find(|event| event.object.as_deref() == Some("root/4") && event.action == "root.submit");
        let body = event.expect("an event").body;
        assert!(body.contains(ben.public().id()) && body.contains(chris.public().id()) && !body.contains(anna.public().id()), "{body}");

        // The policy: what was signed before the change, and after.
        assert_eq!(code(bring(&h, &early).await), "wrong_signature");
        publish(&h).await.expect("asked for");
        let good = countersigned(&h, &next).await;
        let mut unsigned = exported(&h).await.unsigned;
        unsigned.sign(&policy).expect("signs");
        let late = SignatureFile {
            keyid: policy.public().id().to_owned(),
            sig: unsigned.signature_of(policy.public().id()).expect("signed").to_owned(),
            ..good.clone()
        };
        assert_eq!(code(bring(&h, &late).await), "wrong_signature");
        assert_eq!(code(bring(&h, &SignatureFile { keyid: good.keyid.clone(), ..late }).await), "wrong_signature");
        assert_eq!(bring(&h, &good).await.expect("complete"), Progress::Live);
    }

    async fn one_policy_key_in_two_tenants_signs_for_each_alone(h: Harness) {
        configure(&h).await;
        h.tenant("beta").await;
        let (policy, beta) = (policy_key_elsewhere(&h).await, h.cx_in("beta", Actor::Host).await);
        let moved = ProposeRoot { changes: vec![KeyChange::Elsewhere { role: Role::Targets, key: policy.public().clone() }] };
        let proposal = h.control.run(&beta, moved).await.expect("written down");
        h.control.run(&beta, SubmitRoot { copies: vec![proposal] }).await.expect("taken");
        publish(&h).await.expect("asked for");
        let draft = delivery::draft(&h.control, &beta).await.expect("a draft").draft;
        h.control.run(&beta, Publish { note: String::new(), expected_draft: draft }).await.expect("asked for");
        let ours = countersigned(&h, &policy).await;
        let theirs = delivery::export_candidate(&h.control, &beta, None).await.expect("awaits");
        assert_eq!((ours.candidate, theirs.number), (1, 1), "they could not be told apart by their numbers");
        assert!(theirs.examine(&listed(&h).await.root_sha256).is_err(), "another tenant's chain of roots");
        let their_root = keys(&h.control, &beta).await.expect("listed").root_sha256;
        let signature = theirs.sign(&theirs.examine(&their_root).expect("holds"), &policy).expect("the policy key");
        let before = kept(&h).await;
        assert_eq!(code(bring(&h, &signature).await), "wrong_signature");
        let cx = h.cx_in("beta", Actor::Anonymous).await;
        assert_eq!(code(delivery::sign_candidate(&h.control, &cx, ours.clone().into()).await), "wrong_signature");
        assert_eq!(kept(&h).await, before);
        assert_eq!(bring(&h, &ours).await.expect("complete"), Progress::Live);
        assert!(delivery::bundles(&h.control, &beta).await.expect("listed").is_empty());
    }

    async fn what_is_refused_leaves_nothing_behind(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let trusted = gw.follow(&h, &gw.fresh()).await.trusted;
        let [anna, ..] = people(&h).await;
        h.control.run(&ada(&h).await, SetRole("sre", &["logs.read"])).await.expect("edited");
        publish(&h).await.expect("asked for");
        let (before, cx) = (kept(&h).await, ada(&h).await);
        // Each of these makes a key, or opens the state to sign it, before it is refused.
        let here = |threshold| vec![KeyChange::Here { role: Role::Root }, KeyChange::Threshold { role: Role::Root, threshold }];
        assert_eq!(code(propose(&h, here(2)).await), "bad_threshold");
        let online = vec![KeyChange::Here { role: Role::Timestamp }, KeyChange::Threshold { role: Role::Timestamp, threshold: 2 }];
        assert_eq!(code(propose(&h, online).await), "bad_threshold");
        assert_eq!(refused(&h, &cx, rotate(&[Role::Snapshot, Role::Root])).await, "key_elsewhere");
        assert_eq!(refused(&h, &cx, rotate(&[Role::Targets])).await, "key_elsewhere");
        let unnamed = RotateKeys { elsewhere: Some(key().public().clone()), ..rotate(&[Role::Root]) };
        assert_eq!(refused(&h, &cx, unnamed).await, "which_key");
        assert_eq!(refused(&h, &cx, RaiseFloor { min_version: 1 }).await, "no_change");
        assert_eq!(refused(&h, &cx, RaiseFloor { min_version: 2 }).await, "nothing_runnable");
        assert_eq!(refused(&h, &cx, WithdrawCandidate { number: 99 }).await, "not_found");
        assert_eq!(kept(&h).await, before);
        // So does a root that too few have signed, or nobody who may.
        let proposal = propose(&h, vec![KeyChange::Here { role: Role::Targets }]).await.expect("written down");
        let before = kept(&h).await;
        let stranger = key();
        for copy in [signed(&proposal, &[&anna]), forged(&proposal, anna.public().id(), &stranger), forged(&proposal, stranger.public().id(), &stranger)] {
            assert_eq!(code(submit(&h, vec![copy]).await), "below_threshold");
        }
        assert_eq!(kept(&h).await, before);
        assert_eq!(gw.follow(&h, &trusted).await.policy.version, 1);
    }

    async fn whoever_may_not_is_refused_and_on_record(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        policy_key_elsewhere(&h).await;
        h.control.run(&ada(&h).await, SetRole("sre", &["logs.read"])).await.expect("edited");
        publish(&h).await.expect("asked for");
        let number = exported(&h).await.number;
        let mut others: Vec<Actor> = AdminRole::ALL.into_iter().filter(|role| *role != AdminRole::Owner).map(|role| person("usr_kim", &[role])).collect();
        others.extend([person("usr_dev", &[]), Actor::Anonymous, Actor::Gateway("gtw_1".to_owned())]);
        let before = kept(&h).await;
        let mut denied = 0;
        for actor in others {
            let publishes = actor.may(Permission::Publish);
            let cx = h.cx(actor).await;
            let mut codes = vec![
                refused(&h, &cx, ProposeRoot { changes: vec![] }).await,
                refused(&h, &cx, SubmitRoot { copies: vec![] }).await,
                refused(&h, &cx, rotate(&[Role::Timestamp])).await,
                refused(&h, &cx, RotateTokenKey { compromised: true }).await,
                refused(&h, &cx, RotateAuditLog { compromised: true }).await,
            ];
            if !publishes {
                codes.push(refused(&h, &cx, RaiseFloor { min_version: 1 }).await);
                codes.push(refused(&h, &cx, WithdrawCandidate { number }).await);
                assert_eq!(code(delivery::export_candidate(&h.control, &cx, None).await), "forbidden");
            }
            denied += codes.len();
            assert!(codes.iter().all(|code| *code == "forbidden"), "{:?}: {codes:?}", cx.actor);
        }
        let after = kept(&h).await;
        assert_eq!(after.events.len() - before.events.len(), denied);
        assert_eq!(h.actions().await.iter().filter(|action| *action == "access.denied").count(), denied);
        assert_eq!(Kept { events: vec![], ..after }, Kept { events: vec![], ..before });
    }

    async fn nothing_is_done_without_its_line_in_the_audit_log(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        place_all(&h.control, &h.acme()).await.expect("placed");
        let nothing = || ProposeRoot { changes: vec![KeyChange::Here { role: Role::Timestamp }] };
        leaves_nothing(&h, "a proposal", nothing()).await;
        let proposal = propose(&h, nothing().changes).await.expect("written down");
        leaves_nothing(&h, "a root", SubmitRoot { copies: vec![proposal] }).await;
        leaves_nothing(&h, "a rotation in the root", rotate(&[Role::Snapshot, Role::Targets])).await;
        leaves_nothing(&h, "a rotation of what the policy key names", rotate(&[Role::Assignment, Role::Revocations])).await;
        leaves_nothing(&h, "a token key", RotateTokenKey { compromised: false }).await;
        leaves_nothing(&h, "a stolen token key", RotateTokenKey { compromised: true }).await;
        leaves_nothing(&h, "a key of the log", RotateAuditLog { compromised: false }).await;
        h.control.run(&ada(&h).await, RotateTokenKey { compromised: false }).await.expect("rotates");
        // The step that follows by itself, too: the old key signs on.
        let before = kept(&h).await;
        h.raw("alter table audit_events rename to away").await;
        let failed = settle_keys(&h.control, &h.acme()).await;
        h.raw("alter table away rename to audit_events").await;
        assert!(failed.is_err() && kept(&h).await == before);
        assert!(settle_keys(&h.control, &h.acme()).await.expect("upkeep"), "nobody had to be waited for");

        leaves_nothing(&h, "a floor", RaiseFloor { min_version: 2 }).await;
        let policy = policy_key_elsewhere(&h).await;
        leaves_nothing(&h, "a floor that awaits its signature", RaiseFloor { min_version: 2 }).await;
        h.control.run(&ada(&h).await, SetRole("sre", &["logs.read"])).await.expect("edited");
        let draft = delivery::draft(&h.control, &ada(&h).await).await.expect("a draft").draft;
        leaves_nothing(&h, "a publish", Publish { note: String::new(), expected_draft: draft }).await;
        publish(&h).await.expect("asked for");
        let file = countersigned(&h, &policy).await;
        leaves_nothing(&h, "taking a candidate back", WithdrawCandidate { number: file.candidate }).await;
        leaves_nothing(&h, "a signature", SignCandidate::from(file.clone())).await;
        assert_eq!(bring(&h, &file).await.expect("complete"), Progress::Live);
    }
}
