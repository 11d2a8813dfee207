//! Publishing, the repository as a gateway follows it, the fleet, and what it reports.

use crate::support::*;
use bundle::{Activated, Next, Pin, Refused, Response, Trusted, Update};
use control::delivery::decisions::AcceptGap;
use control::delivery::{self, decisions, files, Ack, AckError, CreateEnrolment, Enrol, Enrolled, Publish, RefreshTimestamp, RemoveGateway, ReplaceGateway, Standing};
use control::{AdminRole, Ctx, Done, Error, Event, Permission, Result, Scene, UseCase};
use policy::{PolicySet, Revocations, Target};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use store::Json;
use token::{Assertion, AssertionClaims, PublicJwk, SigningKey};

const RESOURCE: &str = "http://127.0.0.1:7500/mcp/incident";

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Edits a role, as the console would.
struct SetRole(&'static str, &'static [&'static str]);

impl UseCase for SetRole {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let row = store::Role { id: self.0.to_owned(), scopes: Json(set(self.1)), version: 1, updated_ms: scene.cx.now_ms, updated_by: "usr_ada".to_owned() };
        scene.db.put(row).await?;
        scene.db.touch_draft().await?;
        Ok(Done::new((), Event::new("role.edit").on(self.0)))
    }
}

/// Takes something away, as governance would.
struct Revoke(Target, Option<i64>);

impl UseCase for Revoke {
    type Out = i64;
    const NEEDS: Permission = Permission::Revoke;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<i64>> {
        let seq = scene.db.next_revocation_seq().await?;
        let target = serde_json::to_string(&self.0).expect("serialises");
        let row = store::Revocation {
            id: scene.id("rev"),
            seq,
            target,
            until_s: self.1,
            reason: "test".to_owned(),
            created_ms: scene.cx.now_ms,
            created_by: "usr_ada".to_owned(),
            lifted_ms: None,
            lifted_seq: None,
        };
        scene.db.insert(row).await?;
        delivery::resign_revocations(scene).await?;
        Ok(Done::new(seq, Event::new("test.revoke")).wake())
    }
}

async fn ada(h: &Harness) -> Ctx {
    h.person("usr_ada", &[AdminRole::Owner]).await
}

/// Two tools, of which one is bound and reviewed.
async fn configure(h: &Harness) {
    h.plant(store::Scope { id: "logs.read".to_owned(), sentence: "Read logs".to_owned(), risk: "low".to_owned(), max_auth_age: None, acr: None, version: 1 }).await;
    let (resource, upstream) = (RESOURCE.to_owned(), "http://127.0.0.1:7701/mcp".to_owned());
    h.plant(store::Server { id: "srv_1".to_owned(), name: "incident".to_owned(), resource, upstream, imported_ms: 0, created_ms: 0 }).await;
    for (name, reviewed) in [("logs.read", Some("ab".repeat(32))), ("logs.new", None)] {
        let tool = store::Tool {
            id: format!("srv_1/{name}"),
            server_id: "srv_1".to_owned(),
            name: name.to_owned(),
            description: String::new(),
            input_schema: "{}".to_owned(),
            annotations: "{}".to_owned(),
            digest: "ab".repeat(32),
            reviewed,
            scope: Some("logs.read".to_owned()),
            present: 1,
            version: 1,
        };
        h.plant(tool).await;
    }
    h.control.run(&ada(h).await, SetRole("developer", &["logs.read"])).await.expect("the role is set");
}

async fn publish(h: &Harness) -> Result<u64> {
    let cx = ada(h).await;
    let draft = delivery::draft(&h.control, &cx).await?;
    h.control.run(&cx, Publish { note: "first".to_owned(), expected_draft: draft.draft }).await
}

/// A gateway with its key.
struct Gw {
    id: String,
    key: SigningKey,
    root: String,
}

async fn offer(h: &Harness, token: &str, name: &str, key: &PublicJwk) -> Result<Enrolled> {
    let cx = h.cx(control::Actor::Anonymous).await;
    delivery::enrol(&h.control, &cx, Enrol { token: token.to_owned(), name: name.to_owned(), public_key: key.clone() }).await
}

async fn enrol(h: &Harness, name: &str) -> Gw {
    let token = h.control.run(&ada(h).await, CreateEnrolment { name: name.to_owned() }).await.expect("a token");
    let (key, _) = SigningKey::generate().expect("randomness");
    let enrolled = offer(h, &token, name, key.public()).await.expect("enrols");
    let root = token.rsplit_once('.').expect("two parts").1.to_owned();
    assert_eq!(enrolled.root_sha256, root);
    Gw { id: enrolled.gateway_id, key, root }
}

impl Gw {
    fn assertion(&self, h: &Harness, tenant: &str) -> String {
        let iat = h.now_s();
        let claims = AssertionClaims {
            iss: self.id.clone(),
            sub: self.id.clone(),
            aud: format!("{PUBLIC_URL}/t/{tenant}/delivery"),
            iat,
            exp: iat + 60,
            jti: "asr_1".to_owned(),
            client_id: None,
            agent: None,
            scope: None,
        };
        Assertion::Gateway.sign(&self.key, &self.id, &claims).expect("signs")
    }

    async fn cx(&self, h: &Harness) -> Ctx {
        delivery::authenticate(&h.control, "acme", &self.assertion(h, "acme"), "req-gw").await.expect("known")
    }

    fn fresh(&self) -> Trusted {
        Trusted::new(Pin { tenant: "acme".to_owned(), gateway: self.id.clone(), root_sha256: self.root.clone() })
    }

    /// Follows the stored files as the gateway does; `other` stands in for some of them.
    async fn follow_with(&self, h: &Harness, trusted: &Trusted, other: &BTreeMap<String, String>) -> std::result::Result<Activated, Refused> {
        let cx = self.cx(h).await;
        let mut update = Update::start(trusted, h.now_s());
        let mut next = update.proceed()?;
        loop {
            match next {
                Next::Done(activated) => return Ok(*activated),
                Next::Fetch { path, .. } => {
                    let stored = files::file(&h.control, &cx, &path).await.expect("the database answers");
                    let body = other.get(&path).cloned().or(stored).map(String::into_bytes);
                    next = update.step(Response { path, body })?;
                }
            }
        }
    }

    async fn follow(&self, h: &Harness, trusted: &Trusted) -> Activated {
        self.follow_with(h, trusted, &BTreeMap::new()).await.expect("what we sign is accepted")
    }

    async fn ack(&self, h: &Harness, activated: &Activated) {
        delivery::acknowledge(&h.control, &self.cx(h).await, ack(activated)).await.expect("taken");
    }
}

fn ack(activated: &Activated) -> Ack {
    Ack {
        policy_version: Some(activated.policy.version),
        policy_sha256: Some(activated.policy.sha256.clone()),
        revocation_seq: Some(activated.revocation_seq),
        timestamp: activated.timestamp,
        error: None,
        started_at: 0,
        version: "0.1.0".to_owned(),
    }
}

fn list(activated: &Activated) -> Revocations {
    serde_json::from_str(&activated.revocations.text).expect("a list")
}

async fn stored(h: &Harness) -> BTreeMap<String, String> {
    h.rows::<store::TufFile>().await.into_iter().map(|file| (file.id, file.body)).collect()
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    match result {
        Err(Error::Refused { code, .. }) => code,
        Err(Error::Changed(_)) => "changed",
        Err(Error::Invalid(_)) => "invalid",
        Err(Error::Forbidden(_)) => "forbidden",
        Err(Error::NotFound) => "not_found",
        other => panic!("{other:?}"),
    }
}

on_each_database! {
    async fn what_is_published_is_what_a_gateway_runs(h: Harness) {
        configure(&h).await;
        let gw = enrol(&h, "gw-1").await;
        let refused = gw.follow_with(&h, &gw.fresh(), &BTreeMap::new()).await.expect_err("nothing is published");
        assert_eq!(refused.code(), "missing");
        assert_eq!(publish(&h).await.expect("publishes"), 1);
        let activated = gw.follow(&h, &gw.fresh()).await;
        let policy: PolicySet = serde_json::from_str(&activated.policy.text).expect("a policy");
        let compiled = delivery::draft(&h.control, &ada(&h).await).await.expect("a draft");
        assert!(!compiled.differs && compiled.changes.is_empty());
        assert_eq!(policy, PolicySet { version: 1, ..compiled.policy });
        assert_eq!(policy.issuers[0].issuer, format!("{PUBLIC_URL}/t/acme"));
        let tools = &policy.servers[RESOURCE].tools;
        assert_eq!((tools["logs.read"].scope.as_deref(), tools["logs.new"].scope.as_deref()), (Some("logs.read"), None));
        assert_eq!((list(&activated).seq(), activated.revocation_seq), (0, 0));
        // A second publish arrives with the next update, and is listed.
        h.control.run(&ada(&h).await, SetRole("developer", &[])).await.expect("edited");
        assert_eq!(publish(&h).await.expect("publishes"), 2);
        let newer = gw.follow(&h, &activated.trusted).await;
        assert_eq!(newer.policy.version, 2);
        let shown = delivery::bundle(&h.control, &ada(&h).await, 2).await.expect("shown");
        assert_eq!((shown.view.live, shown.view.head.sha256, shown.changes.len()), (true, newer.policy.sha256, 1));
        let all = delivery::bundles(&h.control, &ada(&h).await).await.expect("listed");
        assert_eq!(all.iter().map(|one| (one.head.version, one.live)).collect::<Vec<_>>(), [(2, true), (1, false)]);
    }

    async fn what_is_taken_away_is_on_the_list(h: Harness) {
        configure(&h).await;
        // Before the first publish there is no list to sign; the first publish has it.
        h.control.run(&ada(&h).await, Revoke(Target::Client("cli_old".to_owned()), None)).await.expect("revokes");
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        let before = gw.follow(&h, &gw.fresh()).await;
        assert_eq!(list(&before).entries()[0].target, Target::Client("cli_old".to_owned()));
        let old = stored(&h).await;
        let seq = h.control.run(&ada(&h).await, Revoke(Target::Grant("grt_1".to_owned()), None)).await.expect("revokes");
        let after = gw.follow(&h, &before.trusted).await;
        assert_eq!((after.revocation_seq, i64::try_from(list(&after).seq()).expect("small")), (2, seq));
        assert_eq!(list(&after).entries().len(), 2);
        // A server that serves what it had before is refused, and so is one that changes a byte.
        let refused = gw.follow_with(&h, &after.trusted, &old).await.expect_err("older");
        assert_eq!(refused.code(), "rollback");
        let forged: BTreeMap<String, String> = stored(&h).await.into_iter().map(|(path, body)| (path, body.replace("grt_1", "grt_2"))).collect();
        let refused = gw.follow_with(&h, &before.trusted, &forged).await.expect_err("forged");
        assert_eq!(refused.code(), "hash_mismatch");
    }

    async fn nothing_is_published_that_was_not_shown(h: Harness) {
        configure(&h).await;
        let cx = ada(&h).await;
        let shown = delivery::draft(&h.control, &cx).await.expect("a draft");
        assert!(shown.differs && shown.live_version.is_none());
        h.control.run(&cx, SetRole("sre", &["logs.read"])).await.expect("edited");
        let stale = Publish { note: String::new(), expected_draft: shown.draft };
        assert_eq!(code(h.control.run(&cx, stale).await), "changed");
        assert_eq!(publish(&h).await.expect("publishes"), 1);
        assert_eq!(code(publish(&h).await), "changed");
        // There and back: the draft has moved, but it says what is live.
        h.control.run(&cx, SetRole("sre", &[])).await.expect("edited");
        h.control.run(&cx, SetRole("sre", &["logs.read"])).await.expect("edited");
        assert_eq!(code(publish(&h).await), "nothing_changed");
        h.control.run(&cx, SetRole("sre", &["no.such"])).await.expect("edited");
        assert_eq!(code(publish(&h).await), "lint");
        let auditor = h.person("usr_olga", &[AdminRole::Auditor]).await;
        assert_eq!(code(h.control.run(&auditor, Publish { note: String::new(), expected_draft: 0 }).await), "forbidden");
        assert_eq!(h.rows::<store::Bundle>().await.len(), 1);
    }

    async fn of_two_who_publish_at_once_one_is_told(h: Harness) {
        configure(&h).await;
        let (cx, other) = (ada(&h).await, h.another(2).await);
        let draft = delivery::draft(&h.control, &cx).await.expect("a draft").draft;
        let publish = || Publish { note: String::new(), expected_draft: draft };
        let (one, two) = tokio::join!(h.control.run(&cx, publish()), other.run(&cx, publish()));
        let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
        assert_eq!(won.expect("one is first"), 1);
        assert_eq!(code(lost), "changed");
        let events = h.actions().await;
        assert_eq!(events.iter().filter(|action| *action == "bundle.publish").count(), 1);
    }

    async fn an_enrolment_token_works_once_for_one_name_and_not_for_long(h: Harness) {
        let (key, _) = SigningKey::generate().expect("randomness");
        let key = key.public();
        let token = |name: &'static str| { let h = &h; async move { h.control.run(&ada(h).await, CreateEnrolment { name: name.to_owned() }).await } };
        assert_eq!(code(token("Not A Name").await), "invalid");
        assert_eq!(code(offer(&h, "wge_unknown", "gw-1", key).await), "enrolment_unknown");
        let first = token("gw-1").await.expect("a token");
        assert!(h.rows::<store::Enrolment>().await.iter().all(|row| !first.contains(&row.id)), "kept as a hash only");
        assert_eq!(code(offer(&h, &first, "gw-2", key).await), "enrolment_name");
        let newer = token("gw-1").await.expect("a token");
        assert_eq!(code(offer(&h, &first, "gw-1", key).await), "enrolment_unknown");
        let bad = PublicJwk { crv: "P-384".to_owned(), ..key.clone() };
        assert_eq!(code(offer(&h, &newer, "gw-1", &bad).await), "invalid");
        let enrolled = offer(&h, &newer, "gw-1", key).await.expect("enrols");
        // Lost answer: the same key asks again. Another key is somebody else.
        assert_eq!(offer(&h, &newer, "gw-1", key).await.expect("again"), enrolled);
        let (thief, _) = SigningKey::generate().expect("randomness");
        assert_eq!(code(offer(&h, &newer, "gw-1", thief.public()).await), "enrolment_used");
        assert_eq!(code(token("gw-1").await), "gateway_exists");
        let late = token("gw-2").await.expect("a token");
        h.advance_s(delivery::TOKEN_LIFE_S);
        assert_eq!(code(offer(&h, &late, "gw-2", key).await), "enrolment_expired");
        // Replacing takes a token of its own, and the old key counts until it is used.
        let old = Gw { id: enrolled.gateway_id.clone(), key: SigningKey::generate().expect("randomness").0, root: String::new() };
        let replace = h.control.run(&ada(&h).await, ReplaceGateway { name: "gw-1".to_owned() }).await.expect("a token");
        assert!(h.row::<store::Gateway>(&old.id).await.is_some());
        let new = offer(&h, &replace, "gw-1", thief.public()).await.expect("replaces");
        assert_ne!(new.gateway_id, old.id);
        assert_eq!(h.rows::<store::Gateway>().await.len(), 1);
        let denied = h.rows::<store::AuditEvent>().await.into_iter().filter(|event| event.action == "gateway.enrol" && event.outcome == "denied").count();
        assert_eq!(denied, 3, "wrong name, used, expired");
        let developer = h.person("usr_dev", &[]).await;
        assert_eq!(code(h.control.run(&developer, CreateEnrolment { name: "gw-9".to_owned() }).await), "forbidden");
    }

    async fn only_an_enrolled_gateway_is_let_in(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        h.tenant("beta").await;
        let gw = enrol(&h, "gw-1").await;
        let knock = |tenant: &'static str, assertion: String| { let h = &h; async move { delivery::authenticate(&h.control, tenant, &assertion, "req").await.map(drop) } };
        knock("acme", gw.assertion(&h, "acme")).await.expect("known");
        assert_eq!(code(knock("beta", gw.assertion(&h, "beta")).await), "forbidden");
        assert_eq!(code(knock("beta", gw.assertion(&h, "acme")).await), "forbidden");
        assert_eq!(code(knock("nowhere", gw.assertion(&h, "nowhere")).await), "forbidden");
        assert_eq!(code(knock("acme", gw.assertion(&h, "beta")).await), "forbidden");
        assert_eq!(code(knock("acme", "garbage".to_owned()).await), "forbidden");
        let old = gw.assertion(&h, "acme");
        h.advance_s(180);
        assert_eq!(code(knock("acme", old).await), "forbidden");
        let impostor = Gw { id: gw.id.clone(), key: SigningKey::generate().expect("randomness").0, root: gw.root.clone() };
        assert_eq!(code(knock("acme", impostor.assertion(&h, "acme")).await), "forbidden");
        h.control.run(&ada(&h).await, RemoveGateway { id: gw.id.clone() }).await.expect("removed");
        assert_eq!(code(knock("acme", gw.assertion(&h, "acme")).await), "forbidden");
        let cx = ada(&h).await;
        assert_eq!(code(files::file(&h.control, &cx, "metadata/timestamp.json").await), "forbidden");
    }

    async fn a_receipt_says_who_confirmed(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let (one, two) = (enrol(&h, "gw-1").await, enrol(&h, "gw-2").await);
        let standing = || { let h = &h; async move {
            let fleet = delivery::fleet(&h.control, &ada(h).await).await.expect("the fleet");
            fleet.gateways.into_iter().map(|gateway| gateway.standing).collect::<Vec<_>>()
        } };
        assert_eq!(standing().await, [Standing::New, Standing::New]);
        let mut at_one = one.follow(&h, &one.fresh()).await;
        one.ack(&h, &at_one).await;
        two.ack(&h, &two.follow(&h, &two.fresh()).await).await;
        assert_eq!(standing().await, [Standing::Current, Standing::Current]);
        let seq = h.control.run(&ada(&h).await, Revoke(Target::Tenant, None)).await.expect("revokes");
        assert_eq!(standing().await, [Standing::Behind, Standing::Behind]);
        h.advance_ms(400);
        at_one = one.follow(&h, &at_one.trusted).await;
        one.ack(&h, &at_one).await;
        let confirmed_at = h.now_ms();
        // Saying it again changes nothing.
        h.advance_s(8);
        one.ack(&h, &at_one).await;
        let receipt = delivery::receipt(&h.control, &ada(&h).await, seq).await.expect("a receipt");
        assert_eq!(receipt.confirmed, [("gw-1".to_owned(), confirmed_at)]);
        assert_eq!(receipt.unconfirmed, ["gw-2"]);
        let failing = Ack { error: Some(AckError { code: "bad_signature".to_owned(), message: "no\u{7}".to_owned() }), ..ack(&at_one) };
        for _ in 0..2 {
            delivery::acknowledge(&h.control, &two.cx(&h).await, failing.clone()).await.expect("taken");
        }
        assert_eq!(standing().await, [Standing::Current, Standing::Failing]);
        let boasting = Ack { revocation_seq: Some(99), ..ack(&at_one) };
        delivery::acknowledge(&h.control, &two.cx(&h).await, boasting).await.expect("taken");
        assert_eq!(standing().await, [Standing::Current, Standing::Failing]);
        assert_eq!(delivery::receipt(&h.control, &ada(&h).await, 3).await.expect("a receipt").confirmed, []);
        h.advance_s(60);
        assert_eq!(standing().await, [Standing::Silent, Standing::Silent]);
        let events = h.actions().await;
        let count = |wanted: &str| events.iter().filter(|action| *action == wanted).count();
        assert_eq!((count("gateway.activated"), count("gateway.refused")), (2, 2), "one for each change, none for being alive");
    }

    async fn the_repository_stays_fresh_for_years(h: Harness) {
        configure(&h).await;
        let refresh = || { let h = &h; async move { h.control.keep(&h.acme(), RefreshTimestamp).await.expect("upkeep") } };
        assert!(!refresh().await, "nothing to keep before the first publish");
        publish(&h).await.expect("publishes");
        assert!(!refresh().await, "fresh");
        let gw = enrol(&h, "gw-1").await;
        let mut activated = gw.follow(&h, &gw.fresh()).await;
        h.advance_s(181);
        assert!(refresh().await && !refresh().await);
        let newer = gw.follow(&h, &activated.trusted).await;
        assert!(newer.timestamp > activated.timestamp && newer.fresh_until == h.now_s() + 600);
        // An invalidation leaves the list once what it blocked has expired; the sequence stays.
        let until = h.now_s() + 60;
        h.control.run(&ada(&h).await, Revoke(Target::Token("jti".to_owned()), Some(until))).await.expect("revokes");
        activated = gw.follow(&h, &newer.trusted).await;
        assert_eq!(list(&activated).entries().len(), 1);
        h.advance_s(60);
        assert!(refresh().await && !refresh().await);
        activated = gw.follow(&h, &activated.trusted).await;
        assert_eq!((list(&activated).entries().len(), list(&activated).seq()), (0, 1));
        for _ in 0..300 {
            h.advance_s(3 * 24 * 3600);
            assert!(refresh().await);
            activated = gw.follow(&h, &activated.trusted).await;
        }
        assert!(activated.root_version > 1, "the first root has ended by now");
        assert_eq!(activated.policy.version, 1);
        let files = h.rows::<store::TufFile>().await.len();
        assert!(files < 300, "old files are forgotten, {files} are left");
    }

    async fn decisions_are_a_chain(h: Harness) {
        configure(&h).await;
        let gw = enrol(&h, "gw-1").await;
        h.plant(grant("grt_1", "usr_dev")).await;
        let take = |seq: u64, prev: String, body: String| { let (h, gw) = (&h, &gw); async move {
            decisions::take(&h.control, &gw.cx(h).await, decisions::Batch::read(seq, &prev, body.as_bytes())?).await
        } };
        let (zero, first) = ("0".repeat(64), format!("{}\n{}\n", record("allow", json!({ "grant": "grt_1" })), record("deny", json!(null))));
        take(1, zero.clone(), first.clone()).await.expect("taken");
        take(1, zero.clone(), first.clone()).await.expect("the answer was lost: again");
        let calls = calls(&h).await;
        assert_eq!(calls.len(), 2);
        for call in &calls {
            assert_eq!((call.actor_kind.as_str(), call.actor_id.as_str(), call.client_id.as_deref()), ("user", "usr_dev", Some("cli_ide")));
            assert_eq!((call.agent_id.as_deref(), call.object.as_deref()), (Some("agt_1"), Some("incident/logs.read")));
            // Also the denial: the token carried the grant for this very scope.
            assert_eq!(call.story.as_deref(), Some("req_1"));
        }
        let used = h.row::<store::Grant>("grt_1").await.expect("there").first_used_ms;
        assert_eq!(used, Some(START_MS));
        let prev = control::sha256_hex(&first);
        let second = format!("{}\n", record("allow", json!({ "grant": "grt_1" })));
        assert_eq!(code(take(3, prev.clone(), second.clone()).await), "gap");
        assert_eq!(code(take(3, prev.clone(), second.clone()).await), "gap");
        assert_eq!(code(take(2, zero.clone(), second.clone()).await), "gap");
        assert_eq!(code(take(1, zero.clone(), second.clone()).await), "gap", "another batch 1");
        take(2, prev, second.clone()).await.expect("follows");
        let events = h.actions().await;
        let count = |wanted: &str| events.iter().filter(|action| *action == wanted).count();
        assert_eq!((count("decisions.gap"), count("grant.first_used"), count("mcp.call")), (3, 1, 3));
        // A person looks into a gap and lets the gateway go on.
        let far = "ef".repeat(32);
        assert_eq!(code(take(9, far.clone(), second.clone()).await), "gap");
        let accept = || AcceptGap { gateway: gw.id.clone(), reason: "disk was lost".to_owned() };
        h.control.run(&ada(&h).await, accept()).await.expect("accepted");
        take(9, far, second).await.expect("goes on");
        assert_eq!(code(h.control.run(&ada(&h).await, accept()).await), "no_gap");
    }

    async fn a_batch_is_bounded_and_a_foreign_grant_is_not_used(h: Harness) {
        configure(&h).await;
        let gw = enrol(&h, "gw-1").await;
        h.plant(grant("grt_2", "usr_other")).await;
        let zero = "0".repeat(64);
        let line = format!("{}\n", record("allow", json!({ "grant": "grt_2" })));
        assert_eq!(code(decisions::Batch::read(1, &zero, line.repeat(2_001).as_bytes())), "invalid");
        assert_eq!(code(decisions::Batch::read(1, &zero, " ".repeat(decisions::LARGEST_BATCH + 1).as_bytes())), "invalid");
        assert_eq!(code(decisions::Batch::read(0, &zero, b"")), "invalid");
        assert_eq!(code(decisions::Batch::read(1, "zero", b"")), "invalid");
        assert_eq!(code(decisions::Batch::read(1, &zero, b"{}\n")), "invalid");
        let batch = decisions::Batch::read(1, &zero, line.repeat(1_000).as_bytes()).expect("read");
        decisions::take(&h.control, &gw.cx(&h).await, batch).await.expect("taken");
        assert_eq!(h.row::<store::Grant>("grt_2").await.expect("there").first_used_ms, None);
        let calls = calls(&h).await;
        assert!(calls.len() == 1_000 && calls.iter().all(|call| call.story.is_none()));
    }
}

fn grant(id: &str, user: &str) -> store::Grant {
    store::Grant {
        id: id.to_owned(),
        request_id: "req_1".to_owned(),
        user_id: user.to_owned(),
        client_id: "cli_ide".to_owned(),
        agent_id: None,
        resource: RESOURCE.to_owned(),
        scopes: Json(set(&["logs.read"])),
        starts_s: 0,
        exp_s: i64::MAX,
        revoked_ms: None,
        first_used_ms: None,
    }
}

/// A line as the gateway writes it. Its clock is ahead.
fn record(decision: &str, rule: serde_json::Value) -> String {
    json!({
        "at_ms": START_MS + 5, "decision": decision, "reason": "allowed", "method": "tools/call", "tool": "logs.read", "resource": RESOURCE,
        "server": "incident", "scope": "logs.read", "rule": rule, "sub": "usr_dev", "sub_profile": "user", "client_id": "cli_ide", "agent": "agt_1",
        "jti": "jti_1", "sid": "ses_1", "grant_ids": ["grt_1"], "policy_version": 1, "revocation_seq": 0, "request_id": "req_gw",
    })
    .to_string()
}

async fn calls(h: &Harness) -> Vec<store::AuditEvent> {
    h.rows::<store::AuditEvent>().await.into_iter().filter(|event| event.action == "mcp.call").collect()
}
