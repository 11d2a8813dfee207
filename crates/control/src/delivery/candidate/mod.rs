//! What the policy key signs, on its way from "asked for" to "live".
//!
//! Whatever changes the list of policies is an `Offer` first: a publish, other keys in the live policy, another delegated key, a higher
//! floor, the same for another while. If the policy key lies here, `settle` signs and enacts it in the same transaction, and no row is
//! left of it. If it lies elsewhere, the offer is kept as a candidate:
//!
//! ```text
//! candidate ── awaiting ──signature──► signed ─► staged ─► live
//!                 │ └─ outdated (the list was signed otherwise meanwhile)
//!                 ├─ withdrawn (by a person)
//!                 └─ superseded (by a newer one)
//! ```
//!
//! One awaits at a time. Numbers and policy versions are never given twice: somebody may have signed what was withdrawn.

mod enact;
mod export;
mod renewal;
mod sign;
mod view;
mod withdraw;

pub use export::export_candidate;
pub use renewal::offer_renewal;
pub use sign::{Progress, SignCandidate, sign_candidate};
pub use view::{CandidateView, candidate};
pub use withdraw::WithdrawCandidate;

pub(crate) use export::roots;

use enact::enact;

use super::opa;
use super::signing::{Signing, damaged, unsigned};
use crate::error::{Error, Result};
use crate::event::{Event, Events};
use crate::scene::Scene;
use bundle::ceremony::Kind;
use bundle::repository::Missing;
use bundle::{Role, Unsigned};
use policy::Configuration;
use serde_json::json;
use store::Candidate;

/// A policy version that an offer adds.
pub(crate) struct Added {
    /// Its number.
    pub(crate) version: i64,
    /// What it was compiled from.
    pub(crate) configuration: Configuration,
    /// The exact bytes.
    pub(crate) text: String,
}

impl Added {
    /// Compiles a configuration under the version that comes next.
    pub(crate) async fn compile(scene: &Scene<'_>, configuration: Configuration) -> Result<Self> {
        let version = super::compile::next_version(&scene.db).await?;
        let policy = configuration.compile(version);
        let text = serde_json::to_string(&policy).map_err(|error| Error::internal("writing the policy", error))?;
        Ok(Self { version: i64::try_from(version).map_err(damaged)?, configuration, text })
    }

    /// Its number as the metadata has it.
    pub(crate) const fn number(&self) -> u64 {
        self.version.unsigned_abs()
    }
}

/// What the policy key is asked to sign.
pub(crate) struct Offer {
    pub(crate) kind: Kind,
    pub(crate) adds: Option<Added>,
    pub(crate) unsigned: Unsigned,
    /// The draft that it publishes.
    pub(crate) draft: Option<i64>,
    pub(crate) note: String,
    /// What is signed for OPAs along with it, where the policy key lies elsewhere.
    pub(super) for_opas: Option<opa::Asked>,
}

impl Offer {
    /// A new policy version, with a floor.
    pub(crate) async fn policy(
        signing: &Signing<'_>,
        kind: Kind,
        added: Added,
        floor: u64,
        draft: Option<i64>,
        note: String,
    ) -> Result<Self> {
        let (delegates, stamp) = (signing.delegates()?, signing.list_stamp().await?);
        let document = signing.repository().prepare_policy(&delegates, added.number(), &added.text, floor, stamp).map_err(unsigned)?;
        Ok(Self { kind, adds: Some(added), unsigned: document, draft, note, for_opas: None })
    }

    /// The same policies, changed in some other way.
    pub(crate) const fn list(kind: Kind, unsigned: Unsigned, note: String) -> Self {
        Self { kind, adds: None, unsigned, draft: None, note, for_opas: None }
    }
}

/// What became of an offer.
pub(crate) enum Fate {
    /// It is signed and enacted.
    Live(Events),
    /// It waits, under this number.
    Awaits(u64, Events),
}

