//! Revocation subjects as keyed hashes.
//!
//! The revocation list may lie on a CDN. Under the tenant's key, which only the policy holds, whoever reads the list learns how many
//! entries of which kind there are, but not whom they concern: not even by trying names, as an unkeyed hash would let them.

use crate::target::{Kind, Target};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;

/// Bytes of a mark: HMAC-SHA-256, truncated to 128 bits (RFC 2104 section 5).
const LENGTH: usize = 16;

/// The tenant's secret under which subjects are hashed: 64 lower-case hex digits, used as HMAC key in this very form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RevocationKey(String);

/// Not 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a revocation key is 64 lower-case hex digits")]
pub struct NoRevocationKey;

impl RevocationKey {
    /// The key of these 32 bytes.
    pub fn of(bytes: [u8; 32]) -> Self {
        Self(hex::encode(bytes))
    }

    /// The key in hex.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The mark of a target.
    pub fn mark(&self, target: &Target) -> Mark {
        match target {
            Target::Token(id)
            | Target::Session(id)
            | Target::Lineage(id)
            | Target::Grant(id)
            | Target::Subject(id)
            | Target::User(id)
            | Target::Client(id)
            | Target::Agent(id)
            | Target::Server(id) => self.mark_of(target.kind(), &[id]),
            // A role's name holds no colon, so no two pairs are written alike.
            Target::RoleScope { role, scope } => self.mark_of(Kind::RoleScope, &[role, scope]),
            Target::Tenant => self.mark_of(Kind::Tenant, &[]),
        }
    }

    /// HMAC-SHA-256 over `kind:part:part`.
    pub(crate) fn mark_of(&self, kind: Kind, parts: &[&str]) -> Mark {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(kind.as_str().as_bytes());
        for part in parts {
            mac.update(b":");
            mac.update(part.as_bytes());
        }
        let mut mark = [0; LENGTH];
        mark.copy_from_slice(&mac.finalize().into_bytes()[..LENGTH]);
        Mark(mark)
    }
}

impl TryFrom<String> for RevocationKey {
    type Error = NoRevocationKey;

    fn try_from(text: String) -> Result<Self, NoRevocationKey> {
        let shaped = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if shaped { Ok(Self(text)) } else { Err(NoRevocationKey) }
    }
}

impl From<RevocationKey> for String {
    fn from(key: RevocationKey) -> Self {
        key.0
    }
}

/// All zeros, for a policy that is still empty: nothing is published under it.
impl Default for RevocationKey {
    fn default() -> Self {
        Self::of([0; 32])
    }
}

impl fmt::Debug for RevocationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RevocationKey")
    }
}

/// A hashed target; 32 lower-case hex digits on the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mark([u8; LENGTH]);

impl TryFrom<String> for Mark {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let mut mark = [0; LENGTH];
        hex::decode_to_slice(&text, &mut mark).map_err(|_| "a mark is 32 hex digits")?;
        Ok(Self(mark))
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        hex::encode(mark.0)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mark({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'user:usr_1' | openssl dgst -sha256 -hmac 0707…07` says the same.
    #[test]
    fn the_vector_that_other_programs_can_check() {
        let key = RevocationKey::of([7; 32]);
        assert_eq!(key.mark(&Target::User("usr_1".into())).to_string(), "b06e7c4704c8f068feb17af893361cbc");
        assert_eq!(
            key.mark(&Target::RoleScope { role: "sre".into(), scope: "a:b".into() }).to_string(),
            "e6ff00bebb801177c5d79581368955b3"
        );
        assert_eq!(key.mark(&Target::Tenant).to_string(), "5c073175eaaf4e5408f3a024e99e8338");
    }

    #[test]
    fn one_id_is_marked_otherwise_for_each_kind_and_key() {
        let (key, other) = (RevocationKey::of([7; 32]), RevocationKey::of([8; 32]));
        let user = Target::User("x".into());
        assert_ne!(key.mark(&user), key.mark(&Target::Subject("x".into())));
        assert_ne!(key.mark(&user), other.mark(&user));
        assert!(!format!("{key:?}").contains("07"));
    }

    #[test]
    fn only_its_one_form_is_read() {
        for bad in ["", "07", &"0".repeat(63), &"G".repeat(64), &"A".repeat(64)] {
            assert!(RevocationKey::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(Mark::try_from("0".repeat(31)).is_err());
    }
}
