//! A next list of policies on its way to the policy key.

use std::collections::BTreeMap;

use policy::{Change, Configuration, Finding, PolicySet};
use serde::{Deserialize, Serialize};

use super::error::{CeremonyError, read, write};
use super::{ForOpas, SignatureFile};
use crate::client::Chain;
use crate::digest::sha256_hex;
use crate::key::Signer;
use crate::layout::{Role, policy_name, target_path};
use crate::repository::{Missing, Repository, Stamp, Unsigned};

const FORMAT: &str = "writ-candidate/1";

/// Why the policy key is asked to sign. It is said to people; what would be signed is judged by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Somebody publishes the draft.
    Publish,
    /// The live policy with other keys in it: of tokens, of the audit log.
    Keys,
    /// The same policies for another while.
    Renewal,
    /// Another key signs the assignment or the revocation list.
    Delegation,
    /// Versions that may run no more.
    Floor,
}

impl Kind {
    /// Stable lower-case name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Keys => "keys",
            Self::Renewal => "renewal",
            Self::Delegation => "delegation",
            Self::Floor => "floor",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Publish, Self::Keys, Self::Renewal, Self::Delegation, Self::Floor].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What the policy key is asked to sign, with everything that it takes to judge that elsewhere.
///
/// It holds the policy's revocation key: hand it to whoever signs, and to nobody else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The tenant's slug.
    pub tenant: String,
    /// Its number: the version that the list of policies would have.
    pub number: u64,
    /// Why.
    pub kind: Kind,
    /// What was noted.
    pub note: String,
    /// Who asked, as the control plane says.
    pub requested_by: String,
    /// When, Unix milliseconds.
    pub requested_ms: i64,
    /// Where the signature goes: the tenant at the control plane, `https://writ.example.com/t/acme`.
    pub control_plane: String,
    /// The policy version that it adds, and what was configured; none when it adds no policy.
    pub adds: Option<(u64, Configuration)>,
    /// What is to be signed.
    pub unsigned: Unsigned,
    /// Every root up to the present one, the oldest first.
    pub roots: Vec<String>,
    /// The present list of policies, as it was signed; none before the first.
    pub present_list: Option<String>,
    /// The newest policy of that list.
    pub present_policy: Option<String>,
    /// What is to be signed for OPAs in the same sitting; none when nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_opas: Option<ForOpas>,
}

/// A candidate that holds what it says.
#[derive(Debug, Clone)]
pub struct Examined {
    /// The state that it builds on.
    pub present: Repository,
    /// What would be signed, in words.
    pub changes: Vec<String>,
    /// The policy that it adds.
    pub policy: Option<PolicySet>,
    /// The newest policy that was signed before; none before the first, or when it adds none.
    pub before: Option<PolicySet>,
    /// Who could do what that they could not before, and the other way round. Empty when it adds no policy.
    pub access: Vec<Change>,
    /// What is suspicious in the policy.
    pub findings: Vec<Finding>,
    /// Who must sign, and who has.
    pub missing: Vec<Missing>,
    /// The policies whose bundles for OPAs are to be signed along with it, by version.
    pub for_opas: BTreeMap<u64, PolicySet>,
}

impl Candidate {
    /// Reads it.
    ///
    /// # Errors
    /// [`CeremonyError::Format`].
    pub fn read(bytes: &[u8]) -> Result<Self, CeremonyError> {
        read(bytes, FORMAT)
    }

    /// The document as it is kept.
    #[must_use]
    pub fn to_json(&self) -> String {
        write(self, FORMAT)
    }

