//! RFC 6962 section 2.1 hashes, with a salt in each leaf.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A SHA-256 digest; lower-case hex in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

/// The random bytes of one leaf. Without them its hash says nothing about an erased body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

/// `SHA-256(0x00 || salt || body)`: the leaf hash of RFC 6962 over `salt || body`. The salt's length is fixed, so the
/// two cannot run into each other.
#[must_use]
pub fn leaf_hash(salt: &Salt, body: &[u8]) -> Hash {
    digest(&[&[0], &salt.0, body])
}

/// `SHA-256(0x01 || left || right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    digest(&[&[1], &left.0, &right.0])
}

/// Root of the empty tree.
#[must_use]
pub fn empty_root() -> Hash {
    digest(&[])
}

pub(crate) fn digest(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    finish(context)
}

pub(crate) fn finish(context: Context) -> Hash {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    Hash(bytes)
}

macro_rules! as_hex {
    ($name:ident) => {
        impl $name {
            /// Reads 64 lower-case hex digits; `None` for anything else, upper case included.
            #[must_use]
            pub fn from_hex(text: &str) -> Option<Self> {
                let mut bytes = [0; 32];
                hex::decode_to_slice(text, &mut bytes).ok()?;
                (hex::encode(bytes) == text).then_some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::from_hex(&text).ok_or_else(|| serde::de::Error::custom("not 64 lower-case hex digits"))
            }
        }
    };
}

as_hex!(Hash);
as_hex!(Salt);