/// Signs an offer with what lies here, and enacts it if that is enough; keeps it as a candidate otherwise.
pub(crate) async fn settle(scene: &Scene<'_>, signing: Signing<'_>, mut offer: Offer) -> Result<Fate> {
    signing.sign_here(&mut offer.unsigned)?;
    if is_complete(&signing, &offer.unsigned)? {
        let by = scene.cx.actor.id().to_owned();
        return Ok(Fate::Live(enact(scene, signing, &offer, &by).await?.map_err(unsigned)?));
    }
    let superseded = match scene.db.candidate_awaiting().await? {
        Some(before) => Some(close(scene, before, State::Superseded).await?),
        None => None,
    };
    let number = offer.unsigned.version();
    let for_opas = opa::ask(scene, &signing, &offer.unsigned, offer.adds.as_ref()).await?;
    let configuration = offer.adds.as_ref().map(|added| serde_json::to_string(&added.configuration)).transpose().map_err(damaged)?;
    let row = Candidate {
        id: number.to_string(),
        number: i64::try_from(number).map_err(damaged)?,
        kind: offer.kind.as_str().to_owned(),
        state: State::Awaiting.as_str().to_owned(),
        policy_version: offer.adds.as_ref().map(|added| added.version),
        configuration,
        unsigned: serde_json::to_string(&offer.unsigned).map_err(damaged)?,
        draft: offer.draft,
        note: offer.note,
        requested_ms: scene.cx.now_ms,
        requested_by: scene.cx.actor.id().to_owned(),
        ended_ms: None,
        for_opas: for_opas.map(|asked| serde_json::to_string(&asked)).transpose().map_err(damaged)?,
    };
    let details = json!({ "kind": row.kind, "policy_version": row.policy_version, "note": row.note, "draft": row.draft });
    let created = Event::new("candidate.create").on(object(row.number)).details(details);
    scene.db.insert(row).await?;
    Ok(Fate::Awaits(number, Events::new(created).and(superseded)))
}

fn is_complete(signing: &Signing<'_>, document: &Unsigned) -> Result<bool> {
    Ok(signing.repository().missing(document).map_err(damaged)?.iter().all(Missing::is_met))
}

/// How audit events name a candidate.
fn object(number: i64) -> String {
    format!("candidate/{number}")
}

/// Where a candidate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Signatures are missing.
    Awaiting,
    /// Signed, enacted.
    Live,
    /// Taken back by a person.
    Withdrawn,
    /// Replaced by a newer one.
    Superseded,
    /// The list was signed otherwise while it waited, so it fits no more.
    Outdated,
}

impl State {
    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Awaiting => "awaiting",
            Self::Live => "live",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
            Self::Outdated => "outdated",
        }
    }
}

/// Ends a candidate's waiting without a signature. Keys that were made for it are destroyed.
async fn close(scene: &Scene<'_>, row: Candidate, state: State) -> Result<Event> {
    if row.kind == Kind::Delegation.as_str() {
        for key in scene.db.tuf_keys().await? {
            let delegated = [Role::Assignment, Role::Revocations].map(super::signing::purpose).contains(&key.purpose.as_str());
            if delegated && key.active == 0 && key.ended_ms.is_none() {
                crate::tenancy::keys::end(scene, key, true).await?;
            }
        }
    }
    let action = match state {
        State::Withdrawn => "candidate.withdraw",
        State::Superseded => "candidate.supersede",
        State::Outdated => "candidate.outdate",
        State::Awaiting | State::Live => return Err(Error::internal("ending a candidate", "it does not end this way")),
    };
    let event = Event::new(action).on(object(row.number)).details(json!({ "kind": row.kind, "policy_version": row.policy_version }));
    scene.db.update(Candidate { state: state.as_str().to_owned(), ended_ms: Some(scene.cx.now_ms), ..row }).await?;
    Ok(event)
}

/// The list of policies was signed: whatever still waits was prepared for another one.
pub(super) async fn outdate(scene: &Scene<'_>) -> Result<Option<Event>> {
    match scene.db.candidate_awaiting().await? {
        Some(row) => close(scene, row, State::Outdated).await.map(Some),
        None => Ok(None),
    }
}

/// Refuses while something waits that a newer candidate must not push aside: a change of keys or of the floor.
pub(crate) async fn check_nothing_urgent_awaits(scene: &Scene<'_>) -> Result<()> {
    let Some(row) = scene.db.candidate_awaiting().await? else { return Ok(()) };
    match Kind::parse(&row.kind) {
        Some(Kind::Publish | Kind::Renewal) => Ok(()),
        _ => Err(Error::refused(
            "candidate_awaits",
            format!("candidate {} changes keys or the floor and awaits its signature; have it signed, or withdraw it, first", row.number),
        )),
    }
}
