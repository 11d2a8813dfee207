//! Taking a signature that was made elsewhere.

use super::super::opa::Asked;
use super::super::signing::{Signing, damaged, read_repository, unsigned};
use super::enact::enact;
use super::{Added, Offer, State, is_complete, object};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::{Event, Events};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use bundle::ceremony::{Kind, SignatureFile};
use bundle::{SignError, Unsigned};
use serde_json::json;
use std::collections::BTreeMap;
use store::{Candidate, Reader};

/// A policy key's signature over the candidate that awaits it. The signature is what authenticates: whoever brings it.
#[derive(Debug, Clone)]
pub struct SignCandidate {
    /// The candidate's number.
    pub number: u64,
    /// Id of the key.
    pub keyid: String,
    /// ASN.1 DER in hex.
    pub signature: String,
    /// Its signatures over bundles for OPAs, by the policy's version, ASN.1 DER in hex.
    pub for_opas: BTreeMap<u64, String>,
}

impl From<SignatureFile> for SignCandidate {
    fn from(file: SignatureFile) -> Self {
        Self { number: file.candidate, keyid: file.keyid, signature: file.sig, for_opas: file.for_opas }
    }
}

/// How far a candidate is after a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is signed and live.
    Live,
    /// So many more keys have to sign.
    Awaits(u32),
}

/// Takes a signature. What is none is turned away before anything is written, so that strangers cost little.
///
/// # Errors
/// [`Error::NotFound`] for a number that was never given; [`Error::Refused`] with `wrong_signature`, `candidate_ended`, `already_signed`,
/// `wrong_for_opas` or `outdated`.
pub async fn sign_candidate(control: &Control, cx: &Ctx, sign: SignCandidate) -> Result<Progress> {
    sign.judge(&control.read(cx)).await?;
    control.run(cx, sign).await
}

impl UseCase for SignCandidate {
    type Out = Progress;
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Progress>> {
        let (row, offer) = self.judge(&scene.db).await?;
        let signing = Signing::open(scene).await?;
        let signed = Event::new("candidate.sign").by("key", &self.keyid).on(object(row.number));
        let for_opas: Vec<u64> = self.for_opas.keys().copied().collect();
        let signed = signed
            .details(json!({ "kind": row.kind, "policy_version": row.policy_version, "key": self.keyid, "bundles_for_opas": for_opas }));
        if is_complete(&signing, &offer.unsigned)? {
            let events = enact(scene, signing, &offer, &row.requested_by).await?.map_err(outdated)?;
            let events = Events::new(signed).and(events.map(|event| event.by("key", &self.keyid)).into_vec());
            return Ok(Done::all(Progress::Live, events).wake());
        }
        let missing = signing.repository().missing(&offer.unsigned).map_err(damaged)?;
        let missing = missing.iter().map(|missing| missing.threshold.saturating_sub(missing.signed())).max().unwrap_or_default();
        let for_opas = offer.for_opas.map(|asked| serde_json::to_string(&asked)).transpose().map_err(damaged)?;
        scene.db.update(Candidate { unsigned: serde_json::to_string(&offer.unsigned).map_err(damaged)?, for_opas, ..row }).await?;
        Ok(Done::new(Progress::Awaits(missing), signed))
    }
}

impl SignCandidate {
    /// The candidate and its offer, with this signature added.
    async fn judge(&self, db: &Reader<'_>) -> Result<(Candidate, Offer)> {
        let row = db.get::<Candidate>(&self.number.to_string()).await?.ok_or(Error::NotFound)?;
        let state = db.tuf_state().await?.ok_or_else(|| damaged("the tenant has none"))?;
        let mut offer = read(&row)?;
        // Before anything is told of where the candidate stands: strangers learn nothing of it.
        let keys = read_repository(&state)?.may_sign(&offer.unsigned).map_err(unsigned)?;
        let key = keys.iter().find(|key| key.id() == self.keyid).ok_or_else(not_theirs)?;
        let signature = hex::decode(&self.signature).map_err(|_| not_theirs())?;
        let known = offer.unsigned.signature_of(key.id()).is_some();
        offer.unsigned.countersign(key, &signature).map_err(|_| not_theirs())?;
        if row.state != State::Awaiting.as_str() {
            return Err(Error::refused("candidate_ended", format!("candidate {} awaits no signature: it is {}", row.number, row.state)));
        }
        if known {
            return Err(Error::refused("already_signed", format!("this key has signed candidate {} already", row.number)));
        }
        let complete = match offer.for_opas.as_mut().filter(|asked| asked.keyid == key.id()) {
            Some(asked) => asked.take(db, (&offer.unsigned, offer.adds.as_ref()), key, &self.for_opas).await?,
            None => self.for_opas.is_empty(),
        };
        if !complete {
            return Err(Error::refused(
                "wrong_for_opas",
                "the signatures over the bundles for OPAs are not those that the candidate asks for: sign it with this version of writ",
            ));
        }
        Ok((row, offer))
    }
}

fn not_theirs() -> Error {
    Error::refused("wrong_signature", "this is not the signature of a policy key over this candidate")
}

fn outdated(error: SignError) -> Error {
    Error::refused("outdated", format!("the candidate fits no more: {error}. Ask for it again"))
}

/// The offer that a candidate's row keeps.
pub(super) fn read(row: &Candidate) -> Result<Offer> {
    let document: Unsigned = serde_json::from_str(&row.unsigned).map_err(damaged)?;
    let adds = match (row.policy_version, &row.configuration) {
        (Some(version), Some(configuration)) => {
            let configuration = serde_json::from_str(configuration).map_err(damaged)?;
            let text = document.files().values().next().cloned().ok_or_else(|| damaged("the candidate's policy is gone"))?;
            Some(Added { version, configuration, text })
        }
        _ => None,
    };
    let kind = Kind::parse(&row.kind).ok_or_else(|| damaged(format!("{:?} is no kind of candidate", row.kind)))?;
    Ok(Offer { kind, adds, unsigned: document, draft: row.draft, note: row.note.clone(), for_opas: Asked::read(row)? })
}
