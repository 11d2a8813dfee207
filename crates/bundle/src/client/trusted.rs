//! What a gateway has accepted: kept in memory, persisted as one document, verified again at start.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::blob::Blob;
use super::floors::{self, Floors};
use super::proofs::Proofs;
use super::workflow::{Accepted, Source, Stop, Workflow};
use super::{Activated, Refused};

/// What a gateway knows without being told by the network: given at enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The tenant's slug.
    pub tenant: String,
    /// This gateway's id.
    pub gateway: String,
    /// SHA-256 of `metadata/1.root.json`, lower-case hex.
    pub root_sha256: String,
    /// What its operator labelled it with; rings may go by it. No part of the enrolment, and not kept.
    #[serde(skip)]
    pub labels: BTreeMap<String, String>,
}

impl Pin {
    /// Whether what is kept was made for the same enrolment.
    pub(super) fn same_enrolment(&self, kept: &Self) -> Result<(), Refused> {
        for (what, kept, given) in [
            ("tenant", &kept.tenant, &self.tenant),
            ("gateway", &kept.gateway, &self.gateway),
            ("root fingerprint", &kept.root_sha256, &self.root_sha256),
        ] {
            if kept != given {
                return Err(Refused::ForeignState(what));
            }
        }
        Ok(())
    }
}

/// The state of the client: the raw files last accepted, and what they say.
///
/// It only comes into being verified, and is replaced as a whole by [`Activated::trusted`].
#[derive(Debug, Clone)]
pub struct Trusted {
    pub(super) pin: Pin,
    pub(super) files: BTreeMap<String, Arc<Blob>>,
    pub(super) accepted: Option<Arc<Accepted>>,
    /// What was accepted in files that are lost.
    pub(super) remembered: Option<Floors>,
}

/// What a client keeps on its disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept<B> {
    /// The verified state, see [`Trusted::to_json`].
    pub state: Option<B>,
    /// Which versions were accepted, see [`Trusted::floors_json`]: a file of its own, so that a state that is lost or damaged is no way to
    /// something older.
    pub floors: Option<B>,
}

impl Kept<Vec<u8>> {
    /// The same, borrowed.
    #[must_use]
    pub fn borrowed(&self) -> Kept<&[u8]> {
        Kept { state: self.state.as_deref(), floors: self.floors.as_deref() }
    }
}

/// The state after it was read from disk and verified again.
#[derive(Debug, Clone)]
pub struct Restored {
    /// What to enforce; `None` if nothing was ever accepted: stay closed.
    pub activated: Option<Activated>,
    /// What is past its end. Not a refusal at start: the gateway's ladder decides.
    pub staleness: Staleness,
}

/// How old the accepted files are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Staleness {
    /// Files past their end, with their end in unix seconds.
    pub expired: Vec<(String, i64)>,
    /// The end of the timestamp in unix seconds: freshness is proven until then. `None` if nothing was accepted.
    pub fresh_until: Option<i64>,
}

impl Staleness {
    /// Nothing is past its end.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.expired.is_empty() && self.fresh_until.is_some()
    }
}

#[derive(Serialize, Deserialize)]
struct Document<'a> {
    format: String,
    pin: Pin,
    /// The policy version in force; 0 when nothing was accepted yet.
    policy: u64,
    #[serde(borrow)]
    files: BTreeMap<String, std::borrow::Cow<'a, str>>,
}

const FORMAT: &str = "writ-trusted/2";

impl Trusted {
    /// The state before the first update: nothing is trusted but the pin.
    #[must_use]
    pub fn new(pin: Pin) -> Self {
        Self { pin, files: BTreeMap::new(), accepted: None, remembered: None }
    }

    /// What to keep: each file write, fsync, rename; the state first, so that after a crash the floors are never ahead of it.
    #[must_use]
    pub fn kept(&self) -> Kept<Vec<u8>> {
        Kept { state: Some(self.to_json()), floors: self.floors_json() }
    }

    /// Makes the best of what was kept. A state that does not verify, or that is older than the floors beside it, is not used; nothing older
    /// than the floors will be accepted all the same. Floors that cannot be read are none.
    ///
    /// Gives the state to go on from, what of it can be enforced at once, and what stands against what was kept.
    #[must_use]
    pub fn restore(pin: &Pin, kept: Kept<&[u8]>, now: i64) -> (Self, Option<Activated>, Vec<Refused>) {
        let (mut trusted, mut activated, mut refused) = (Self::new(pin.clone()), None, Vec::new());
        match kept.state.map(|document| Self::open(pin.clone(), document, now)).transpose() {
            Ok(Some((verified, restored))) => (trusted, activated) = (verified, restored.activated),
            Ok(None) => {}
            Err(why) => refused.push(why),
        }
        let Some(floors) = kept.floors else { return (trusted, activated, refused) };
        match trusted.clone().remembering(floors) {
            Ok(remembering) => trusted = remembering,
            Err(why @ Refused::Rollback { .. }) => {
                refused.push(why);
                let nothing = Self::new(pin.clone());
                (trusted, activated) = (nothing.clone().remembering(floors).unwrap_or(nothing), None);
            }
            Err(why) => refused.push(why),
        }
        (trusted, activated, refused)
    }

