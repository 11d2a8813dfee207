//! Taking in what OPAs decided: each decision an audit event, like a gateway's.
//!
//! An OPA sends a body again when it did not hear the answer, and may cut it otherwise then, so decisions are told apart by their own ids.
//! There is no chain as gateways have: what an OPA never sends is not missed here.

use crate::chance::sha256_hex;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::delivery::decisions::{Outcome, Record, Rule, events_of};
use crate::delivery::gateways::acting;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, Upkeep, UseCase};
use opa::decision_log::{Events, Logged};
use serde_json::json;
use store::{Gateway, OpaDecision};

/// For how long a decision that comes again is known to have come, milliseconds. An OPA that could not send for longer sends once.
const KNOWN_FOR_MS: i64 = 7 * 24 * 3600 * 1000;

/// Takes a body. What came before is left out, and so is what the OPA decided by other policies.
///
/// # Errors
/// [`Error::Forbidden`] unless an OPA acts; [`Error::NotFound`] when it was removed meanwhile.
pub async fn take(control: &Control, cx: &Ctx, events: Events) -> Result<()> {
    cx.needs(Permission::BeGateway)?;
    if events.decisions.is_empty() && events.unreadable == 0 {
        return Ok(());
    }
    control.run(cx, Take(events)).await
}

struct Take(Events);

impl UseCase for Take {
    type Out = ();
    const NEEDS: Permission = Permission::BeGateway;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let gateway = scene.db.get::<Gateway>(acting(scene.cx)?).await?.ok_or(Error::NotFound)?;
        let id = |logged: &Logged| sha256_hex(format!("{}/{}", gateway.id, logged.decision_id));
        let ids: Vec<String> = self.0.decisions.iter().map(id).collect();
        let mut known = scene.db.opa_decisions_known(&ids).await?;
        let mut fresh = Vec::new();
        let mut rows = Vec::new();
        for (logged, id) in self.0.decisions.iter().zip(ids) {
            if known.insert(id.clone()) {
                if !is_unremarkable(logged) {
                    fresh.push(record(logged));
                }
                rows.push(OpaDecision { id, seen_ms: scene.cx.now_ms });
            }
        }
        let repeated = self.0.decisions.len() - rows.len();
        scene.db.insert_all(rows).await?;
        let events = events_of(scene, &gateway, &fresh).await?;
        let details = json!({
            "name": gateway.name, "decisions": fresh.len(), "repeated": repeated, "unreadable": self.0.unreadable,
        });
        Ok(Done::many((), Event::new("decisions.opa").on(gateway.id).details(details), events))
    }
}

/// Keeping a conversation alive is worth no line: gateways write none down either.
fn is_unremarkable(logged: &Logged) -> bool {
    logged.allow && policy::Method::of(&logged.method, logged.tool.as_deref()) == policy::Method::Lifecycle
}

/// As gateways write a decision down.
fn record(logged: &Logged) -> Record {
    let rule = logged.supply.as_ref().map(|(kind, id)| match kind.as_str() {
        "grant" => Rule::Grant(id.clone()),
        _ => Rule::Role(id.clone()),
    });
    Record {
        at_ms: logged.at_ms,
        decision: if logged.allow { Outcome::Allow } else { Outcome::Deny },
        reason: logged.reason.clone(),
        method: logged.method.clone(),
        tool: logged.tool.clone(),
        resource: logged.resource.clone(),
        server: None,
        scope: logged.scope.clone(),
        rule,
        sub: logged.subject.clone(),
        sub_profile: logged.subject_kind,
        client_id: logged.client.clone(),
        agent: logged.agent.clone(),
        inner_agents: logged.inner_agents.clone(),
        jti: logged.jti.clone(),
        sid: logged.session.clone(),
        grant_ids: logged.grant_ids.clone(),
        policy_version: logged.policy_version,
        revocation_seq: logged.revocation_seq,
        request_id: logged.decision_id.clone(),
        trace_id: logged.trace_id.clone(),
    }
}

/// Forgets which decisions came long ago.
pub struct ForgetDecisions;

impl Upkeep for ForgetDecisions {
    type Out = u64;

    async fn run(&self, scene: &Scene<'_>) -> Result<(u64, bool)> {
        Ok((scene.db.forget_opa_decisions(scene.cx.now_ms - KNOWN_FOR_MS).await?, false))
    }
}
