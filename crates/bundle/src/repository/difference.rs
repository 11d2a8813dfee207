//! What metadata would change, in words for the person who is to sign it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Repository, SignError, Unsigned};
use crate::layout::{Role, policy_name, policy_version};
use crate::schema::{Common, Delegations, RoleKeys, Root, Targets};

/// The roles that a root lists, in the order in which people are told of them.
const LISTED: [Role; 4] = [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp];

impl Repository {
    /// What `unsigned` would change against what is held, one sentence each. Key ids stand in full, so that they can be compared.
    ///
    /// # Errors
    /// [`SignError::Damaged`] for metadata that cannot be read.
    pub fn difference(&self, unsigned: &Unsigned) -> Result<Vec<String>, SignError> {
        let role = unsigned.role();
        let damaged = |_| SignError::Damaged(role);
        let mut said = match role {
            Role::Root => {
                let new = Root::deserialize(unsigned.signed()).map_err(damaged)?;
                let held = self.read_optional::<Root>(Role::Root)?.map(|(held, _)| held);
                roots(held.as_ref(), &new)
            }
            Role::Targets => {
                let new = Targets::deserialize(unsigned.signed()).map_err(damaged)?;
                let held = self.read_optional::<Targets>(Role::Targets)?.map(|(held, _)| held).unwrap_or_default();
                policies(&held, &new)
            }
            _ => Vec::new(),
        };
        if said.is_empty() {
            said.push(format!("{} stays as it is, for another while", name(role)));
        }
        let ends = Common::deserialize(unsigned.signed()).map_err(damaged)?.expires;
        said.push(match self.read_optional::<Value>(role)? {
            Some((_, held)) => format!("{} ends on {ends}; the one before ends on {}", name(role), held.expires),
            None => format!("{} ends on {ends}", name(role)),
        });
        Ok(said)
    }
}

/// As people say it.
const fn name(role: Role) -> &'static str {
    match role {
        Role::Root => "The root",
        Role::Targets => "The list of policies",
        Role::Assignment => "The assignment",
        Role::Revocations => "The revocation list",
        Role::Snapshot => "The snapshot",
        Role::Timestamp => "The timestamp",
    }
}

fn roots(held: Option<&Root>, new: &Root) -> Vec<String> {
    let before = |role| held.and_then(|held| held.roles.of(role));
    LISTED
        .into_iter()
        .filter_map(|role| Some((role, new.roles.of(role)?)))
        .flat_map(|(role, after)| keys(role, before(role), after))
        .collect()
}

/// What changes about who signs for a role.
fn keys(role: Role, before: Option<&RoleKeys>, after: &RoleKeys) -> Vec<String> {
    let of = |keys: &RoleKeys| format!("{} of {} keys", keys.threshold, keys.keyids.len());
    let mut said = Vec::new();
    match before {
        Some(before) if of(before) != of(after) => said.push(format!("For {role}, {} must sign instead of {}", of(after), of(before))),
        Some(_) => {}
        None => said.push(format!("For {role}, {} must sign", of(after))),
    }
    let held = before.map_or(&[][..], |before| &before.keyids);
    said.extend(after.keyids.iter().filter(|id| !held.contains(id)).map(|id| format!("Key {id} may sign for {role} from now on")));
    said.extend(held.iter().filter(|id| !after.keyids.contains(id)).map(|id| format!("Key {id} may sign for {role} no more")));
    said
}

fn policies(held: &Targets, new: &Targets) -> Vec<String> {
    let versions = |targets: &Targets| -> BTreeMap<u64, String> {
        let listed = targets.targets.iter().filter_map(|(name, file)| Some((policy_version(name)?, file.hashes.sha256.clone())));
        listed.collect()
    };
    let (before, after) = (versions(held), versions(new));
    let mut said = Vec::new();
    for (version, sha256) in &after {
        match before.get(version) {
            None => said.push(format!("Policy {version} may run (SHA-256 {sha256})")),
            Some(other) if other != sha256 => said.push(format!("{} is replaced by other content", policy_name(*version))),
            Some(_) => {}
        }
    }
    let gone: Vec<String> = before.keys().filter(|version| !after.contains_key(version)).map(u64::to_string).collect();
    if !gone.is_empty() {
        said.push(format!("May run no more: policy {}", gone.join(", ")));
    }
    let (was, is) = (held.min_version.unwrap_or(0), new.min_version.unwrap_or(0));
    if was != is {
        said.push(format!("No version below {is} may run (before: {was})"));
    }
    for role in [Role::Assignment, Role::Revocations] {
        match (delegated(held.delegations.as_ref(), role), delegated(new.delegations.as_ref(), role)) {
            (before, Some(after)) => said.extend(keys(role, before.as_ref(), &after)),
            (Some(_), None) => said.push(format!("Nobody may sign for {role} any more")),
            (None, None) => {}
        }
    }
    said
}

fn delegated(delegations: Option<&Delegations>, role: Role) -> Option<RoleKeys> {
    delegations?.roles.iter().find(|held| held.name == role.name()).map(crate::schema::DelegatedRole::role_keys)
}