    /// Reads a persisted state and verifies it as if it had just been downloaded, expiry apart.
    ///
    /// # Errors
    /// Any [`Refused`]: then the state is not to be used, and the gateway starts closed.
    pub fn open(pin: Pin, document: &[u8], now: i64) -> Result<(Self, Restored), Refused> {
        let read: Document<'_> = serde_json::from_slice(document).map_err(|error| Refused::malformed("kept state", error))?;
        if read.format != FORMAT {
            return Err(Refused::malformed("kept state", format!("format {:?}, not {FORMAT:?}", read.format)));
        }
        pin.same_enrolment(&read.pin)?;
        let files = read.files.into_iter().map(|(path, text)| (path, Arc::new(Blob::new(text.into_owned())))).collect();
        let mut trusted = Self { files, ..Self::new(pin) };
        let accepted = trusted.verify(read.policy, now)?;
        trusted.accepted = accepted.map(Arc::new);
        let restored = trusted.restored(now);
        Ok((trusted, restored))
    }

    /// The one document to persist (write, fsync, rename).
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let files = self.files.iter().map(|(path, file)| (path.clone(), file.text().into())).collect();
        let document = Document { format: FORMAT.to_owned(), pin: self.pin.clone(), policy: self.policy(), files };
        serde_json::to_vec(&document).expect("maps of strings always serialise")
    }

    /// What must not be forgotten even if the files are lost: which versions were accepted, and by whose keys. A few hundred bytes, to be kept
    /// apart from [`Self::to_json`]. `None` before anything was accepted.
    #[must_use]
    pub fn floors_json(&self) -> Option<Vec<u8>> {
        self.floors().map(|floors| floors::write(&self.pin, floors))
    }

    /// Holds this state to what was accepted at some time before, as [`Self::floors_json`] has it: nothing older will be accepted.
    ///
    /// # Errors
    /// [`Refused::Rollback`] when the state itself is older: somebody has put back what was kept earlier. Then, too, it is not to be used.
    /// [`Refused::Malformed`] and [`Refused::ForeignState`] for a document of another making or enrolment.
    pub fn remembering(mut self, document: &[u8]) -> Result<Self, Refused> {
        let remembered = floors::read(&self.pin, document)?;
        match &self.accepted {
            Some(accepted) => remembered.hold(&accepted.floors)?,
            None => self.remembered = Some(remembered),
        }
        Ok(self)
    }

    pub(super) fn floors(&self) -> Option<&Floors> {
        self.accepted.as_ref().map(|accepted| &accepted.floors).or(self.remembered.as_ref())
    }

    /// Verifies the kept bytes again and says how stale they are at `now`.
    ///
    /// # Errors
    /// Any [`Refused`] but `expired`.
    pub fn reverify(&self, now: i64) -> Result<Restored, Refused> {
        let accepted = self.verify(self.policy(), now)?.map(Arc::new);
        Ok(Self { accepted, ..self.clone() }.restored(now))
    }

    /// The pin that all trust starts from.
    #[must_use]
    pub fn pin(&self) -> &Pin {
        &self.pin
    }

    /// Whether nothing was ever accepted, as far as is known.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.floors().is_none()
    }

    /// Version of the accepted timestamp; 0 if nothing was accepted.
    #[must_use]
    pub fn timestamp(&self) -> u64 {
        self.accepted.as_ref().map_or(0, |accepted| accepted.timestamp)
    }

    /// Version of the accepted policy; 0 if nothing was accepted.
    fn policy(&self) -> u64 {
        self.accepted.as_ref().map_or(0, |accepted| accepted.policy.version)
    }

    fn verify(&self, policy: u64, now: i64) -> Result<Option<Accepted>, Refused> {
        if self.files.is_empty() {
            return Ok(None);
        }
        let (source, mut proofs) = (Source::Kept { files: &self.files, policy }, Proofs::default());
        match (Workflow { pin: &self.pin, now, floors: None, source, proofs: &mut proofs }).run() {
            Ok(accepted) => Ok(Some(accepted)),
            Err(Stop::Refused(refused)) => Err(refused),
            Err(Stop::Need { path, .. }) => Err(Refused::Missing { file: path }),
        }
    }

    pub(super) fn restored(&self, now: i64) -> Restored {
        let Some(accepted) = &self.accepted else {
            return Restored { activated: None, staleness: Staleness::default() };
        };
        Restored {
            activated: Some(Activated::of(self.clone(), accepted, false)),
            staleness: Staleness {
                expired: accepted.expiries.iter().filter(|(_, end)| *end <= now).cloned().collect(),
                fresh_until: Some(accepted.fresh_until),
            },
        }
    }
}