    /// Verifies everything that can be verified without the control plane, from the root whose SHA-256 is `trusted`: the roots and the
    /// present list; that the policy is byte for byte what the configuration compiles to here; that the list adds this policy and changes
    /// nothing that is not told in [`Examined::changes`].
    ///
    /// # Errors
    /// [`CeremonyError`]: then nobody should sign.
    pub fn examine(&self, trusted: &str) -> Result<Examined, CeremonyError> {
        let present = Chain::verify(&self.tenant, trusted, &self.roots)?.repository(self.present_list.as_deref())?;
        let role = self.unsigned.role();
        let unexplained = || CeremonyError::Unexplained(role);
        let held = present.stamp(Role::Targets).map_or(0, |held| held.version);
        if role != Role::Targets || self.unsigned.version() != self.number || self.number <= held {
            return Err(unexplained());
        }
        let expires = self.unsigned.expires().ok_or_else(unexplained)?;
        let stamp = Stamp { version: self.number, expires };
        let (floor, delegates) = self.unsigned.delegates().ok_or_else(unexplained)?;
        let compiled = self.compiled()?;
        // Prepared here from what was verified: whatever the document would have signed beyond that shows as a difference.
        let prepared = match &compiled {
            Some((policy, text)) => present.prepare_policy(&delegates, policy.version, text, floor, stamp)?,
            None => present.prepare_targets(Some(&delegates), floor, stamp)?,
        };
        if prepared.signed() != self.unsigned.signed() || prepared.files() != self.unsigned.files() {
            return Err(unexplained());
        }
        if self.kind == Kind::Renewal && !present.is_renewed_by(&self.unsigned)? {
            return Err(CeremonyError::Words);
        }
        let before = self.before(&present)?;
        let for_opas = self.for_opas.as_ref().map(|asked| asked.examine(&self.tenant, &present, &self.unsigned)).transpose()?;
        let policy = compiled.map(|(policy, _)| policy);
        let access = policy.as_ref().map(|policy| policy::diff(before.as_ref().unwrap_or(&PolicySet::default()), policy));
        let mut changes = present.difference(&self.unsigned)?;
        if let Some(asked) = &self.for_opas {
            changes.push(ForOpas::sentence(&asked.keyid, &asked.policies.keys().copied().collect()));
        }
        Ok(Examined {
            changes,
            access: access.unwrap_or_default(),
            findings: policy.as_ref().map(policy::lint).unwrap_or_default(),
            missing: present.missing(&self.unsigned)?,
            for_opas: for_opas.unwrap_or_default(),
            policy,
            before,
            present,
        })
    }

    /// Signs it. Examine it first.
    ///
    /// # Errors
    /// [`CeremonyError::NotASigner`], or when the key refuses.
    pub fn sign(&self, examined: &Examined, signer: &dyn Signer) -> Result<SignatureFile, CeremonyError> {
        let id = signer.public().id();
        if !examined.present.may_sign(&self.unsigned)?.contains(signer.public()) {
            return Err(CeremonyError::NotASigner(id.to_owned()));
        }
        let mut signed = self.unsigned.clone();
        signed.sign(signer)?;
        Ok(SignatureFile::new(&self.tenant, self.number, id, signed.signature_of(id).unwrap_or_default()))
    }

    /// The policy that the configuration compiles to, held against the one that was offered.
    fn compiled(&self) -> Result<Option<(PolicySet, String)>, CeremonyError> {
        let Some((version, configuration)) = &self.adds else { return Ok(None) };
        if configuration.tenant != self.tenant {
            return Err(CeremonyError::Unexplained(Role::Targets));
        }
        let policy = configuration.compile(*version);
        let text = serde_json::to_string(&policy).expect("a policy always serialises");
        let compiled = sha256_hex(text.as_bytes());
        if self.unsigned.files().get(&target_path(&policy_name(*version), &compiled)) != Some(&text) {
            let offered = self.unsigned.files().values().next().map_or_else(|| "none".to_owned(), |text| sha256_hex(text.as_bytes()));
            return Err(CeremonyError::NotCompiled { compiled, offered });
        }
        Ok(Some((policy, text)))
    }

    /// The newest policy of the present list.
    fn before(&self, present: &Repository) -> Result<Option<PolicySet>, CeremonyError> {
        let Some(newest) = present.policy_versions().pop() else { return Ok(None) };
        let text = self.present_policy.as_deref().ok_or(CeremonyError::Before)?;
        if present.policy_sha256(newest).as_deref() != Some(&sha256_hex(text.as_bytes())) {
            return Err(CeremonyError::Before);
        }
        let unread = |error: serde_json::Error| CeremonyError::Format { expected: "policy", why: error.to_string() };
        serde_json::from_str(text).map(Some).map_err(unread)
    }
}
