//! Metadata on its way to the people or machines whose keys have to sign it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Delegates, Files, Repository, SignError, Stamp, Threshold};
use crate::canonical::canonical;
use crate::digest::sha256_hex;
use crate::key::{PublicKey, Signer};
use crate::layout::{Role, target_path};
use crate::schema::{Common, DelegatedRole, Envelope, KeyRecord, RoleKeys, Root, Signature, Targets, count_signatures, read_time};

/// Metadata that may still lack signatures. It can be written to a file, signed on one machine after another, and handed back to
/// [`Repository::accept`], which is the only judge of whether it is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsigned {
    role: Role,
    signed: Value,
    signatures: BTreeMap<String, String>,
    /// Target files that become visible with it, by path; all of them are text.
    files: BTreeMap<String, String>,
}

impl Unsigned {
    pub(super) fn new(role: Role, signed: Value, files: BTreeMap<String, String>) -> Self {
        Self { role, signed, signatures: BTreeMap::new(), files }
    }

    /// The role that it is metadata of.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// What is to be signed, as JSON.
    #[must_use]
    pub fn signed(&self) -> &Value {
        &self.signed
    }

    /// Its version; 0 if it has none, and then it will not be accepted.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.signed["version"].as_u64().unwrap_or_default()
    }

    /// The end of what is to be signed, Unix seconds.
    #[must_use]
    pub fn expires(&self) -> Option<i64> {
        read_time(self.signed["expires"].as_str()?)
    }

    /// Target files that come with it, by path.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// Ids of the keys that have signed so far.
    pub fn signed_by(&self) -> impl Iterator<Item = &str> {
        self.signatures.keys().map(String::as_str)
    }

    /// The exact bytes that a signature covers.
    ///
    /// # Errors
    /// [`SignError::Damaged`] if it holds what canonical JSON cannot express.
    pub fn message(&self) -> Result<Vec<u8>, SignError> {
        canonical(&self.signed).map_err(|_| SignError::Damaged(self.role))
    }

    /// Adds a signature. A second one of the same key replaces the first.
    ///
    /// # Errors
    /// [`SignError::Key`] when the signer fails.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<(), SignError> {
        let signature = signer.sign(&self.message()?)?;
        self.signatures.insert(signer.public().id().to_owned(), hex::encode(signature));
        Ok(())
    }

    /// Adds a signature that was made elsewhere, if it is one.
    ///
    /// # Errors
    /// [`SignError::WrongKey`] if it is not this key's over this document.
    pub fn countersign(&mut self, key: &PublicKey, signature: &[u8]) -> Result<(), SignError> {
        if !key.verifies(&self.message()?, signature) {
            return Err(SignError::WrongKey(self.role));
        }
        self.signatures.insert(key.id().to_owned(), hex::encode(signature));
        Ok(())
    }

    /// A signature that it has, ASN.1 DER in hex, by the id of its key.
    #[must_use]
    pub fn signature_of(&self, keyid: &str) -> Option<&str> {
        self.signatures.get(keyid).map(String::as_str)
    }

    /// The floor and the delegated keys that a list of policies names; `None` for other metadata, or where it names none.
    #[must_use]
    pub fn delegates(&self) -> Option<(u64, Delegates)> {
        let targets = Targets::deserialize(&self.signed).ok().filter(|_| self.role == Role::Targets)?;
        let delegations = targets.delegations?;
        let of = |role: Role| {
            let listed = delegations.roles.iter().find(|held| held.name == role.name())?;
            let key = |id: &String| PublicKey::from_record(delegations.keys.get(id)?).ok();
            let keys: Option<Vec<PublicKey>> = listed.keyids.iter().map(key).collect();
            Some(Threshold { keys: keys?, threshold: listed.threshold })
        };
        let delegates = Delegates { assignment: of(Role::Assignment)?, revocations: of(Role::Revocations)? };
        Some((targets.min_version.unwrap_or(0), delegates))
    }

    /// Adds the signatures of another copy of the same document.
    ///
    /// # Errors
    /// [`SignError::Outdated`] if it is another document.
    pub fn merge(&mut self, other: &Self) -> Result<(), SignError> {
        if self.role != other.role || self.signed != other.signed {
            return Err(SignError::Outdated);
        }
        self.signatures.extend(other.signatures.iter().map(|(id, signature)| (id.clone(), signature.clone())));
        Ok(())
    }

    /// Drops signatures that do not verify or are of keys that may not sign, so that nobody's garbage is kept.
    ///
    /// # Errors
    /// [`SignError::Damaged`].
    pub fn retain_valid(&mut self, may_sign: &[PublicKey]) -> Result<(), SignError> {
        let message = self.message()?;
        self.signatures.retain(|id, signature| {
            let bytes = hex::decode(signature).unwrap_or_default();
            may_sign.iter().any(|key| key.id() == id && key.verifies(&message, &bytes))
        });
        Ok(())
    }

    /// Whether the files that come with it are those that it lists: only their digests are signed.
    fn check_files(&self) -> Result<(), SignError> {
        if self.files.is_empty() {
            return Ok(());
        }
        let listed = Targets::deserialize(&self.signed).map_err(|_| SignError::Damaged(self.role))?.targets;
        let fits = |path: &str, text: &str| {
            let sha256 = sha256_hex(text.as_bytes());
            listed.iter().any(|(name, file)| file.hashes.sha256 == sha256 && target_path(name, &sha256) == path)
        };
        match self.files.iter().find(|(path, text)| !fits(path, text)) {
            Some((path, _)) => Err(SignError::WrongFile(path.clone())),
            None => Ok(()),
        }
    }

    pub(super) fn envelope(&self) -> Envelope {
        let signatures = self.signatures.iter().map(|(keyid, sig)| Signature { keyid: keyid.clone(), sig: sig.clone() }).collect();
        Envelope { signatures, signed: self.signed.clone() }
    }
}

