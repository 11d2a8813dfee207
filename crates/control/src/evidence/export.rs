//! Exporting events as a document that proves itself.

use super::proofs::Prover;
use super::query::resolve;
use super::sequence::{as_i64, broken, place_all};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use crate::tenancy::keys;
use ::evidence::export::line::FORMAT;
use ::evidence::export::{Cosigned, Event as Line, Exporter, Handed, Header, MAX_SEEN, Seen};
use ::evidence::{Handover, Hash, Salt, Verifier};
use serde_json::json;
use std::collections::BTreeMap;
use store::{AuditFilter, Checkpoint, Gateway, Reader};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// How many events are read at once.
const CHUNK: u64 = 256;

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// Events.
    pub count: u64,
    /// How many events the log had: all proofs lead to its checkpoint of this size.
    pub size: i64,
}

/// Writes the events that match as `writ-audit-export/1`, oldest first, holding one tile of the log at a time. That it was exported is
/// the newest event of the log, and part of an export without a filter.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ExportAudit`]; when the database or the writer fails. What was written by then lacks its
/// footer, so a verifier says `truncated`.
pub async fn export(control: &Control, cx: &Ctx, filter: &AuditFilter, mut writer: impl AsyncWrite + Unpin + Send) -> Result<Exported> {
    control.run(cx, NoteExport(filter.clone())).await?;
    place_all(control, &cx.tenant).await?;
    let db = control.read(cx);
    let newest = db.newest_checkpoint().await?.ok_or_else(|| broken("the newest checkpoint"))?;
    let size = u64::try_from(newest.size).unwrap_or_default();
    let signer = keys::log_signer(&db, &control.parts().vault).await?;
    let mut prover = Prover::new(&db, size).await?;
    let header = Header {
        format: FORMAT.to_owned(),
        tenant: cx.tenant.to_string(),
        filter: words(filter),
        complete: filter.is_everything(),
        exported_at_ms: cx.now_ms,
        checkpoint: newest.note,
        verifier: signer.verifier().to_string(),
        handovers: handovers(&db, &mut prover).await?,
        seen: seen(&db, &mut prover, newest.size).await?,
    };
    let filter = resolve(&db, filter).await?;
    let (mut exporter, line) = Exporter::start(&signer, header);
    write(&mut writer, &line).await?;
    let (mut after, mut count) = (None, 0);
    loop {
        let events = db.audit_in_order(&filter, after, as_i64(size), CHUNK).await?;
        for event in &events {
            let index = event.position.and_then(|position| u64::try_from(position).ok()).ok_or_else(|| broken("the place of an event"))?;
            let salt = Salt::from_hex(&event.salt).ok_or_else(|| broken("the salt of an event"))?;
            let proof = prover.inclusion(index).await?;
            let line = exporter.event(Line { index, salt, body: &event.body, proof: &proof });
            write(&mut writer, &line.map_err(|error| Error::internal("exporting an event", error))?).await?;
            after = event.position;
            count += 1;
        }
        if (events.len() as u64) < CHUNK {
            break;
        }
    }
    write(&mut writer, &exporter.finish()).await?;
    writer.flush().await.map_err(|error| Error::internal("writing an export", error))?;
    Ok(Exported { count, size: newest.size })
}

/// How the log came to the key that signs now, the oldest handover first.
async fn handovers(db: &Reader<'_>, prover: &mut Prover<'_>) -> Result<Vec<Handed>> {
    let mut rows = db.keys_for(keys::AUDIT_LOG).await?;
    rows.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
    let mut handed = Vec::new();
    for pair in rows.windows(2) {
        let Some(note) = &pair[1].handover else {
            // The key before was stolen: nothing leads from it to this one.
            handed.clear();
            continue;
        };
        let from = Verifier::parse(&pair[0].public).map_err(|error| Error::internal("reading a log key", error))?;
        let handover = Handover::open(note, &from).map_err(|error| Error::internal("reading a handover of the log", error))?;
        let proof = prover.consistency(handover.checkpoint.size).await?;
        handed.push(Handed { from: pair[0].public.clone(), note: note.clone(), proof });
    }
    Ok(handed)
}

/// What the gateways that are enrolled cosigned, the largest log first.
async fn seen(db: &Reader<'_>, prover: &mut Prover<'_>, size: i64) -> Result<Vec<Seen>> {
    let mut by_size: BTreeMap<i64, Vec<Cosigned>> = BTreeMap::new();
    let mut gateways = db.all::<Gateway>().await?;
    gateways.sort_by(|a, b| a.id.cmp(&b.id));
    for gateway in gateways {
        if let (Some(key), Some(seen), Some(line)) = (gateway.witness_key, gateway.witnessed_size, gateway.cosignature)
            && (1..=size).contains(&seen)
        {
            by_size.entry(seen).or_default().push(Cosigned { key, line: line.trim_end().to_owned() });
        }
    }
    let mut all = Vec::new();
    for (size, by) in by_size.into_iter().rev().take(MAX_SEEN) {
        let row = db.get::<Checkpoint>(&size.to_string()).await?.ok_or_else(|| broken("a checkpoint that was cosigned"))?;
        let root = Hash::from_hex(&row.root).ok_or_else(|| broken("a checkpoint that was cosigned"))?;
        let size = u64::try_from(size).unwrap_or_default();
        all.push(Seen { size, root, proof: prover.consistency(size).await?, by });
    }
    Ok(all)
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), line: &str) -> Result<()> {
    writer.write_all(line.as_bytes()).await.map_err(|error| Error::internal("writing an export", error))
}

/// The filter as the header says it; empty when nothing was left out.
fn words(filter: &AuditFilter) -> String {
    let texts = [
        ("from_ms", filter.from_ms.map(|ms| ms.to_string())),
        ("until_ms", filter.until_ms.map(|ms| ms.to_string())),
        ("actor", filter.actor.clone()),
        ("client", filter.client.clone()),
        ("agent", filter.agent.clone()),
        ("action", filter.action.clone()),
        ("object", filter.object.clone()),
        ("outcome", filter.outcome.clone()),
        ("text", filter.text.clone()),
    ];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in texts {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    query.finish()
}

struct NoteExport(AuditFilter);

impl UseCase for NoteExport {
    type Out = ();
    const NEEDS: Permission = Permission::ExportAudit;

    async fn run(&self, _: &Scene<'_>) -> Result<Done<()>> {
        Ok(Done::new((), Event::new("audit.export").details(json!({ "filter": words(&self.0) }))))
    }
}
