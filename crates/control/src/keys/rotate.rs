//! Another key for a role of the repository.

use super::change::{check, found, made, of};
use super::propose::{propose, proposed};
use super::submit::{LISTED, enact_root};
use crate::delivery::candidate::{Fate, Offer, check_nothing_urgent_awaits, settle};
use crate::delivery::signing::{Signing, damaged, public, purpose, unsigned};
use crate::error::{Error, Result};
use crate::event::{Event, Events};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use crate::service::ServiceKey;
use crate::tenancy::keys::{self, is_at_hand};
use bundle::ceremony::{Kind, Proposal};
use bundle::repository::{Delegates, Missing, RootKeys, Threshold};
use bundle::{PublicKey, Role};
use serde_json::json;

/// Replaces the keys of roles: those that are at hand by new ones that lie here, or by one in a key management service; or one that lies
/// elsewhere by another that does.
///
/// Where everything that this takes is signed by keys at hand, it happens at once: new keys, new root or list of policies, everything that
/// they sign signed anew, the old private halves destroyed. Otherwise the new keys wait, and what has to be signed elsewhere is written
/// down.
pub struct RotateKeys {
    /// The roles: of those that the root lists, or of those that the policy key delegates to, not of both.
    pub roles: Vec<Role>,
    /// The public half of the new key, where it lies elsewhere.
    pub elsewhere: Option<PublicKey>,
    /// The new key, where it lies in a service. [`super::prove`] makes sure that it signs.
    pub service: Option<ServiceKey>,
    /// Id, or beginning of the id, of the key that it replaces, where there are several.
    pub replaces: Option<String>,
    /// The old key was stolen: a candidate that waits for its signature does not hold this up.
    pub compromised: bool,
}

/// What became of a rotation.
#[derive(Debug)]
pub enum Rotated {
    /// The new keys sign, the old ones sign no more.
    Done,
    /// A root has to be signed.
    Proposed(Box<Proposal>),
    /// This candidate has to be signed by the policy key.
    Awaits(u64),
}

/// A rotation.
#[derive(Debug)]
pub struct Rotation {
    /// The new keys, by id.
    pub keys: Vec<(Role, String)>,
    /// What became of it.
    pub rotated: Rotated,
}

impl UseCase for RotateKeys {
    type Out = Rotation;
    const NEEDS: Permission = Permission::WriteKeys;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Rotation>> {
        let mut roles = self.roles.clone();
        roles.sort_unstable();
        roles.dedup();
        let listed = roles.iter().filter(|role| LISTED.contains(role)).count();
        if roles.is_empty() || (listed > 0 && listed < roles.len()) {
            return Err(Error::invalid("role", "give roles that the root lists, or roles that the policy key delegates to"));
        }
        if (self.elsewhere.is_some() || self.service.is_some()) && roles.len() > 1 {
            return Err(Error::invalid("role", "a key that lies elsewhere is for one role"));
        }
        if self.elsewhere.is_some() && self.service.is_some() {
            return Err(Error::invalid("new", "the new key lies in one place"));
        }
        let signing = Signing::open(scene).await?;
        if listed > 0 { self.in_the_root(scene, signing, &roles).await } else { self.delegated(scene, signing, &roles).await }
    }
}

impl RotateKeys {
    async fn in_the_root(&self, scene: &Scene<'_>, mut signing: Signing<'_>, roles: &[Role]) -> Result<Done<Rotation>> {
        let mut all: RootKeys = signing.root_keys()?;
        let mut new = Vec::new();
        for role in roles {
            let listed = of(&mut all, *role)?;
            for key in self.replaced(scene, &signing, *role, listed).await? {
                new.push((*role, key.id().to_owned()));
            }
        }
        signing.reload_keys().await?;
        check(&all)?;
        let proposal = propose(scene, &signing, &all).await?;
        let mut root = proposal.root().clone();
        signing.sign_here(&mut root)?;
        let complete = signing.repository().missing(&root).map_err(damaged)?.iter().all(Missing::is_met);
        if !complete || proposal.list().is_some() {
            let event = proposed(&proposal);
            return Ok(Done::new(Rotation { keys: new, rotated: Rotated::Proposed(Box::new(proposal)) }, event));
        }
        let version = root.version();
        let enacted = enact_root(scene, signing, root, None).await?;
        let details = json!({
            "kind": "root", "version": version, "changes": proposal.changes(), "compromised": self.compromised, "keys": enacted.keys,
        });
        let event = Event::new("key.rotate").on(format!("root/{version}")).details(details);
        Ok(Done::all(Rotation { keys: new, rotated: Rotated::Done }, Events::new(event).and(enacted.outdated)).wake())
    }