/// What a role still lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The keys that may sign, by id, and whether they have.
    pub keys: Vec<(String, bool)>,
    /// How many must.
    pub threshold: u32,
    /// Whose definition of the role this is: `role`, or for a root `this root` and `the root before`.
    pub by: &'static str,
}

impl Missing {
    /// How many have signed.
    #[must_use]
    pub fn signed(&self) -> u32 {
        u32::try_from(self.keys.iter().filter(|(_, signed)| *signed).count()).unwrap_or(u32::MAX)
    }

    /// Whether enough have.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.signed() >= self.threshold
    }
}

/// The keys that judge a piece of metadata.
struct Judge {
    keys: BTreeMap<String, KeyRecord>,
    role: RoleKeys,
    by: &'static str,
}

impl Judge {
    fn count(&self, role: Role, message: &[u8], envelope: &Envelope) -> Result<(), SignError> {
        let valid = count_signatures(message, &envelope.signatures, &self.keys, &self.role).map_err(|_| SignError::Damaged(role))?;
        let threshold = self.role.threshold;
        if valid >= threshold { Ok(()) } else { Err(SignError::NotSigned { role, valid, threshold }) }
    }

    fn public(&self) -> Vec<PublicKey> {
        let listed: BTreeSet<&String> = self.role.keyids.iter().collect();
        self.keys.iter().filter(|(id, _)| listed.contains(id)).filter_map(|(_, record)| PublicKey::from_record(record).ok()).collect()
    }
}

impl Repository {
    /// Takes metadata on, if enough of the right keys have signed it and it is the successor of what is held. Answers the files to store.
    ///
    /// # Errors
    /// [`SignError::NotSigned`] while signatures are missing, [`SignError::NotNewer`] or [`SignError::Outdated`] for metadata that was
    /// prepared for another state, [`SignError::WrongFile`] for a file that it does not list.
    pub fn accept(&mut self, unsigned: &Unsigned) -> Result<Files, SignError> {
        let role = unsigned.role;
        let damaged = |_| SignError::Damaged(role);
        let common = Common::deserialize(&unsigned.signed).map_err(damaged)?;
        if common.tenant != self.tenant || common.type_name != role.type_name() {
            return Err(SignError::Outdated);
        }
        let held = self.read_optional::<Value>(role)?.map_or(0, |(_, held)| held.version);
        let follows = if role == Role::Root { common.version == held + 1 } else { common.version > held };
        if !follows {
            return Err(SignError::NotNewer { role, held, offered: common.version });
        }
        if read_time(&common.expires).is_none() {
            return Err(SignError::BadExpiry);
        }
        let (message, envelope) = (unsigned.message()?, unsigned.envelope());
        for judge in self.judges(unsigned)? {
            judge.count(role, &message, &envelope)?;
        }
        unsigned.check_files()?;
        let text = serde_json::to_string(&envelope).map_err(damaged)?;
        let mut files: Files = unsigned.files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect();
        files.insert(role.path(common.version), text.clone().into_bytes());
        self.metadata.insert(role.name().to_owned(), text);
        Ok(files)
    }

    /// The repository as it will be once enough keys have signed this: for judging what is to be signed along with it, and nothing else.
    ///
    /// # Errors
    /// [`SignError::Damaged`].
    pub fn supposing(&self, unsigned: &Unsigned) -> Result<Self, SignError> {
        let role = unsigned.role;
        let text = serde_json::to_string(&unsigned.envelope()).map_err(|_| SignError::Damaged(role))?;
        let mut supposed = self.clone();
        supposed.metadata.insert(role.name().to_owned(), text);
        Ok(supposed)
    }

