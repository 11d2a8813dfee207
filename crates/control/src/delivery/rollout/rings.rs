//! Editing the rings.

use super::course::{LAST, course, sign};
use crate::chance::sha256_hex;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use bundle::assignment::{Members, Ring};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The most rings that a tenant may have, the last among them.
pub const MOST_RINGS: usize = 8;

/// A ring as somebody wants it. Everybody who is in none of these is in the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRing {
    /// Its name: `[a-z0-9-]{1,40}`.
    pub name: String,
    /// Who belongs to it.
    pub members: NewMembers,
}

/// Who belongs to a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewMembers {
    /// Gateways with all these labels.
    Labels(BTreeMap<String, String>),
    /// So many of ten thousand, counted from the first, those of earlier rings included.
    Share(u16),
}

/// Says which rings were shown, so that nobody edits what they did not see.
pub fn rings_digest(rings: &[Ring]) -> String {
    let seen: Vec<_> = rings.iter().map(|ring| json!([ring.name, ring.members])).collect();
    sha256_hex(json!(seen).to_string())
}

/// Replaces the rings, in order. The last ring, `all`, is always there and needs no naming.
pub struct ArrangeRings {
    /// All but the last.
    pub rings: Vec<NewRing>,
    /// [`rings_digest`] of the rings that were shown.
    pub digest: String,
}

impl ArrangeRings {
    fn checked(&self) -> Result<Vec<(String, Members)>> {
        let invalid = |reason: String| Err(Error::invalid("rings", reason));
        if self.rings.len() >= MOST_RINGS {
            return invalid(format!("use at most {} rings beside the last", MOST_RINGS - 1));
        }
        let (mut names, mut highest, mut checked) = (BTreeSet::new(), 0, Vec::new());
        for NewRing { name, members } in &self.rings {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.len() > 40 || !name.chars().all(fits) {
                return invalid(format!("{name:?}: a ring's name is 1 to 40 of a-z, 0-9 and -"));
            }
            if name == LAST {
                return invalid(format!("{LAST} is the last ring's name"));
            }
            if !names.insert(name) {
                return invalid(format!("{name} is there twice"));
            }
            let members = match members {
                NewMembers::Labels(labels) if labels.is_empty() => return invalid(format!("{name}: name a label, such as stage=canary")),
                NewMembers::Labels(labels) => {
                    if labels.len() > 8 || labels.iter().any(|(name, value)| name.is_empty() || name.len() > 63 || value.len() > 63) {
                        return invalid(format!("{name}: use at most 8 labels of at most 63 characters"));
                    }
                    Members::Labels(labels.clone())
                }
                NewMembers::Share(share) if *share <= highest || *share >= 10_000 => {
                    let text = "a share counts from the first gateway, so it is more than the one before and less than 100 %";
                    return invalid(format!("{name}: {text}"));
                }
                NewMembers::Share(share) => {
                    highest = *share;
                    Members::Share(*share)
                }
            };
            checked.push((name.clone(), members));
        }
        checked.push((LAST.to_owned(), Members::All));
        Ok(checked)
    }
}

impl UseCase for ArrangeRings {
    type Out = ();
    const NEEDS: Permission = Permission::WriteRollouts;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let rings = self.checked()?;
        let mut course = course(&scene.db).await?;
        if rings_digest(course.rings()) != self.digest {
            return Err(Error::Changed("the rings were edited after you saw them; look at them again".to_owned()));
        }
        let before: Vec<String> = course.rings().iter().map(|ring| ring.name.clone()).collect();
        if course.arrange(rings).is_err() {
            let text = "a rollout is under way, and its rings stay as they are until it is finished or reverted";
            return Err(Error::refused("rollout_under_way", text));
        }
        for row in scene.db.rings_in_order().await? {
            scene.db.delete::<store::Ring>(&row.id).await?;
        }
        let mut rows = Vec::new();
        for (ring, position) in course.rings().iter().zip(0..) {
            let members = serde_json::to_string(&ring.members).map_err(|error| Error::internal("writing a ring", error))?;
            let version = i64::try_from(ring.version).map_err(|error| Error::internal("writing a ring", error))?;
            rows.push(store::Ring { id: ring.name.clone(), position, members, version, since_ms: scene.cx.now_ms });
        }
        scene.db.insert_all(rows).await?;
        sign(scene).await?;
        let said: Vec<_> = course.rings().iter().map(|ring| json!({ "name": ring.name, "members": ring.members })).collect();
        let names: Vec<&str> = course.rings().iter().map(|ring| ring.name.as_str()).collect();
        let details = json!({ "order": names.join(", "), "rings": said, "before": before });
        Ok(Done::new((), Event::new("rings.arrange").details(details)).wake())
    }
}
