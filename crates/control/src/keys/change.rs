//! Changes to what a root lists.

use crate::delivery::signing::{Signing, purpose};
use crate::error::{Error, Result};
use crate::scene::Scene;
use crate::tenancy::keys;
use bundle::repository::{RootKeys, Threshold};
use bundle::{Key, PublicKey, Role};

/// One change to what the root lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// A key that lies elsewhere may sign for the role, too.
    Add {
        /// The role.
        role: Role,
        /// Its public half.
        key: PublicKey,
    },
    /// A key may sign for the role no more.
    Remove {
        /// The role.
        role: Role,
        /// Its id, or the beginning of it.
        key: String,
    },
    /// So many keys of the role must sign.
    Threshold {
        /// The role.
        role: Role,
        /// How many.
        threshold: u32,
    },
    /// One new key, made here, signs for the role instead of all that do now.
    Here {
        /// The role.
        role: Role,
    },
    /// One key that lies elsewhere signs for the role instead of all that do now.
    Elsewhere {
        /// The role.
        role: Role,
        /// Its public half.
        key: PublicKey,
    },
}

/// The shortest beginning of a key id that counts as one.
const SHORTEST: usize = 8;

impl KeyChange {
    const fn role(&self) -> Role {
        match self {
            Self::Add { role, .. }
            | Self::Remove { role, .. }
            | Self::Threshold { role, .. }
            | Self::Here { role }
            | Self::Elsewhere { role, .. } => *role,
        }
    }
}

/// What the root is to list. Keys that are to lie here are made, and wait.
pub(super) async fn apply(scene: &Scene<'_>, signing: &mut Signing<'_>, changes: &[KeyChange]) -> Result<RootKeys> {
    let mut all = signing.root_keys()?;
    for change in changes {
        let role = change.role();
        let listed = of(&mut all, role)?;
        match change {
            KeyChange::Add { key, .. } => {
                no_online_role(role)?;
                listed.keys.push(key.clone());
            }
            KeyChange::Remove { key, .. } => {
                let at = found(listed, role, key)?;
                listed.keys.remove(at);
            }
            KeyChange::Threshold { threshold, .. } => listed.threshold = *threshold,
            KeyChange::Here { .. } => *listed = Threshold::one(&made(scene, role).await?),
            KeyChange::Elsewhere { key, .. } => {
                no_online_role(role)?;
                *listed = Threshold::one(key);
            }
        }
    }
    signing.reload_keys().await?;
    check(&all)?;
    Ok(all)
}

/// A new key of the role that lies here and waits.
pub(super) async fn made(scene: &Scene<'_>, role: Role) -> Result<PublicKey> {
    let failed = |error| Error::internal("making a signing key", error);
    let pkcs8 = scene.new_key(purpose(role), || Ok(Key::generate().map_err(failed)?.pkcs8().to_vec()))?;
    let key = Key::from_pkcs8(&pkcs8).map_err(failed)?;
    keys::add(scene, purpose(role), key.pkcs8(), key.public().to_pem(), false).await?;
    Ok(key.public().clone())
}

/// The role's place in what a root lists.
pub(super) fn of(all: &mut RootKeys, role: Role) -> Result<&mut Threshold> {
    match role {
        Role::Root => Ok(&mut all.root),
        Role::Targets => Ok(&mut all.targets),
        Role::Snapshot => Ok(&mut all.snapshot),
        Role::Timestamp => Ok(&mut all.timestamp),
        Role::Assignment | Role::Revocations => {
            Err(Error::refused("not_in_the_root", format!("the {role} key is named by the policy key, not by the root; rotate it")))
        }
    }
}

/// Where the key of this id, or of this beginning of one, stands.
pub(super) fn found(listed: &Threshold, role: Role, id: &str) -> Result<usize> {
    let fits = |key: &PublicKey| key.id() == id || (id.len() >= SHORTEST && key.id().starts_with(id));
    let at: Vec<usize> = listed.keys.iter().enumerate().filter(|(_, key)| fits(key)).map(|(at, _)| at).collect();
    match at[..] {
        [at] => Ok(at),
        _ => Err(Error::refused("unknown_key", format!("{id} is not the id of exactly one key that signs for {role}"))),
    }
}

fn no_online_role(role: Role) -> Result<()> {
    match role {
        Role::Root | Role::Targets => Ok(()),
        _ => Err(Error::refused(
            "online_role",
            format!("{role} is signed all the time, so its key has to lie here, or in a service; it can be rotated"),
        )),
    }
}

/// A threshold that can be met, and no key that signs for two roles: whoever steals one key has one role.
pub(super) fn check(all: &RootKeys) -> Result<()> {
    let roles =
        [(Role::Root, &all.root), (Role::Targets, &all.targets), (Role::Snapshot, &all.snapshot), (Role::Timestamp, &all.timestamp)];
    let mut seen: Vec<(Role, &PublicKey)> = Vec::new();
    for (role, listed) in roles {
        let keys = listed.keys.len();
        if listed.threshold == 0 || listed.threshold as usize > keys {
            let text = format!("{role} would need {} signatures of {keys} keys", listed.threshold);
            return Err(Error::refused("bad_threshold", text));
        }
        for key in &listed.keys {
            match seen.iter().find(|(_, known)| *known == key) {
                Some((other, _)) if *other == role => {
                    return Err(Error::refused("known_key", format!("key {} signs for {role} already", key.id())));
                }
                Some((other, _)) => {
                    let text = format!("key {} signs for {other}; {role} needs a key of its own", key.id());
                    return Err(Error::refused("shared_key", text));
                }
                None => seen.push((role, key)),
            }
        }
    }
    Ok(())
}
