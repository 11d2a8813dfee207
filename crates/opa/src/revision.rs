//! Revisions: what a bundle's manifest calls itself, and what an OPA says it runs.

use std::fmt;

/// What one bundle holds. Its text is opaque to an OPA, and how its status is read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// `policy-12-<sha256>-1795424400`.
    Policy {
        /// The policy's version.
        version: u64,
        /// SHA-256 of the native policy's bytes, lower-case hex: what gateways acknowledge.
        sha256: String,
        /// When it was signed, Unix seconds: one policy is signed again before it ends.
        signed: i64,
    },
    /// `revocations-5512-1795424400`.
    Revocations {
        /// The list's sequence.
        seq: u64,
        /// When it was signed, Unix seconds.
        signed: i64,
    },
}

impl Revision {
    /// Reads a revision in its only spelling; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('-')?;
        let (number, rest) = rest.split_once('-')?;
        let read = match kind {
            "policy" => {
                let (sha256, signed) = rest.split_once('-')?;
                let hex = sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                let (version, signed) = (number.parse().ok()?, signed.parse().ok()?);
                hex.then(|| Self::Policy { version, sha256: sha256.to_owned(), signed })?
            }
            "revocations" => Self::Revocations { seq: number.parse().ok()?, signed: rest.parse().ok()? },
            _ => return None,
        };
        (read.to_string() == text).then_some(read)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy { version, sha256, signed } => write!(f, "policy-{version}-{sha256}-{signed}"),
            Self::Revocations { seq, signed } => write!(f, "revocations-{seq}-{signed}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_survives_its_text_and_has_one_spelling() {
        let policy = Revision::Policy { version: 12, sha256: "0f".repeat(32), signed: 1_795_424_400 };
        let list = Revision::Revocations { seq: 0, signed: 1_795_424_400 };
        for revision in [&policy, &list] {
            assert_eq!(Revision::parse(&revision.to_string()).as_ref(), Some(revision));
        }
        let digest = "0f".repeat(32);
        for bad in [
            "",
            "policy",
            "policy-12",
            "policy-12-0f",
            "revocations-1",
            "revocations-+1-2",
            "revocations-01-2",
            "git-1-2",
            "revocations-1-2-3",
        ] {
            assert_eq!(Revision::parse(bad), None, "{bad}");
        }
        assert_eq!(Revision::parse(&format!("policy-12-{digest}")), None);
        assert_eq!(Revision::parse(&format!("policy-012-{digest}-1")), None);
        assert_eq!(Revision::parse(&format!("policy-12-{}-1", digest.to_uppercase())), None);
    }
}
