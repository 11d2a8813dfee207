//! Bundles of policies whose key lies elsewhere: asked for along with a candidate, signed in the same sitting, kept once it is enacted.

use super::archives::{bundle_of, chosen, due, keep_policy};
use crate::delivery::candidate::{Added, Offer};
use crate::delivery::compile::read;
use crate::delivery::signing::{Signing, damaged, public};
use crate::error::{Error, Result};
use crate::scene::Scene;
use crate::tenancy::keys::is_at_hand;
use bundle::ceremony::ForOpas;
use bundle::{PublicKey, Repository, Unsigned};
use opa::Lane;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::Reader;

/// What the policy key that OPAs pin is asked to sign beside the list of policies, with its signatures once they came. A candidate's row keeps
/// it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::delivery) struct Asked {
    /// Id of that key.
    pub(in crate::delivery) keyid: String,
    /// When the bundles say that they were signed, Unix seconds.
    signed: i64,
    /// Of these policies.
    pub(in crate::delivery) versions: BTreeSet<u64>,
    /// ASN.1 DER in hex, by version.
    signatures: BTreeMap<u64, String>,
}

impl Asked {
    /// From a candidate's row.
    pub(in crate::delivery) fn read(row: &store::Candidate) -> Result<Option<Self>> {
        row.for_opas.as_deref().map(serde_json::from_str).transpose().map_err(damaged)
    }

    /// As it travels to the key.
    pub(in crate::delivery) async fn exported(&self, db: &Reader<'_>, added: Option<&Added>) -> Result<ForOpas> {
        Ok(ForOpas { keyid: self.keyid.clone(), signed: self.signed, policies: self.policies(db, added).await? })
    }

    /// The exact bytes of each policy: of those that were published, and of the one that is to be.
    async fn policies(&self, db: &Reader<'_>, added: Option<&Added>) -> Result<BTreeMap<u64, String>> {
        let mut policies = BTreeMap::new();
        for &version in &self.versions {
            let text = match added.filter(|added| added.number() == version) {
                Some(added) => added.text.clone(),
                None => db.get::<store::Bundle>(&version.to_string()).await?.ok_or_else(|| damaged("a policy is gone"))?.policy,
            };
            policies.insert(version, text);
        }
        Ok(policies)
    }

    /// Takes this key's signatures; answers whether they are all that was asked of it, and nothing else.
    pub(in crate::delivery) async fn take(
        &mut self,
        db: &Reader<'_>,
        offer: (&Unsigned, Option<&Added>),
        key: &PublicKey,
        signatures: &BTreeMap<u64, String>,
    ) -> Result<bool> {
        let (list, added) = offer;
        if !signatures.keys().eq(&self.versions) {
            return Ok(false);
        }
        for (version, text) in self.policies(db, added).await? {
            let input = bundle_of(&read(&text)?, &text, self.signed, ends(list)?)?.signing_input(key);
            if !hex::decode(&signatures[&version]).is_ok_and(|der| key.verifies(&input, &der)) {
                return Ok(false);
            }
        }
        self.signatures.clone_from(signatures);
        Ok(true)
    }
}

/// When a list of policies ends, and the bundles that are signed along with it.
fn ends(list: &Unsigned) -> Result<i64> {
    list.expires().ok_or_else(|| damaged("a list of policies without an end"))
}

/// What is asked along with this list: the bundle of the policy that it adds, and of others where they are missing or near their end. A name
/// that no bundle can carry is the publisher's to mend.
pub(in crate::delivery) async fn ask(
    scene: &Scene<'_>,
    signing: &Signing<'_>,
    list: &Unsigned,
    added: Option<&Added>,
) -> Result<Option<Asked>> {
    let row = chosen(signing.repository(), signing.keys(), Lane::Policy)?;
    if is_at_hand(row) {
        return Ok(None);
    }
    let (signed, ends) = (scene.cx.now_s(), ends(list)?);
    let listed = signing.repository().supposing(list).map_err(damaged)?.policy_versions();
    let mut versions: BTreeSet<u64> = due(&scene.db, signing.repository(), signing.keys(), signed)
        .await?
        .into_iter()
        .filter(|version| listed.contains(version))
        .collect();
    if let Some(added) = added {
        bundle_of(&read(&added.text)?, &added.text, signed, ends)?;
        versions.insert(added.number());
    }
    let keyid = public(row)?.id().to_owned();
    Ok((!versions.is_empty()).then(|| Asked { keyid, signed, versions, signatures: BTreeMap::new() }))
}

/// Keeps the bundles whose signatures came with an offer that is being enacted. Without them OPAs stay with what they have.
pub(in crate::delivery) async fn complete(scene: &Scene<'_>, signing: &Signing<'_>, offer: &Offer) -> Result<()> {
    let Some(asked) = &offer.for_opas else { return Ok(()) };
    let key = public(chosen(signing.repository(), signing.keys(), Lane::Policy)?)?;
    if asked.signatures.is_empty() || key.id() != asked.keyid {
        return Ok(());
    }
    let ends = ends(&offer.unsigned)?;
    for (version, text) in asked.policies(&scene.db, offer.adds.as_ref()).await? {
        let der = asked.signatures.get(&version).and_then(|der| hex::decode(der).ok()).unwrap_or_default();
        let archive = bundle_of(&read(&text)?, &text, asked.signed, ends)?.complete(&key, &der);
        keep_policy(scene, version, &archive.map_err(|error| Error::internal("completing a bundle for OPAs", error))?, ends).await?;
    }
    Ok(())
}

/// Whether OPAs lack bundles that only a key elsewhere can sign, and that it was not asked for lately: who withdrew the question, or signed
/// the list with other keys, is not asked again and again.
pub(in crate::delivery) async fn lacks_bundles(db: &Reader<'_>, repository: &Repository, keys: &[store::Key], now_s: i64) -> Result<bool> {
    let row = chosen(repository, keys, Lane::Policy)?;
    let due = due(db, repository, keys, now_s).await?;
    if is_at_hand(row) || due.is_empty() {
        return Ok(false);
    }
    let (newest, _) = db.candidate_marks().await?;
    let last = match db.get::<store::Candidate>(&newest.to_string()).await? {
        Some(last) => Asked::read(&last)?,
        None => None,
    };
    let keyid = public(row)?.id().to_owned();
    Ok(!last.is_some_and(|asked| asked.keyid == keyid && due.is_subset(&asked.versions)))
}
