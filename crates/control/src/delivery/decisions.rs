//! Taking in what gateways decided: batches in a chain, each record an audit event.
//!
//! A batch names its number and the digest of the one before. The next one is taken, the last one again is answered as before, and anything
//! else is a gap: refused, and an audit event of its own, once. A person who has looked into it lets the gateway go on with [`AcceptGap`].

use super::gateways::acting;
use crate::chance::sha256_hex;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use store::{Gateway, Grant};

/// The largest batch in bytes.
pub const LARGEST_BATCH: usize = 1 << 20;
/// The most records in a batch.
pub const MOST_RECORDS: usize = 2_000;

/// One decision, as a gateway writes it down. Fields that are not known here stay in the gateway's bytes, which the chain covers.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Record {
    pub(super) at_ms: i64,
    pub(super) decision: Outcome,
    pub(super) reason: String,
    pub(super) method: String,
    pub(super) tool: Option<String>,
    pub(super) resource: String,
    pub(super) server: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) rule: Option<Rule>,
    pub(super) sub: String,
    pub(super) sub_profile: policy::SubjectKind,
    pub(super) client_id: String,
    pub(super) agent: Option<String>,
    /// The agents that it acts for, the nearest first.
    #[serde(default)]
    pub(super) inner_agents: Vec<String>,
    pub(super) jti: String,
    pub(super) sid: String,
    #[serde(default)]
    pub(super) grant_ids: Vec<String>,
    pub(super) policy_version: u64,
    pub(super) revocation_seq: u64,
    pub(super) request_id: String,
    pub(super) trace_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Allow,
    Deny,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rule {
    Role(String),
    Grant(String),
}

/// A batch that was read, and not yet taken.
#[derive(Debug, Clone)]
pub struct Batch {
    seq: i64,
    prev: String,
    sha256: String,
    records: Vec<Record>,
}

impl Batch {
    /// Reads a batch: `seq` and `prev` from its headers, `body` as NDJSON.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what cannot be read or is too large.
    pub fn read(seq: u64, prev: &str, body: &[u8]) -> Result<Self> {
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if prev.len() != 64 || !prev.bytes().all(hex) {
            return Err(Error::invalid("x-writ-prev", "give 64 lower-case hex digits"));
        }
        let seq = i64::try_from(seq).ok().filter(|seq| *seq > 0).ok_or_else(|| Error::invalid("x-writ-batch-seq", "count from 1"))?;
        if body.len() > LARGEST_BATCH {
            return Err(Error::invalid("body", format!("a batch holds at most {LARGEST_BATCH} bytes")));
        }
        let text = std::str::from_utf8(body).map_err(|_| Error::invalid("body", "it is not UTF-8"))?;
        let mut records = Vec::new();
        for (at, line) in text.lines().enumerate() {
            if at == MOST_RECORDS {
                return Err(Error::invalid("body", format!("a batch holds at most {MOST_RECORDS} records")));
            }
            records.push(serde_json::from_str(line).map_err(|error| Error::invalid("body", format!("line {}: {error}", at + 1)))?);
        }
        Ok(Self { seq, prev: prev.to_owned(), sha256: sha256_hex(body), records })
    }

    fn repeats(&self, gateway: &Gateway) -> bool {
        self.seq == gateway.batch_seq && self.sha256 == gateway.batch_hash
    }

    fn follows(&self, gateway: &Gateway) -> bool {
        self.seq == gateway.batch_seq + 1 && self.prev == gateway.batch_hash
    }

    fn is_known_gap(&self, gateway: &Gateway) -> bool {
        gateway.gap_seq == Some(self.seq) && gateway.gap_prev.as_deref() == Some(&self.prev)
    }
}

fn gap(gateway: &Gateway) -> Error {
    Error::refused(
        "gap",
        format!("batch {} was expected, after {}; an operator has to look into it", gateway.batch_seq + 1, gateway.batch_hash),
    )
}

