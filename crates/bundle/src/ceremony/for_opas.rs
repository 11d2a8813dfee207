//! What a policy key signs for OPAs in the same sitting.

use std::collections::{BTreeMap, BTreeSet};

use policy::PolicySet;
use serde::{Deserialize, Serialize};

use super::error::CeremonyError;
use crate::digest::sha256_hex;
use crate::layout::Role;
use crate::repository::{Repository, Unsigned};

/// The policies whose bundles for OPAs are asked for along with a list of policies. What such a bundle holds is generated from the policy
/// (crate `opa`), so that nothing but the policies and the times travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForOpas {
    /// Id of the policy key that OPAs pin. They pin one, whatever the threshold is: no other key is asked.
    pub keyid: String,
    /// When the bundles say that they were signed, Unix seconds. They end with the list.
    pub signed: i64,
    /// The exact bytes of each policy, by version. The list names them all.
    pub policies: BTreeMap<u64, String>,
}

impl ForOpas {
    /// Which bundles the key `keyid` is asked for, as a sentence beside those of the list itself.
    #[must_use]
    pub fn sentence(keyid: &str, versions: &BTreeSet<u64>) -> String {
        let numbers: Vec<String> = versions.iter().map(u64::to_string).collect();
        let noun = if numbers.len() == 1 { "the bundle for OPAs of policy" } else { "the bundles for OPAs of policies" };
        format!("Key {keyid} also signs {noun} {}", numbers.join(", "))
    }

    /// The policies, each proved to be the one that `list` names, on top of `present`.
    pub(super) fn examine(&self, tenant: &str, present: &Repository, list: &Unsigned) -> Result<BTreeMap<u64, PolicySet>, CeremonyError> {
        let unexplained = || CeremonyError::Unexplained(Role::Targets);
        let listed = present.supposing(list)?;
        let pinned = present.may_sign(list)?.iter().any(|key| key.id() == self.keyid);
        if !pinned || list.expires().is_none_or(|expires| self.signed >= expires) {
            return Err(unexplained());
        }
        let read = |(version, text): (&u64, &String)| {
            let policy: PolicySet = serde_json::from_str(text).map_err(|_| unexplained())?;
            let named = listed.policy_sha256(*version).as_deref() == Some(&sha256_hex(text.as_bytes()));
            let own = policy.tenant == tenant && policy.version == *version;
            if named && own { Ok((*version, policy)) } else { Err(unexplained()) }
        };
        self.policies.iter().map(read).collect()
    }
}
