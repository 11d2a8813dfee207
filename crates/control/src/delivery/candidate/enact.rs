//! What follows once enough policy keys have signed.

use super::super::compile::{live, read};
use super::super::opa;
use super::super::rollout::keep_above_floor;
use super::super::signing::Signing;
use super::super::stage::stage;
use super::{Added, Offer, State, object};
use crate::error::Result;
use crate::event::{Event, Events};
use crate::keys::sync;
use crate::scene::Scene;
use bundle::ceremony::Kind;
use bundle::{Role, SignError};
use policy::{Direction, PolicySet};
use serde_json::json;
use store::Candidate;

/// How many changes of each kind the audit event spells out; the bundle itself holds all.
const SHOWN: usize = 50;

/// Takes a signed list on, makes what it adds live, and seals. Answers what happened, or why it was not taken.
pub(crate) async fn enact(
    scene: &Scene<'_>,
    mut signing: Signing<'_>,
    offer: &Offer,
    by: &str,
) -> Result<std::result::Result<Events, SignError>> {
    if let Err(error) = signing.accept(&offer.unsigned)? {
        return Ok(Err(error));
    }
    let number = i64::try_from(offer.unsigned.version()).unwrap_or(i64::MAX);
    if let Some(row) = scene.db.get::<Candidate>(&number.to_string()).await? {
        scene.db.update(Candidate { state: State::Live.as_str().to_owned(), ended_ms: Some(scene.cx.now_ms), ..row }).await?;
    }
    let changed = sync(scene, &mut signing, &[Role::Assignment, Role::Revocations]).await?;
    let mut beside = Vec::new();
    let event = match (&offer.adds, offer.kind) {
        (Some(added), _) => publish(scene, &mut signing, offer, added, by, &mut beside).await?,
        (None, Kind::Delegation) => Event::new("key.rotate").on(object(number)).details(changed),
        (None, Kind::Floor) => {
            let floor = signing.repository().min_version();
            Event::new("bundle.floor").on(format!("policy/{floor}")).details(json!({ "min_version": floor, "note": offer.note }))
        }
        (None, _) => Event::new("targets.renew").on(object(number)),
    };
    beside.extend(keep_above_floor(scene, &mut signing).await?);
    signing.mend_delegated().await?;
    opa::complete(scene, &signing, offer).await?;
    opa::refresh(scene, &signing).await?;
    let outdated = signing.outdate().await?;
    signing.seal().await?;
    Ok(Ok(Events::new(event).and(beside).and(outdated)))
}

async fn publish(
    scene: &Scene<'_>,
    signing: &mut Signing<'_>,
    offer: &Offer,
    added: &Added,
    by: &str,
    beside: &mut Vec<Event>,
) -> Result<Event> {
    let before = live(&scene.db).await?;
    let policy = read(&added.text)?;
    let changes = policy::diff(before.as_ref().unwrap_or(&PolicySet::default()), &policy);
    let (version, sha256) = (added.version, bundle::sha256_hex(added.text.as_bytes()));
    let row = store::Bundle {
        id: version.to_string(),
        version,
        policy: added.text.clone(),
        sha256: sha256.clone(),
        note: offer.note.clone(),
        published_ms: scene.cx.now_ms,
        published_by: by.to_owned(),
    };
    scene.db.insert(row).await?;
    beside.extend(stage(scene, signing, version, offer.draft, offer.kind).await?);
    opa::publish(scene, signing, &policy, &added.text).await?;
    let said = |direction: Direction| -> Vec<String> {
        let changes = changes.iter().filter(|change| change.direction == direction);
        changes.map(ToString::to_string).take(SHOWN).collect()
    };
    let details = json!({
        "version": version, "sha256": sha256, "note": offer.note, "draft": offer.draft, "kind": offer.kind.as_str(), "asked_by": by,
        "changes": changes.len(), "widens": said(Direction::Widens), "narrows": said(Direction::Narrows),
    });
    Ok(Event::new("bundle.publish").on(format!("policy/{version}")).details(details))
}
