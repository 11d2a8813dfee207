//! Keys in a key management service: what such a service has to do, and how it can fail.
//!
//! A service is asked outside of any transaction ([`crate::signatures`] tells how a use case comes by a signature nevertheless). Whatever
//! it answers is checked against the public half that the tenant's keys hold, so a service can refuse, or be late, but it cannot have
//! anything else signed than what was asked for.

use bundle::{PublicKey, Role};
use futures::future::BoxFuture;
use std::fmt;
use std::time::Duration;

/// Where a key lies in a key management service: `vault:transit/acme-timestamp@1`. What stands before the colon names the kind of service,
/// the rest is for the service to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference(String);

/// The longest reference, in bytes.
const LONGEST: usize = 300;

impl Reference {
    /// Reads one. `None` unless it is `kind:rest`, of at most 300 printable ASCII characters without spaces.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let named = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase()) && !rest.is_empty();
        let plain = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic());
        (named && plain).then(|| Self(text.to_owned()))
    }

    /// What stands before the colon, and what stands after it.
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once(':').unwrap_or((&self.0, ""))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key that a service holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceKey {
    /// Where it lies. It names one key for ever: what the service calls by a name that may come to mean another key is pinned to a version.
    pub reference: Reference,
    /// Its public half.
    pub public: PublicKey,
}

/// A key management service, or several behind one front.
pub trait KeyService: Send + Sync + 'static {
    /// The key that a person named, with its reference pinned.
    fn key<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<ServiceKey, ServiceError>>;

    /// An ASN.1 DER signature, ECDSA P-256 with SHA-256, over `message`.
    fn sign<'a>(&'a self, reference: &'a Reference, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, ServiceError>>;

    /// How long one answer is worth waiting for.
    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }
}

/// Why a service did not do what it was asked to; `Display` is the rest of a sentence that begins with the service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// This process was given none.
    #[error("is not configured here")]
    None,
    /// The reference is not one of a key of this service, or not one that can sign here.
    #[error("has no such key: {0}")]
    NoSuchKey(String),
    /// It could not be reached, or answered what nobody can read. The text is the rest of the sentence.
    #[error("{0}")]
    Failed(String),
    /// It did not answer in time.
    #[error("did not answer in time")]
    TimedOut,
    /// It says no.
    #[error("refused: {0}")]
    Refused(String),
    /// What it answered is no signature of the key over what was asked.
    #[error("answered with something that is not a signature of this key")]
    WrongSignature,
    /// It failed a moment ago; what happens by itself waits a little before it asks again.
    #[error("failed a moment ago and is left alone for a little while")]
    Resting,
}

/// A key that lies in a service has not signed, so nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// The run of a use case lacks these signatures. Whoever ran it gets them and runs it again; it reaches nobody else.
    #[error("signatures of keys in a key management service are wanted: {}", .0.iter().map(|wanted| wanted.key.reference.as_str()).collect::<Vec<_>>().join(", "))]
    Wanted(Vec<Wanted>),
    /// The service did not sign.
    #[error("the key of the {role} role lies in the key management service, {reference}, which {cause}")]
    Service {
        /// The role that was to be signed.
        role: Role,
        /// The key.
        reference: Reference,
        /// Why not.
        cause: ServiceError,
    },
    /// Others asked the service before, and it took too long until it was this one's turn.
    #[error("too many changes wait for the key management service")]
    Queue,
    /// Each answer came, but so late that one turn took too long.
    #[error("the key management service took too long for all the signatures that this takes")]
    Slow,
    /// What was to be signed changed again and again before its signatures came: another replica was faster each time.
    #[error("another replica changed what was to be signed, again and again, before the key management service had signed it")]
    Overtaken,
}

impl NotSigned {
    /// For whoever asked, at a page or as a gateway: what it means and what to do. Where keys lie and what a service said is for the log.
    pub fn said(&self) -> String {
        match self {
            Self::Wanted(_) => NOTHING.to_owned() + "It has to be signed by a key management service, which was not asked.",
            Self::Service { role, cause, .. } => {
                let why = match cause {
                    ServiceError::TimedOut => "did not answer in time",
                    ServiceError::Failed(_) | ServiceError::Resting => "cannot be asked now",
                    ServiceError::None => "is not configured here",
                    ServiceError::NoSuchKey(_) => "does not have that key any more",
                    ServiceError::Refused(_) => "refused to sign",
                    ServiceError::WrongSignature => "answered with something that is not a signature of that key",
                };
                format!(
                    "{NOTHING}The key for {role} lies in a key management service, which {why}. Try again; if it lasts, whoever runs this \
                     installation finds the cause in its log, and can give the role a key that lies here: writ keys rotate --role {role}."
                )
            }
            Self::Queue => {
                NOTHING.to_owned() + "Too many changes wait for the key management service that signs them. Try again in a moment."
            }
            Self::Slow => {
                NOTHING.to_owned() + "The key management service took too long for all the signatures that this takes. Try again later."
            }
            Self::Overtaken => {
                NOTHING.to_owned() + "Others changed the same again and again before the key management service had signed it. Try again."
            }
        }
    }
}

/// What has to be said first, above all to somebody who blocks a person.
const NOTHING: &str = "Nothing was changed, and gateways go on as before. ";

/// A signature that a run lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The role that is signed.
    pub role: Role,
    /// The key.
    pub key: ServiceKey,
    /// What is to be signed.
    pub message: Vec<u8>,
}
