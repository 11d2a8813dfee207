//! Acknowledgements that come together are written together.

use super::Ack;
use super::applied::{Known, event};
use super::cosigned::{Cosigned, judge};
use crate::control::Control;
use crate::ctx::{Actor, Ctx};
use crate::error::{Error, Result};
use crate::evidence::{Shown, show};
use crate::gather::{Asked, Batch, Gather};
use crate::permission::Permission;
use crate::scene::{Done, Part, Scene, Upkeep, UseCase};
use std::collections::HashMap;
use std::sync::Arc;
use store::{Gateway, Reader, Receipt, TenantId};

/// What counts as confirmed without a row being written again, in milliseconds.
const FRESH_MS: i64 = 4_000;

/// An acknowledgement that was looked at.
#[derive(Clone)]
struct Said {
    asked: Arc<Asked<Ack>>,
    cosigned: Cosigned,
}

impl Said {
    fn gateway(&self) -> &str {
        self.asked.cx.actor.id()
    }

    fn applied(&self, row: &Gateway, known: Known) -> Gateway {
        self.asked.what.applied(row, known, &self.cosigned, self.asked.cx.now_ms)
    }

    /// Whether it says nothing that is not written down already, and was not long ago.
    fn is_known(&self, row: &Gateway, after: &Gateway) -> bool {
        let fresh = row.seen_ms.is_some_and(|seen| (0..FRESH_MS).contains(&(self.asked.cx.now_ms - seen)));
        fresh && *after == Gateway { seen_ms: after.seen_ms, ..row.clone() }
    }
}

impl Batch for Ack {
    /// Nothing if the gateway is gone.
    type Answer = Option<Option<Shown>>;
    const MOST: usize = 256;

    fn queue(control: &Control) -> &Gather<Self> {
        control.acks()
    }

    async fn answer(control: &Control, tenant: &TenantId, asked: &[Arc<Asked<Self>>]) -> Result<Vec<Self::Answer>> {
        let now_ms = control.parts().clock.now_ms();
        let cx = Ctx { tenant: tenant.clone(), actor: Actor::System, request_id: "acknowledgements".to_owned(), now_ms };
        let db = control.read(&cx);
        let known = known(&db).await?;
        let rows = db.many::<Gateway>(asked.iter().map(|asked| asked.cx.actor.id().to_owned())).await?;
        let (mut events, mut sightings) = (Vec::new(), Vec::new());
        let mut confirms = false;
        for asked in asked {
            let Some(row) = rows.get(asked.cx.actor.id()) else { continue };
            let cosigned = judge(control, &cx, row, asked.what.witnessed.as_ref()).await?;
            let said = Said { asked: Arc::clone(asked), cosigned };
            let after = said.applied(row, known);
            confirms |= after.revocation_seq > row.revocation_seq;
            if event(row, &after).is_some() {
                events.push(said);
            } else if !said.is_known(row, &after) {
                sightings.push(said);
            }
        }
        if !events.is_empty() {
            control.run(&cx, Activations(events)).await?;
        }
        if !sightings.is_empty() {
            control.keep(tenant, Sightings(sightings)).await?;
        }
        if confirms {
            control.signals().confirmed(tenant);
        }
        let mut answers = Vec::with_capacity(asked.len());
        for asked in asked {
            let policy = asked.what.policy_version.unwrap_or_default().min(known.newest.unsigned_abs());
            answers.push(match (rows.contains_key(asked.cx.actor.id()), &asked.what.witnessed) {
                (false, _) => None,
                (true, Some(witnessed)) => Some(show(control, &cx, witnessed.size, policy).await?),
                (true, None) => Some(None),
            });
        }
        Ok(answers)
    }
}

async fn known(db: &Reader<'_>) -> Result<Known> {
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    Ok(Known { newest: db.newest_bundle().await?, revocation_seq: tenant.revocation_seq })
}

/// Writes what gateways say, and a receipt for each whose revocation list is newer. Answers each one's row before and after; gateways that
/// were removed meanwhile are left out.
async fn note(scene: &Scene<'_>, all: &[Said]) -> Result<Vec<(Gateway, Gateway)>> {
    let known = known(&scene.db).await?;
    let mut rows = scene.db.many::<Gateway>(all.iter().map(|said| said.gateway().to_owned())).await?;
    let (mut changes, mut receipts) = (Vec::with_capacity(all.len()), HashMap::new());
    for said in all {
        let Some(before) = rows.get(said.gateway()) else { continue };
        let after = said.applied(before, known);
        let newer = |seq: &i64| *seq <= known.revocation_seq && before.revocation_seq.is_none_or(|held| *seq > held);
        if let Some(seq) = after.revocation_seq.filter(newer) {
            let id = format!("{}/{seq}", after.id);
            receipts.entry(id.clone()).or_insert(Receipt { id, gateway_id: after.id.clone(), seq, at_ms: said.asked.cx.now_ms });
        }
        changes.push((before.clone(), after.clone()));
        rows.insert(after.id.clone(), after);
    }
    // A gateway that started from an older state confirms again what it had confirmed: the first time stands.
    for id in scene.db.many::<Receipt>(receipts.keys().cloned()).await?.into_keys() {
        receipts.remove(&id);
    }
    scene.db.insert_all(receipts.into_values().collect()).await?;
    scene.db.update_all(rows.into_values().collect()).await?;
    Ok(changes)
}

/// Acknowledgements that people want to find in the audit log. Each was authorized before it was gathered.
struct Activations(Vec<Said>);

impl UseCase for Activations {
    type Out = Vec<()>;
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Vec<()>>> {
        let requests: HashMap<&str, &str> = self.0.iter().map(|said| (said.gateway(), said.asked.cx.request_id.as_str())).collect();
        let part = |(before, after): (Gateway, Gateway)| match event(&before, &after) {
            Some(event) => {
                let part = Part::Changed { out: (), first: Box::new(event), rest: Vec::new(), wake: false };
                part.of_request(requests.get(after.id.as_str()).copied().unwrap_or_default())
            }
            // Another replica was told the same at the same time.
            None => Part::Refused(()),
        };
        Ok(Done::each(note(scene, &self.0).await?.into_iter().map(part).collect()))
    }
}

/// Acknowledgements that only say that the gateways live.
struct Sightings(Vec<Said>);

impl Upkeep for Sightings {
    type Out = ();

    async fn run(&self, scene: &Scene<'_>) -> Result<((), bool)> {
        note(scene, &self.0).await?;
        Ok(((), false))
    }
}
