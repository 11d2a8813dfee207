//! Acknowledgements that come together are written together.

use super::Ack;
use super::applied::{Known, event};
use super::cosigned::{Cosigned, judge};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::evidence::{Shown, show};
use crate::gather::{Asked, Batch, Gather, Open};
use crate::permission::Permission;
use crate::scene::{Done, Part, Scene, UseCase};
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

    async fn answer(control: &Control, tenant: &TenantId, batch: &Arc<Open<Self>>) -> Result<Vec<Self::Answer>> {
        let cx = control.upkeep_ctx(tenant, "acknowledgements");
        let signed = batch.asked().filter(|asked| asked.what.witnessed.as_ref().is_some_and(|said| said.cosignature.is_some()));
        let signed: Vec<_> = signed.map(|asked| asked.cx.actor.id().to_owned()).collect();
        let before = if signed.is_empty() { HashMap::new() } else { control.read(&cx).gateway_witnesses(signed).await? };
        let mut said = Vec::new();
        for asked in batch.asked() {
            let cosigned = match before.get(asked.cx.actor.id()) {
                Some(before) => judge(control, &cx, asked.cx.actor.id(), before, asked.what.witnessed.as_ref()).await?,
                None => Cosigned::Nothing,
            };
            said.push(Said { asked: Arc::clone(asked), cosigned });
        }
        let noted = control.run(&cx, Acknowledgements(said)).await?;
        if noted.iter().flatten().any(|noted| noted.confirms) {
            control.signals().confirmed(tenant);
        }
        let mut answers = Vec::with_capacity(noted.len());
        for (asked, noted) in batch.asked().zip(noted) {
            answers.push(match (noted, &asked.what.witnessed) {
                (None, _) => None,
                (Some(noted), Some(witnessed)) => {
                    let policy = asked.what.policy_version.unwrap_or_default().min(noted.newest.unsigned_abs());
                    Some(show(control, &cx, witnessed.size, policy).await?)
                }
                (Some(_), None) => Some(None),
            });
        }
        Ok(answers)
    }
}

async fn known(db: &Reader<'_>) -> Result<Known> {
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    Ok(Known { newest: db.newest_bundle().await?, revocation_seq: tenant.revocation_seq })
}

/// What came of an acknowledgement.
struct Noted {
    /// Whether it confirms revocations that the gateway had not confirmed.
    confirms: bool,
    /// The newest policy version.
    newest: i64,
}

/// Writes what gateways say, and a receipt for each whose revocation list is newer. What people want to find in the audit log is an event;
/// that a gateway lives is only noted, and not even that if it was a moment ago. Each was authorized before it was gathered.
struct Acknowledgements(Vec<Said>);

impl UseCase for Acknowledgements {
    /// Nothing for a gateway that was removed meanwhile.
    type Out = Vec<Option<Noted>>;
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Vec<Option<Noted>>>> {
        let known = known(&scene.db).await?;
        let mut rows = scene.db.many::<Gateway>(self.0.iter().map(|said| said.gateway().to_owned())).await?;
        let (mut parts, mut receipts, mut changed) = (Vec::with_capacity(self.0.len()), HashMap::new(), HashMap::new());
        for said in &self.0 {
            let Some(before) = rows.get(said.gateway()) else {
                parts.push(Part::Refused(None));
                continue;
            };
            let after = said.applied(before, known);
            let newer = |seq: &i64| *seq <= known.revocation_seq && before.revocation_seq.is_none_or(|held| *seq > held);
            if let Some(seq) = after.revocation_seq.filter(newer) {
                let id = format!("{}/{seq}", after.id);
                receipts.entry(id.clone()).or_insert(Receipt { id, gateway_id: after.id.clone(), seq, at_ms: said.asked.cx.now_ms });
            }
            let out = Some(Noted { confirms: after.revocation_seq > before.revocation_seq, newest: known.newest });
            let event = event(before, &after);
            let is_news = event.is_some() || !said.is_known(before, &after);
            parts.push(match event {
                Some(event) => {
                    let part = Part::Changed { out, first: Box::new(event), rest: Vec::new(), wake: false };
                    part.of_request(&said.asked.cx.request_id)
                }
                None => Part::Noted(out),
            });
            if !is_news {
                continue;
            }
            changed.insert(after.id.clone(), after.clone());
            rows.insert(after.id.clone(), after);
        }
        // A gateway that started from an older state confirms again what it had confirmed: the first time stands.
        for id in scene.db.many::<Receipt>(receipts.keys().cloned()).await?.into_keys() {
            receipts.remove(&id);
        }
        scene.db.insert_all(receipts.into_values().collect()).await?;
        scene.db.update_all(changed.into_values().collect()).await?;
        Ok(Done::each(parts))
    }
}
