//! A next root on its way to the keys that must sign it.

use serde::{Deserialize, Serialize};

use super::error::{CeremonyError, read, write};
use crate::client::Chain;
use crate::key::{PublicKey, Signer};
use crate::layout::Role;
use crate::repository::{Missing, Repository, Unsigned};

const FORMAT: &str = "writ-root-proposal/1";

/// A root to be signed and, where the policy key changes, the list of policies that the new policy key has to sign along with it: without
/// that no gateway could follow the new root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    tenant: String,
    /// What it changes, in words. Whoever examines the document computes them anew, and does not go on if they differ.
    changes: Vec<String>,
    root: Unsigned,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list: Option<Unsigned>,
    /// Every root up to the present one, the oldest first.
    roots: Vec<String>,
    /// The present list of policies, as it was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    present_list: Option<String>,
}

/// A proposal that holds what it says.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The tenant's slug.
    pub tenant: String,
    /// Version of the root that would be signed.
    pub version: u64,
    /// SHA-256 of the first root, as gateways pin it.
    pub first_sha256: String,
    /// What it changes, in words.
    pub changes: Vec<String>,
    /// What still lacks signatures, for each document.
    pub missing: Vec<(Role, Vec<Missing>)>,
}

impl Judged {
    /// Whether enough keys have signed everything.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.iter().flat_map(|(_, missing)| missing).all(Missing::is_met)
    }
}

impl Proposal {
    /// A proposal over the present state: all `roots`, the oldest first, and the list of policies, if one was signed.
    ///
    /// # Errors
    /// Whatever [`Proposal::examine`] would find.
    pub fn new(
        tenant: &str,
        roots: Vec<String>,
        present_list: Option<String>,
        root: Unsigned,
        list: Option<Unsigned>,
    ) -> Result<Self, CeremonyError> {
        let tenant = tenant.to_owned();
        let mut new = Self { tenant, changes: Vec::new(), root, list, roots, present_list };
        new.changes = new.words(&new.present(None)?)?;
        new.examine(None)?;
        Ok(new)
    }

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

    /// The root that would be signed.
    #[must_use]
    pub fn root(&self) -> &Unsigned {
        &self.root
    }

    /// The list of policies that would be signed along with it.
    #[must_use]
    pub fn list(&self) -> Option<&Unsigned> {
        self.list.as_ref()
    }

    /// What it changes, in words. True only of a proposal that was examined.
    #[must_use]
    pub fn changes(&self) -> &[String] {
        &self.changes
    }

    /// The tenant's slug.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Verifies everything that can be verified without the control plane: the chain of roots (from the one whose SHA-256 is `trusted`, or
    /// from the first if none is given), the present list, that the words are true, and that the list changes nothing but its end.
    ///
    /// # Errors
    /// [`CeremonyError`]: then nobody should sign.
    pub fn examine(&self, trusted: Option<&str>) -> Result<Judged, CeremonyError> {
        let before = self.present(trusted)?;
        if self.root.role() != Role::Root {
            return Err(CeremonyError::Unexplained(self.root.role()));
        }
        let held = before.stamp(Role::Root).map_or(0, |held| held.version);
        let own_tenant = |unsigned: &Unsigned| unsigned.signed()["x-writ-tenant"] == self.tenant;
        if self.root.version() != held + 1 || !own_tenant(&self.root) || !self.root.files().is_empty() {
            return Err(CeremonyError::Unexplained(Role::Root));
        }
        let after = before.supposing(&self.root)?;
        if let Some(list) = &self.list
            && !after.is_renewed_by(list)?
        {
            return Err(CeremonyError::Unexplained(Role::Targets));
        }
        if self.words(&before)? != self.changes {
            return Err(CeremonyError::Words);
        }
        let mut missing = vec![(Role::Root, before.missing(&self.root)?)];
        if let Some(list) = &self.list {
            missing.push((Role::Targets, after.missing(list)?));
        }
        Ok(Judged {
            tenant: self.tenant.clone(),
            version: self.root.version(),
            first_sha256: before.root_sha256().to_owned(),
            changes: self.changes.clone(),
            missing,
        })
    }

    /// Signs everything in it that this key may sign; answers for which roles it did. Examine it first.
    ///
    /// # Errors
    /// [`CeremonyError::NotASigner`] when the key may sign none of it, or when it refuses.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<Vec<Role>, CeremonyError> {
        let before = self.present(None)?;
        let after = before.supposing(&self.root)?;
        let may = |keys: Vec<PublicKey>| keys.contains(signer.public());
        let mut signed = Vec::new();
        if may(before.may_sign(&self.root)?) {
            self.root.sign(signer)?;
            signed.push(Role::Root);
        }
        if let Some(list) = &mut self.list
            && may(after.may_sign(list)?)
        {
            list.sign(signer)?;
            signed.push(Role::Targets);
        }
        if signed.is_empty() { Err(CeremonyError::NotASigner(signer.public().id().to_owned())) } else { Ok(signed) }
    }

    /// Adds the signatures of another copy; those that are none are left out.
    ///
    /// # Errors
    /// [`CeremonyError::OtherDocument`].
    pub fn merge(&mut self, other: &Self) -> Result<(), CeremonyError> {
        if self.tenant != other.tenant || self.list.is_some() != other.list.is_some() {
            return Err(CeremonyError::OtherDocument);
        }
        let before = self.present(None)?;
        let after = before.supposing(&self.root)?;
        let take = |into: &mut Unsigned, from: &Unsigned, may: Vec<PublicKey>| {
            let mut from = from.clone();
            from.retain_valid(&may)?;
            into.retain_valid(&may)?;
            into.merge(&from).map_err(|_| CeremonyError::OtherDocument)
        };
        let may = before.may_sign(&self.root)?;
        take(&mut self.root, &other.root, may)?;
        if let (Some(into), Some(from)) = (&mut self.list, &other.list) {
            let may = after.may_sign(into)?;
            take(into, from, may)?;
        }
        Ok(())
    }

    fn present(&self, trusted: Option<&str>) -> Result<Repository, CeremonyError> {
        let first = self.roots.first().map(|root| crate::sha256_hex(root.as_bytes())).unwrap_or_default();
        Ok(Chain::verify(&self.tenant, trusted.unwrap_or(&first), &self.roots)?.repository(self.present_list.as_deref())?)
    }

    fn words(&self, before: &Repository) -> Result<Vec<String>, CeremonyError> {
        let mut words = before.difference(&self.root)?;
        if let Some(list) = &self.list {
            words.extend(before.difference(list)?);
        }
        Ok(words)
    }
}