    async fn delegated(&self, scene: &Scene<'_>, mut signing: Signing<'_>, roles: &[Role]) -> Result<Done<Rotation>> {
        if self.elsewhere.is_some() {
            return Err(Error::refused("online_role", "this role is signed all the time, so its key has to lie here, or in a service"));
        }
        if !self.compromised {
            check_nothing_urgent_awaits(scene).await?;
        }
        let mut delegates: Delegates = signing.delegates()?;
        let mut new = Vec::new();
        for role in roles {
            let listed = if *role == Role::Assignment { &mut delegates.assignment } else { &mut delegates.revocations };
            for key in self.replaced(scene, &signing, *role, listed).await? {
                new.push((*role, key.id().to_owned()));
            }
        }
        signing.reload_keys().await?;
        if !signing.is_published() {
            // Nothing names these keys yet: the first list of policies will.
            first(scene, &signing, roles, &new).await?;
            let in_service = self.service.as_ref().map(|key| key.reference.as_str());
            let details = json!({ "began": new_ids(&new), "in_service": in_service, "compromised": self.compromised });
            let event = Event::new("key.rotate").on("delegation").details(details);
            return Ok(Done::new(Rotation { keys: new, rotated: Rotated::Done }, event));
        }
        let stamp = signing.list_stamp().await?;
        let list = signing.repository().prepare_targets(Some(&delegates), 0, stamp).map_err(unsigned)?;
        let note = if self.compromised { "A key was stolen" } else { "A key is rotated" };
        Ok(match settle(scene, signing, Offer::list(Kind::Delegation, list, note.to_owned())).await? {
            Fate::Live(events) => Done::all(Rotation { keys: new, rotated: Rotated::Done }, events).wake(),
            Fate::Awaits(number, events) => Done::all(Rotation { keys: new, rotated: Rotated::Awaits(number) }, events),
        })
    }

    /// Puts new keys in the place of old ones; answers the new ones.
    async fn replaced(&self, scene: &Scene<'_>, signing: &Signing<'_>, role: Role, listed: &mut Threshold) -> Result<Vec<PublicKey>> {
        let mut ours = Vec::new();
        for row in signing.keys().iter().filter(|row| is_at_hand(row) && row.active == 1 && row.purpose == purpose(role)) {
            ours.push(public(row)?);
        }
        if let Some(key) = &self.service {
            waits_in_service(scene, signing, role, key).await?;
            let at: Vec<usize> = (0..listed.keys.len()).filter(|at| ours.contains(&listed.keys[*at])).collect();
            let at = match (&self.replaces, &at[..]) {
                (Some(id), _) => found(listed, role, id)?,
                (None, [at]) => *at,
                (None, []) => return Err(key_elsewhere(role)),
                (None, _) => return Err(which_key(role)),
            };
            listed.keys[at] = key.public.clone();
            return Ok(vec![key.public.clone()]);
        }
        if let Some(key) = &self.elsewhere {
            let at = match (&self.replaces, listed.keys.len()) {
                (Some(id), _) => found(listed, role, id)?,
                (None, 1) => 0,
                (None, _) => return Err(which_key(role)),
            };
            listed.keys[at] = key.clone();
            return Ok(vec![key.clone()]);
        }
        let mut new = Vec::new();
        for key in listed.keys.iter_mut().filter(|key| ours.contains(key)) {
            *key = made(scene, role).await?;
            new.push(key.clone());
        }
        if new.is_empty() {
            return Err(key_elsewhere(role));
        }
        Ok(new)
    }
}

fn key_elsewhere(role: Role) -> Error {
    let text = format!("no key that signs for {role} lies here; make the new one where the old one lies, and give its public half");
    Error::refused("key_elsewhere", text)
}

fn which_key(role: Role) -> Error {
    Error::refused("which_key", format!("several keys sign for {role}; say which one is to be replaced"))
}

/// Has a key in a service wait for its time. No key signs for two roles: whoever steals one key has one role.
async fn waits_in_service(scene: &Scene<'_>, signing: &Signing<'_>, role: Role, key: &ServiceKey) -> Result<()> {
    let pem = key.public.to_pem();
    match signing.keys().iter().find(|row| row.public == pem && row.ended_ms.is_none()) {
        None => keys::add_in_service(scene, purpose(role), key).await.map(drop),
        // It was proposed before, and nobody signed that.
        Some(row) if row.active == 0 && row.purpose == purpose(role) && is_at_hand(row) => Ok(()),
        Some(row) => {
            let text = format!("key {} is one of this tenant's keys already; each role needs a key of its own", key.public.id());
            Err(Error::refused(if row.purpose == purpose(role) { "known_key" } else { "shared_key" }, text))
        }
    }
}

fn new_ids(new: &[(Role, String)]) -> Vec<&str> {
    new.iter().map(|(_, id)| id.as_str()).collect()
}

/// Has the new keys stand in for the old ones before anything names either.
async fn first(scene: &Scene<'_>, signing: &Signing<'_>, roles: &[Role], new: &[(Role, String)]) -> Result<()> {
    for row in signing.keys().iter().filter(|row| row.ended_ms.is_none()) {
        let Some(role) = roles.iter().find(|role| row.purpose == purpose(**role)) else { continue };
        let id = public(row)?.id().to_owned();
        match new.contains(&(*role, id)) {
            true => keys::activate(scene, row.clone()).await?,
            false => keys::end(scene, row.clone(), true).await?,
        }
    }
    Ok(())
}