/// Takes a batch.
///
/// # Errors
/// [`Error::Refused`] with `gap`; [`Error::Forbidden`] unless a gateway acts.
pub async fn take(control: &Control, cx: &Ctx, batch: Batch) -> Result<()> {
    cx.needs(Permission::BeGateway)?;
    let gateway = control.read(cx).get::<Gateway>(acting(cx)?).await?.ok_or(Error::NotFound)?;
    if batch.repeats(&gateway) {
        return Ok(());
    }
    if !batch.follows(&gateway) && batch.is_known_gap(&gateway) {
        return Err(gap(&gateway));
    }
    match control.run(cx, Take(batch)).await? {
        Taken::Whole => Ok(()),
        Taken::Gap(gateway) => Err(gap(&gateway)),
    }
}

struct Take(Batch);

enum Taken {
    Whole,
    Gap(Box<Gateway>),
}

impl UseCase for Take {
    type Out = Taken;
    const NEEDS: Permission = Permission::BeGateway;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Taken>> {
        let batch = &self.0;
        let gateway = scene.db.get::<Gateway>(acting(scene.cx)?).await?.ok_or(Error::NotFound)?;
        let chain = json!({ "seq": batch.seq, "prev": batch.prev, "sha256": batch.sha256, "records": batch.records.len() });
        if batch.repeats(&gateway) {
            return Ok(Done::new(Taken::Whole, Event::new("decisions.repeat").on(gateway.id).details(chain)));
        }
        if !batch.follows(&gateway) {
            let details = json!({ "offered": chain, "expected": { "seq": gateway.batch_seq + 1, "prev": gateway.batch_hash } });
            let event = Event::new("decisions.gap").on(gateway.id.clone()).denied().details(details);
            let noted = Gateway { gap_seq: Some(batch.seq), gap_prev: Some(batch.prev.clone()), ..gateway };
            scene.db.update(noted.clone()).await?;
            return Ok(Done::new(Taken::Gap(Box::new(noted)), event));
        }
        let events = events_of(scene, &gateway, &batch.records).await?;
        let (id, batch_hash) = (gateway.id.clone(), batch.sha256.clone());
        scene.db.update(Gateway { batch_seq: batch.seq, batch_hash, gap_seq: None, gap_prev: None, ..gateway }).await?;
        Ok(Done::many(Taken::Whole, Event::new("decisions.batch").on(id).details(chain), events))
    }
}

/// An event for each record, and one more for the first use of a grant, which is marked as used.
pub(super) async fn events_of(scene: &Scene<'_>, gateway: &Gateway, records: &[Record]) -> Result<Vec<Event>> {
    let mut grants = grants_in(scene, records).await?;
    let mut events = Vec::with_capacity(records.len());
    for record in records {
        let call = record.event(scene.cx, gateway, record.grant(&grants));
        // Before the call itself, which has the same time: a story is read in this order.
        if let Some(grant) = record.first_use(&mut grants, scene.cx) {
            scene.db.update(grant.clone()).await?;
            let used = Event::new("grant.first_used").by(kind(record.sub_profile), &record.sub).on(&grant.id).story(&grant.request_id);
            let details = json!({ "gateway": gateway.id, "scope": record.scope, "tool": record.tool, "request_id": record.request_id });
            events.push(used.through(Some(record.client_id.clone()), record.agent.clone()).at(record.at(scene.cx)).details(details));
        }
        events.push(call);
    }
    Ok(events)
}

/// Every grant that a record rests on, or that its token carried.
async fn grants_in(scene: &Scene<'_>, records: &[Record]) -> Result<BTreeMap<String, Grant>> {
    let named: BTreeSet<&str> =
        records.iter().flat_map(|record| record.grant_ids.iter().map(String::as_str).chain(record.rule_grant())).collect();
    let named: Vec<String> = named.into_iter().map(str::to_owned).collect();
    let mut grants = BTreeMap::new();
    for grant in scene.db.grants_named(&named).await? {
        grants.insert(grant.id.clone(), grant);
    }
    Ok(grants)
}

const fn kind(profile: policy::SubjectKind) -> &'static str {
    match profile {
        policy::SubjectKind::User => "user",
        policy::SubjectKind::Agent => "agent",
        policy::SubjectKind::Client => "client",
        policy::SubjectKind::Workload => "workload",
    }
}

impl Record {
    fn rule_grant(&self) -> Option<&str> {
        match &self.rule {
            Some(Rule::Grant(id)) => Some(id),
            _ => None,
        }
    }

