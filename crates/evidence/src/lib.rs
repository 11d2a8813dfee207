//! The audit log as a Merkle tree: leaves, proofs, checkpoints, exports and their verification, pure.
//!
//! * [`hash`]: RFC 6962 hashes over salted leaves, so that a body can be erased without breaking the log.
//! * [`tree`]: appending (a compact range is all the state) and proofs.
//! * [`proof`]: verification of inclusion and consistency.
//! * [`note`] and [`checkpoint`]: C2SP signed notes and `tlog-checkpoint`, Ed25519.
//! * [`cosignature`] and [`witness`]: C2SP `tlog-cosignature`, and when a witness gives one.
//! * [`handover`]: one key of the log naming the next.
//! * [`export`]: the document that an auditor takes away, and the verifier that says where it was altered.

pub mod checkpoint;
pub mod cosignature;
pub mod export;
pub mod handover;
pub mod hash;
pub mod note;
pub mod proof;
pub mod tree;
pub mod witness;

pub use checkpoint::Checkpoint;
pub use cosignature::{Cosigner, CosignerKey};
pub use handover::Handover;
pub use hash::{Hash, Salt, leaf_hash};
pub use note::{Signer, Verifier};
pub use tree::{Levels, Tree};
