//! Why a step could not be signed.

use crate::key::KeyError;
use crate::layout::Role;

/// A step could not be signed. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The step needs a role that has not been signed yet.
    #[error("the {0} role has to be signed first")]
    Incomplete(Role),
    /// Versions only go up.
    #[error("{role} version {offered} must be higher than {held}")]
    NotNewer {
        /// The role.
        role: Role,
        /// Its version now.
        held: u64,
        /// The version asked for.
        offered: u64,
    },
    /// A policy version is immutable once published.
    #[error("policy version {0} was published with other content")]
    PolicyExists(u64),
    /// The assignment names a version that targets does not list, or one below the floor.
    #[error("policy version {0} is not among the published versions that may run")]
    PolicyUnknown(u64),
    /// The floor would exclude the version being published.
    #[error("the floor {floor} is above the version {version} being published")]
    FloorTooHigh {
        /// The version.
        version: u64,
        /// The floor.
        floor: u64,
    },
    /// Not enough keys that may sign for the role have signed.
    #[error("the {role} role has {valid} of the {threshold} signatures that it needs")]
    NotSigned {
        /// The role.
        role: Role,
        /// Different keys of the role that signed.
        valid: u32,
        /// How many must.
        threshold: u32,
    },
    /// A key that may not sign for the role.
    #[error("this key may not sign for the {0} role")]
    WrongKey(Role),
    /// The last ring does not take every gateway, so some would be told nothing.
    #[error("the last ring has to take all gateways")]
    NoLastRing,
    /// A threshold that can never be met, or asks for nobody.
    #[error("the {role} role would need {threshold} signatures of {keys} keys")]
    BadThreshold {
        /// The role.
        role: Role,
        /// How many signatures.
        threshold: u32,
        /// Of how many keys.
        keys: usize,
    },
    /// What was prepared belongs to another repository or an older state of it.
    #[error("what was signed was prepared for another state of the repository: prepare it again")]
    Outdated,
    /// A file that came with metadata is not the one that was signed.
    #[error("{0} is not the file that was signed")]
    WrongFile(String),
    /// The expiry lies outside the calendar.
    #[error("the expiry is not a time that can be written")]
    BadExpiry,
    /// The kept state is damaged.
    #[error("the kept {0} metadata cannot be read")]
    Damaged(Role),
    /// The key refused.
    #[error(transparent)]
    Key(#[from] KeyError),
}