    /// The time by the gateway's clock; never one that has not come yet here.
    fn at(&self, cx: &Ctx) -> i64 {
        self.at_ms.min(cx.now_ms)
    }

    /// The grant whose story this belongs to: the one that let the call through, or the one the token carried for the scope in vain.
    fn grant<'g>(&self, grants: &'g BTreeMap<String, Grant>) -> Option<&'g Grant> {
        let fits = |grant: &&Grant| {
            grant.user_id == self.sub
                && grant.resource == self.resource
                && self.scope.as_ref().is_some_and(|scope| grant.scopes.contains(scope))
        };
        match self.rule_grant() {
            Some(id) => grants.get(id).filter(|grant| grant.user_id == self.sub),
            None if self.decision == Outcome::Deny => self.grant_ids.iter().filter_map(|id| grants.get(id)).find(fits),
            None => None,
        }
    }

    fn event(&self, cx: &Ctx, gateway: &Gateway, grant: Option<&Grant>) -> Event {
        let (role, grant_id) = match &self.rule {
            Some(Rule::Role(role)) => (Some(role), None),
            Some(Rule::Grant(id)) => (None, Some(id)),
            None => (None, None),
        };
        let object = format!("{}/{}", self.server.as_deref().unwrap_or(&self.resource), self.tool.as_deref().unwrap_or(&self.method));
        let event = Event::new("mcp.call")
            .by(kind(self.sub_profile), &self.sub)
            .through(Some(self.client_id.clone()), self.agent.clone())
            .on(object);
        let event = match self.decision {
            Outcome::Allow => event,
            Outcome::Deny => event.denied(),
        };
        let event = match grant {
            Some(grant) => event.story(&grant.request_id),
            None => event,
        };
        event.at(self.at(cx)).details(json!({
            "reason": self.reason, "method": self.method, "tool": self.tool, "resource": self.resource, "server": self.server, "scope": self.scope,
            "role": role, "grant": grant_id, "jti": self.jti, "sid": self.sid, "grant_ids": self.grant_ids, "policy_version": self.policy_version,
            "revocation_seq": self.revocation_seq, "request_id": self.request_id, "gateway": gateway.id, "gateway_name": gateway.name, "at_ms": self.at_ms,
            "inner_agents": self.inner_agents, "trace_id": self.trace_id,
        }))
    }

    /// The grant that this is the first use of, marked as used.
    fn first_use<'g>(&self, grants: &'g mut BTreeMap<String, Grant>, cx: &Ctx) -> Option<&'g Grant> {
        let id = self.rule_grant().filter(|_| self.decision == Outcome::Allow)?;
        let grant = grants.get_mut(id).filter(|grant| grant.user_id == self.sub && grant.first_used_ms.is_none())?;
        grant.first_used_ms = Some(self.at(cx));
        Some(grant)
    }
}

/// Lets a gateway go on after a gap: what it offered becomes what is expected. The missing batches stay missing, on record.
pub struct AcceptGap {
    /// `gw_…`.
    pub gateway: String,
    /// Why, for the record.
    pub reason: String,
}

impl UseCase for AcceptGap {
    type Out = ();
    const NEEDS: Permission = Permission::WriteFleet;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let reason = self.reason.trim();
        if reason.is_empty() || reason.chars().count() > 500 {
            return Err(Error::invalid("reason", "say why, in at most 500 characters"));
        }
        let gateway = scene.db.get::<Gateway>(&self.gateway).await?.ok_or(Error::NotFound)?;
        let (Some(seq), Some(prev)) = (gateway.gap_seq, gateway.gap_prev.clone()) else {
            return Err(Error::refused("no_gap", "the gateway's decisions follow one another"));
        };
        let details = json!({ "reason": reason, "taken_up_to": gateway.batch_seq, "goes_on_at": seq, "goes_on_after": prev });
        let event = Event::new("decisions.gap_accepted").on(gateway.id.clone()).details(details);
        scene.db.update(Gateway { batch_seq: seq - 1, batch_hash: prev, gap_seq: None, gap_prev: None, ..gateway }).await?;
        Ok(Done::new((), event))
    }
}
