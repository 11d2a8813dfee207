//! Keys: ceremonies, candidates, rotation. People who hold a key of their own are [`bundle::Key`]s here; what they are handed is what
//! travels, written and read.

mod candidates;
mod ceremony;
mod log;
mod refusals;
mod reseal;
mod rotation;
mod service;
mod tokens;

use super::*;
use bundle::ceremony::{Candidate, Proposal, SignatureFile};
use bundle::{Key, PublicKey, Role};
use control::delivery::{Progress, SignCandidate};
use control::keys::{KeyChange, Keys, ProposeRoot, RoleKeys, SubmitRoot, keys};

pub(super) fn key() -> Key {
    Key::generate().expect("randomness")
}

async fn listed(h: &Harness) -> Keys {
    keys(&h.control, &ada(h).await).await.expect("listed")
}

async fn role(h: &Harness, role: Role) -> RoleKeys {
    listed(h).await.roles.into_iter().find(|keys| keys.role == role).expect("every role is there")
}

pub(super) async fn propose(h: &Harness, changes: Vec<KeyChange>) -> Result<Proposal> {
    h.control.run(&ada(h).await, ProposeRoot { changes }).await
}

/// A copy, as it comes from another machine, signed there.
pub(super) fn signed(proposal: &Proposal, signers: &[&Key]) -> Proposal {
    let mut copy = Proposal::read(proposal.to_json().as_bytes()).expect("reads");
    copy.examine(None).expect("holds");
    for signer in signers {
        copy.sign(*signer).expect("may sign");
    }
    copy
}

pub(super) async fn submit(h: &Harness, copies: Vec<Proposal>) -> Result<u64> {
    h.control.run(&ada(h).await, SubmitRoot { copies }).await
}

/// The policy key moves to a machine of its own.
pub(super) async fn policy_key_elsewhere(h: &Harness) -> Key {
    let policy = key();
    let proposal =
        propose(h, vec![KeyChange::Elsewhere { role: Role::Targets, key: policy.public().clone() }]).await.expect("written down");
    let signers: &[&Key] = if proposal.list().is_some() { &[&policy] } else { &[] };
    submit(h, vec![signed(&proposal, signers)]).await.expect("taken");
    policy
}

/// The candidate that awaits, as it is downloaded.
pub(super) async fn exported(h: &Harness) -> Candidate {
    let candidate = delivery::export_candidate(&h.control, &ada(h).await, None).await.expect("awaits");
    Candidate::read(candidate.to_json().as_bytes()).expect("reads")
}

/// Judged from the first root and signed, as on another machine.
pub(super) async fn countersigned(h: &Harness, key: &Key) -> SignatureFile {
    let candidate = exported(h).await;
    let examined = candidate.examine(&listed(h).await.root_sha256).expect("holds");
    let mut signature = candidate.sign(&examined, key).expect("the policy key");
    signature.for_opas = ::opa::countersign(&candidate, &examined, key).expect("generated");
    SignatureFile::read(signature.to_json().as_bytes()).expect("reads")
}

pub(super) async fn bring(h: &Harness, file: &SignatureFile) -> Result<Progress> {
    let cx = h.cx(control::Actor::Anonymous).await;
    delivery::sign_candidate(&h.control, &cx, file.clone().into()).await
}

fn ids(keys: &[&PublicKey]) -> BTreeSet<String> {
    keys.iter().map(|key| key.id().to_owned()).collect()
}

/// Rows whose private half lies sealed in the database, and that are not the tenant's secret for hashing.
async fn sealed(h: &Harness) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for row in h.rows::<store::Key>().await.into_iter().filter(|row| !row.sealed.is_empty()) {
        *count.entry(row.purpose).or_insert(0) += 1;
    }
    count
}
