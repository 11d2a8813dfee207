//! Why an update was refused: stable codes for machines, a sentence for the operator.

/// A refusal. The gateway keeps what it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A file is older than its own end. Somebody withholds newer ones, or nobody signs them.
    #[error("{file} expired at {expired_at} (now {now}): the control plane stopped signing, or newer files are withheld")]
    Expired {
        /// The file.
        file: String,
        /// Unix seconds.
        expired_at: i64,
        /// Unix seconds.
        now: i64,
    },
    /// A timestamp that is good for longer than any that is signed.
    #[error(
        "{file} ends only at {expires_at} (now {now}), later than any that the control plane signs: somebody else did, or this clock is weeks behind"
    )]
    FreshTooLong {
        /// The file.
        file: String,
        /// Unix seconds.
        expires_at: i64,
        /// Unix seconds.
        now: i64,
    },
    /// Something older than what was already accepted.
    #[error("{file} is version {offered}, but version {held} was already accepted: somebody serves old files")]
    Rollback {
        /// The file.
        file: String,
        /// Accepted before.
        held: u64,
        /// Served now.
        offered: u64,
    },
    /// Not enough valid signatures.
    #[error("{file} has {valid} valid signatures of the {threshold} it needs")]
    BadSignature {
        /// The file.
        file: String,
        /// Different keys that signed.
        valid: u32,
        /// How many must.
        threshold: u32,
    },
    /// The file belongs to another tenant.
    #[error("{file} belongs to tenant {found:?}, this gateway to {expected:?}")]
    ForeignTenant {
        /// The file.
        file: String,
        /// The gateway's tenant.
        expected: String,
        /// The tenant in the file.
        found: String,
    },
    /// The kept state was made for another tenant, gateway or root.
    #[error("the kept state belongs to another enrolment ({0})")]
    ForeignState(&'static str),
    /// The file is of another role.
    #[error("{file} is of type {found:?}, not {expected:?}")]
    WrongType {
        /// The file.
        file: String,
        /// The type that it should be.
        expected: String,
        /// The type that it is.
        found: String,
    },
    /// The version inside differs from the version asked for.
    #[error("{file} says that it is version {found}, but version {expected} was referred to")]
    WrongVersion {
        /// The file.
        file: String,
        /// Referred to.
        expected: u64,
        /// Inside.
        found: u64,
    },
    /// Bytes differ from what the signed metadata says of them.
    #[error("{file} differs from what was signed: its SHA-256 is {found}, {expected} was referred to")]
    HashMismatch {
        /// The file.
        file: String,
        /// Referred to, hex.
        expected: String,
        /// Of the bytes, hex.
        found: String,
    },
    /// Length differs from what the signed metadata says.
    #[error("{file} is {found} bytes long, {expected} were referred to")]
    LengthMismatch {
        /// The file.
        file: String,
        /// Referred to.
        expected: u64,
        /// Of the bytes.
        found: u64,
    },
    /// The file is longer than a file of its kind may be. It was not read.
    #[error("{file} is longer than the {limit} bytes allowed")]
    TooLarge {
        /// The file.
        file: String,
        /// In bytes.
        limit: u64,
    },
    /// The server does not have the file.
    #[error("{file} is missing on the server")]
    Missing {
        /// The file.
        file: String,
    },
    /// A role that must be there is not listed.
    #[error("{file} does not list the {role} role")]
    MissingRole {
        /// The file that should.
        file: String,
        /// The role.
        role: &'static str,
    },
    /// The file cannot be read.
    #[error("{file} cannot be read: {why}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The first root is not the one that the enrolment token pinned.
    #[error("the root's fingerprint is {found}, the enrolment token pinned {expected}: this is not the server enrolled with")]
    PinnedRootMismatch {
        /// Pinned, hex.
        expected: String,
        /// Of the bytes, hex.
        found: String,
    },
    /// More roots in one go than any honest server has.
    #[error("the root chain does not end after {0} roots")]
    TooManyRoots(u64),
    /// The assigned version is below the signed floor.
    #[error("policy version {version} is assigned, but the lowest that may run is {floor}")]
    BelowFloor {
        /// Assigned.
        version: u64,
        /// The floor.
        floor: u64,
    },
    /// The assigned version was never signed by the policy key, or was withdrawn.
    #[error("policy version {0} is assigned, but the policy key does not list it")]
    NotListed(u64),
    /// The assignment does not name this gateway.
    #[error("gateway {0} is assigned no policy version")]
    NotAssigned(String),
    /// An answer to a question that was not asked: a mistake of the caller.
    #[error("got an answer for {found}, but {expected} was asked for")]
    UnexpectedResponse {
        /// Asked for.
        expected: String,
        /// Got.
        found: String,
    },
}

impl Refused {
    /// The stable code, part of the API.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "expired",
            Self::FreshTooLong { .. } => "fresh_too_long",
            Self::Rollback { .. } => "rollback",
            Self::BadSignature { .. } => "bad_signature",
            Self::ForeignTenant { .. } => "foreign_tenant",
            Self::ForeignState(_) => "foreign_state",
            Self::WrongType { .. } => "wrong_type",
            Self::WrongVersion { .. } => "wrong_version",
            Self::HashMismatch { .. } => "hash_mismatch",
            Self::LengthMismatch { .. } => "length_mismatch",
            Self::TooLarge { .. } => "too_large",
            Self::Missing { .. } => "missing",
            Self::MissingRole { .. } => "missing_role",
            Self::Malformed { .. } => "malformed",
            Self::PinnedRootMismatch { .. } => "pinned_root_mismatch",
            Self::TooManyRoots(_) => "too_many_roots",
            Self::BelowFloor { .. } => "below_floor",
            Self::NotListed(_) => "not_listed",
            Self::NotAssigned(_) => "not_assigned",
            Self::UnexpectedResponse { .. } => "unexpected_response",
        }
    }

    pub(crate) fn malformed(file: &str, why: impl ToString) -> Self {
        Self::Malformed { file: file.to_owned(), why: why.to_string() }
    }
}
