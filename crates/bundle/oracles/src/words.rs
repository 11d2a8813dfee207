//! What the other clients call what ours calls by a code, so that they refuse for the same reason and not for another.

/// The kinds of error of the others, any of which will do.
pub struct Words {
    /// Variants of `tough::error::Error`; [`NOT_FOUND`] where it loads the repository and does not find what it was asked for.
    pub tough: &'static [&'static str],
    /// Exceptions of python-tuf, by class.
    pub python: &'static [&'static str],
}

/// For a file that `tough` does not find in a repository that it accepts otherwise.
pub const NOT_FOUND: &str = "not found";

/// For a code of ours; nothing for a code that is about a rule of ours, which others do not know.
pub fn of(code: &str) -> Words {
    let (tough, python): (&[_], &[_]) = match code {
        "rollback" => (&["OlderMetadata", "OlderSnapshotInTimestamp", "SnapshotRoleRollback"], &["BadVersionNumberError"]),
        "expired" => (&["ExpiredMetadata"], &["ExpiredMetadataError"]),
        "bad_signature" => (&["VerifyMetadata"], &["UnsignedMetadataError"]),
        // `tough` checks both while it reads, and says that the transport failed.
        "length_or_hash" => (&["Transport"], &["LengthOrHashMismatchError", "DownloadLengthMismatchError"]),
        "too_large" => (&["Transport"], &["DownloadLengthMismatchError"]),
        "missing_role" => (&["SnapshotTargetsMetaMissing", NOT_FOUND], &["RepositoryError"]),
        // What was not delegated is a path that is not allowed to one, and a file that is not found to the other.
        "malformed" => (&["ParseMetadata", "InvalidPath"], &["DeserializationError", "RepositoryError"]),
        _ => (&[], &[]),
    };
    Words { tough, python }
}
