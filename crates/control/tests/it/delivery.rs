//! What the tests of delivery share: a small configuration, a gateway with its key, and `bundle`'s client over the stored files.

mod decisions;
mod fleet;
mod keys;
mod opa;
mod publishing;
mod rollout;
mod witnesses;

use crate::support::*;
use bundle::{Activated, Next, Pin, Refused, Response, Trusted, Update};
use control::delivery::{self, Ack, CreateEnrolment, Enrol, Enrolled, Publication, Publish, files};
use control::{AdminRole, Ctx, Done, Error, Event, Permission, Result, Scene, UseCase};
use policy::{PolicySet, Revocations, Target};
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
        let row = store::Role {
            id: self.0.to_owned(),
            scopes: Json(set(self.1)),
            version: 1,
            updated_ms: scene.cx.now_ms,
            updated_by: "usr_ada".to_owned(),
        };
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
    h.plant(store::Scope {
        id: "logs.read".to_owned(),
        sentence: "Read logs".to_owned(),
        risk: "low".to_owned(),
        max_auth_age: None,
        acr: None,
        version: 1,
    })
    .await;
    let (resource, upstream) = (RESOURCE.to_owned(), "http://127.0.0.1:7701/mcp".to_owned());
    h.plant(store::Server { id: "srv_1".to_owned(), name: "incident".to_owned(), resource, upstream, imported_ms: 0, created_ms: 0 }).await;
    for (name, reviewed) in [("logs.read", Some("ab".repeat(32))), ("logs.new", None)] {
        let tool = store::Tool {
            id: format!("srv_1/{name}"),
            server_id: "srv_1".to_owned(),
            name: name.to_owned(),
            description: String::new(),
            description_chars: None,
            description_unread: None,
            input_schema: "{}".to_owned(),
            annotations: "{}".to_owned(),
            digest: "ab".repeat(32),
            reviewed,
            scope: Some("logs.read".to_owned()),
            arguments: None,
            arguments_from: None,
            per_minute: None,
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
    h.control.run(&cx, Publish { note: "first".to_owned(), expected_draft: draft.draft }).await.map(Publication::version)
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
            ..AssertionClaims::default()
        };
        Assertion::Gateway.sign(&self.key, &self.id, &claims).expect("signs")
    }

    async fn cx(&self, h: &Harness) -> Ctx {
        delivery::authenticate(&h.control, "acme", &self.assertion(h, "acme"), "req-gw").await.expect("known")
    }

    fn fresh(&self) -> Trusted {
        Trusted::new(Pin { tenant: "acme".to_owned(), gateway: self.id.clone(), root_sha256: self.root.clone(), labels: BTreeMap::new() })
    }

    /// Follows the stored files as the gateway does; `other` stands in for some of them.
    async fn follow_with(
        &self,
        h: &Harness,
        trusted: &Trusted,
        other: &BTreeMap<String, String>,
    ) -> std::result::Result<Activated, Refused> {
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
        policy_sha256: Some(activated.policy.sha256().to_owned()),
        revocation_seq: Some(activated.revocation_seq),
        timestamp: activated.timestamp,
        version: "0.1.0".to_owned(),
        ..Ack::default()
    }
}

fn list(activated: &Activated) -> Revocations {
    serde_json::from_str(activated.revocations.text()).expect("a list")
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