    /// Whether the held metadata of a role still counts under the keys that are listed for it now. A role that was never signed stands.
    ///
    /// # Errors
    /// [`SignError::Damaged`].
    pub fn stands(&self, role: Role) -> Result<bool, SignError> {
        let (Some(text), Some(judge)) = (self.metadata.get(role.name()), self.listed(role)?) else { return Ok(true) };
        let envelope: Envelope = serde_json::from_str(text).map_err(|_| SignError::Damaged(role))?;
        let message = canonical(&envelope.signed).map_err(|_| SignError::Damaged(role))?;
        Ok(judge.count(role, &message, &envelope).is_ok())
    }

    /// Whether this is the present list of policies for another while, and nothing else.
    ///
    /// # Errors
    /// As [`Repository::prepare_targets`].
    pub fn is_renewed_by(&self, list: &Unsigned) -> Result<bool, SignError> {
        let (Some(held), Some(expires)) = (self.stamp(Role::Targets), list.expires()) else { return Ok(false) };
        let prepared = self.prepare_targets(None, 0, Stamp { version: list.version(), expires })?;
        Ok(list.role == Role::Targets && list.version() > held.version && list.signed == prepared.signed && list.files.is_empty())
    }

    /// Which keys have to sign this, and which have.
    ///
    /// # Errors
    /// [`SignError::Damaged`] or [`SignError::Incomplete`].
    pub fn missing(&self, unsigned: &Unsigned) -> Result<Vec<Missing>, SignError> {
        let message = unsigned.message()?;
        let judges = self.judges(unsigned)?;
        let keys = |judge: &Judge| {
            let signed = |key: &PublicKey| {
                let signature = unsigned.signatures.get(key.id()).and_then(|signature| hex::decode(signature).ok());
                signature.is_some_and(|signature| key.verifies(&message, &signature))
            };
            judge.public().iter().map(|key| (key.id().to_owned(), signed(key))).collect()
        };
        Ok(judges.iter().map(|judge| Missing { keys: keys(judge), threshold: judge.role.threshold, by: judge.by }).collect())
    }

    /// Who may sign this at all.
    ///
    /// # Errors
    /// As [`Repository::missing`].
    pub fn may_sign(&self, unsigned: &Unsigned) -> Result<Vec<PublicKey>, SignError> {
        let mut keys: Vec<PublicKey> = self.judges(unsigned)?.iter().flat_map(Judge::public).collect();
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    fn judges(&self, unsigned: &Unsigned) -> Result<Vec<Judge>, SignError> {
        let role = unsigned.role;
        if role == Role::Root {
            let new = Root::deserialize(&unsigned.signed).map_err(|_| SignError::Damaged(role))?;
            let itself = Judge { role: new.roles.root.clone(), keys: new.keys, by: "this root" };
            let before = self.read_optional::<Root>(Role::Root)?;
            let before = before.map(|(held, _)| Judge { role: held.roles.root.clone(), keys: held.keys, by: "the root before" });
            return Ok(before.into_iter().chain([itself]).collect());
        }
        match self.listed(role)? {
            Some(judge) => Ok(vec![judge]),
            None if self.read_optional::<Value>(Role::Root)?.is_none() => Err(SignError::Incomplete(Role::Root)),
            None => Err(SignError::Incomplete(Role::Targets)),
        }
    }

    /// Keys and threshold of a role as the metadata lists them now; `None` before it was first signed.
    ///
    /// # Errors
    /// [`SignError::Damaged`].
    pub fn keys_of(&self, role: Role) -> Result<Option<Threshold>, SignError> {
        let Some(Judge { keys, role: listed, .. }) = self.listed(role)? else { return Ok(None) };
        let public: Option<Vec<PublicKey>> =
            listed.keyids.iter().map(|id| keys.get(id).and_then(|record| PublicKey::from_record(record).ok())).collect();
        Ok(Some(Threshold { keys: public.ok_or(SignError::Damaged(role))?, threshold: listed.threshold }))
    }

    /// Who judges a role, as the metadata says now; `None` where nothing does yet.
    fn listed(&self, role: Role) -> Result<Option<Judge>, SignError> {
        if let Some((root, _)) = self.read_optional::<Root>(Role::Root)?
            && let Some(listed) = root.roles.of(role)
        {
            return Ok(Some(Judge { role: listed.clone(), keys: root.keys, by: "role" }));
        }
        let Some((targets, _)) = self.read_optional::<Targets>(Role::Targets)? else { return Ok(None) };
        let Some(delegations) = targets.delegations else { return Ok(None) };
        let listed = delegations.roles.iter().find(|held| held.name == role.name()).map(DelegatedRole::role_keys);
        Ok(listed.map(|listed| Judge { keys: delegations.keys, role: listed, by: "role" }))
    }
}
