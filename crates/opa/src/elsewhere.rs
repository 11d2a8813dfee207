//! Bundles of policies that are signed where the policy key lies.

use crate::facts::{PolicyTerms, policy_bundle};
use crate::refused::Refused;
use bundle::ceremony::{Candidate, Examined};
use bundle::{Signer, sha256_hex};
use std::collections::BTreeMap;

/// Signs the bundles that a candidate asks of this key, generated here from the policies that were examined. Answers the signatures by the
/// policy's version, ASN.1 DER in hex; none when OPAs pin another key, or nothing is asked for.
///
/// # Errors
/// When a bundle cannot be made, or the key does not sign.
pub fn countersign(candidate: &Candidate, examined: &Examined, signer: &dyn Signer) -> Result<BTreeMap<u64, String>, Refused> {
    let key = signer.public();
    let (Some(asked), Some(expires)) = (&candidate.for_opas, candidate.unsigned.expires()) else { return Ok(BTreeMap::new()) };
    if asked.keyid != key.id() {
        return Ok(BTreeMap::new());
    }
    let sign = |(version, policy): (&u64, &policy::PolicySet)| {
        // What was examined is what these bytes say.
        let text = asked.policies.get(version).map_or("", String::as_str);
        let terms = PolicyTerms { native_sha256: sha256_hex(text.as_bytes()), signed: asked.signed, expires };
        let der = signer.sign(&policy_bundle(policy, &terms)?.signing_input(key))?;
        Ok((*version, hex::encode(der)))
    };
    examined.for_opas.iter().map(sign).collect()
}
