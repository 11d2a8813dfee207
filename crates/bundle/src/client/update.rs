//! One update as a conversation: which file next, until all checks have passed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::blob::Blob;
use super::floors::Floors;
use super::proofs::Proofs;
use super::workflow::{Accepted, Answers, Source, Stop, Workflow};
use super::{Pin, Refused, Trusted};
use crate::layout::Role;
use crate::schema::Envelope;

/// An answer to [`Next::Fetch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The path asked for.
    pub path: String,
    /// The file's bytes; `None` if the server says that there is none (404).
    pub body: Option<Vec<u8>>,
}

/// What an update needs, or that it is complete.
#[derive(Debug)]
pub enum Next {
    /// Fetch this file and hand it to [`Update::step`].
    Fetch {
        /// Path below the repository's base: `metadata/…` or `targets/…`.
        path: String,
        /// Stop reading after this many bytes (hand in what was read, it will be refused).
        max_len: u64,
    },
    /// All checks have passed.
    Done(Box<Activated>),
}

/// A verified target file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub(super) file: Arc<Blob>,
    /// Policy version, or version of the `revocations` role.
    pub version: u64,
}

impl Content {
    /// The bytes, all of them UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        self.file.text()
    }

    /// SHA-256, lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        self.file.sha256()
    }
}

/// What to persist and enforce from now on.
#[derive(Debug, Clone)]
pub struct Activated {
    /// The next state. Persist it before telling anybody that the rest is in force.
    pub trusted: Trusted,
    /// Whether any file differs from what was accepted before.
    pub changed: bool,
    /// The policy that this gateway is to run.
    pub policy: Content,
    /// The revocation list.
    pub revocations: Content,
    /// The signed sequence of the revocation list.
    pub revocation_seq: u64,
    /// Version of the timestamp.
    pub timestamp: u64,
    /// Unix seconds until which freshness is proven.
    pub fresh_until: i64,
    /// Version of the root.
    pub root_version: u64,
}

impl Activated {
    pub(super) fn of(trusted: Trusted, accepted: &Accepted, changed: bool) -> Self {
        Self {
            trusted,
            changed,
            policy: accepted.policy.clone(),
            revocations: accepted.list.clone(),
            revocation_seq: accepted.floors.seq,
            timestamp: accepted.timestamp,
            fresh_until: accepted.fresh_until,
            root_version: accepted.floors.root,
        }
    }
}

/// An update under way.
#[derive(Debug)]
pub struct Update {
    pin: Pin,
    now: i64,
    kept: BTreeMap<String, Arc<Blob>>,
    floors: Option<Floors>,
    answers: Answers,
    proofs: Proofs,
    asked: Option<(String, u64)>,
    probe_roots: bool,
}

impl Update {
    /// Starts an update. `now` (unix seconds) holds for all its checks. Call [`Update::proceed`] for the first wish.
    #[must_use]
    pub fn start(trusted: &Trusted, now: i64) -> Self {
        Self {
            pin: trusted.pin.clone(),
            now,
            kept: trusted.files.clone(),
            floors: trusted.floors().cloned(),
            answers: Answers::new(),
            proofs: trusted.accepted.as_ref().map(|accepted| accepted.proofs.clone()).unwrap_or_default(),
            asked: None,
            probe_roots: true,
        }
    }

    /// Does not ask for a newer root, so that a push needs no round trip.
    ///
    /// For pushed files only: a poll must ask, or a replaced key would stay trusted. Has no effect on the first update.
    #[must_use]
    pub fn without_root_probe(mut self) -> Self {
        self.probe_roots = false;
        self
    }

    /// The file wanted now, or the result.
    ///
    /// # Errors
    /// [`Refused`] ends the update; the state before it stays in force.
    pub fn proceed(&mut self) -> Result<Next, Refused> {
        let probe_roots = self.probe_roots || self.kept.is_empty();
        let workflow = Workflow {
            pin: &self.pin,
            now: self.now,
            floors: self.floors.as_ref(),
            source: Source::Server { kept: &self.kept, answers: &self.answers, probe_roots },
            proofs: &mut self.proofs,
        };
        match workflow.run() {
            Ok(accepted) => Ok(Next::Done(Box::new(self.finish(accepted)))),
            Err(Stop::Refused(refused)) => Err(refused),
            Err(Stop::Need { path, max_len }) => {
                self.asked = Some((path.clone(), max_len));
                Ok(Next::Fetch { path, max_len })
            }
        }
    }

    /// Takes the answer and says what is wanted next.
    ///
    /// # Errors
    /// [`Refused`] ends the update; the state before it stays in force.
    pub fn step(&mut self, response: Response) -> Result<Next, Refused> {
        let (path, limit) = self.asked.take().unwrap_or_default();
        if path.is_empty() || path != response.path {
            return Err(Refused::UnexpectedResponse { expected: path, found: response.path });
        }
        let body = match response.body {
            None => None,
            Some(bytes) if bytes.len() as u64 > limit => return Err(Refused::TooLarge { file: path, limit }),
            Some(bytes) => Some(Arc::new(Blob::new(String::from_utf8(bytes).map_err(|error| Refused::malformed(&path, error))?))),
        };
        self.answers.insert(path, body);
        self.proceed()
    }

    /// The version that the timestamp gives itself that was received, verified or not; for telling what was refused.
    #[must_use]
    pub fn timestamp_shown(&self) -> Option<u64> {
        let file = self.answers.get(&Role::Timestamp.path(0))?.as_ref()?;
        let envelope: Envelope = serde_json::from_str(file.text()).ok()?;
        envelope.signed.get("version")?.as_u64()
    }

    /// How many files' signatures this update has verified so far. The others were verified before, as the same bytes by the same keys.
    #[must_use]
    pub fn verified(&self) -> usize {
        self.proofs.verified()
    }

    fn finish(&self, accepted: Accepted) -> Activated {
        let files = accepted.files.clone();
        let changed = files != self.kept;
        let accepted = Arc::new(accepted);
        let trusted = Trusted { pin: self.pin.clone(), files, accepted: Some(Arc::clone(&accepted)), remembered: None };
        Activated::of(trusted, &accepted, changed)
    }
}
