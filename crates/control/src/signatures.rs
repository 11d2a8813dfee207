//! How a use case comes by the signature of a key that lies in a key management service: by running again.
//!
//! A use case signs inside its transaction: what it changes and what says so to gateways commit together or not at all. A service cannot be
//! asked there, since use cases do no network and SQLite has one writer, which everybody else waits for. But a use case is a value that may
//! be run more than once ([`crate::UseCase`]). So each attempt at one has a table of signatures:
//!
//! 1. The run signs with a [`Pen`]. Of a key that lies here, the pen signs. Of a key in a service, it looks (key, message) up in the table.
//!    What is not there is noted as wanted, and the run fails: everything that it did is rolled back.
//! 2. Outside of any transaction the service is asked for what is wanted, for so long and no longer. Its answer goes into the table
//!    only if it verifies.
//! 3. The same value runs again, at the same `now_ms`. What one role signs, the next one lists (revocations, snapshot, timestamp), so a
//!    revocation runs four times where all of these lie in a service.
//!
//! This ends only if a run wants what the last one wanted and was given. Whatever enters signed bytes therefore stays the same for one
//! attempt:
//!
//! - ids ([`crate::Scene::id`]; the revocation list carries them) and keys that are made on the way are kept with the attempt;
//! - so is what a key that lies here signs, since ECDSA signs the same message differently each time and a snapshot has the hash of it;
//! - time is in the context, which is the same;
//! - rows that others change: who wants signatures takes the tenant's turn first, so that changes in this process do not overtake each
//!   other for ever. Other replicas can. Each time one does, somebody's change was committed; after [`MOST`] signatures an attempt gives up
//!   and says so.
//!
//! When the service does not sign, the use case fails with [`NotSigned`] and nothing was changed.

use crate::control::Control;
use crate::ctx::{Actor, Ctx};
use crate::error::{Error, Result};
use crate::service::{NotSigned, Reference, ServiceError, ServiceKey, Wanted};
use bundle::{Key, KeyError, PublicKey, Role, Signer};
use futures::future::try_join_all;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Retry, TenantId, Unit};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// How many signatures one attempt asks for at the most. A revocation takes three, or four with OPAs; the largest change there is, another
/// policy key where OPAs have the bundles of ten policies, fewer than twenty.
const MOST: usize = 64;
/// How many answers of the service, each as late as it may be, one waits for until it is one's turn to ask, and how many a turn may take.
const TURN: u32 = 6;

/// What one attempt at a use case keeps from run to run.
#[derive(Default)]
pub(crate) struct Attempt(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// By key id and SHA-256 of the message. All of them verify.
    signatures: HashMap<(String, [u8; 32]), Vec<u8>>,
    wanted: Vec<Wanted>,
    /// By prefix.
    ids: HashMap<String, Tape<String>>,
    /// Private halves, by purpose.
    keys: HashMap<&'static str, Tape<Zeroizing<Vec<u8>>>>,
}

/// What was made of one kind, in the order in which runs ask for it.
struct Tape<T> {
    values: Vec<T>,
    next: usize,
}

impl<T> Default for Tape<T> {
    fn default() -> Self {
        Self { values: Vec::new(), next: 0 }
    }
}

impl<T: Clone> Tape<T> {
    /// The next value: as the run before had it, or a new one.
    fn next<E>(&mut self, make: impl FnOnce() -> std::result::Result<T, E>) -> std::result::Result<T, E> {
        if self.next == self.values.len() {
            self.values.push(make()?);
        }
        self.next += 1;
        Ok(self.values[self.next - 1].clone())
    }
}

impl Attempt {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One run: fails with what it wants, if it wants anything, whatever it would have answered.
    pub(crate) async fn run<T>(&self, run: impl Future<Output = Result<T>>) -> Result<T> {
        {
            let mut kept = self.kept();
            kept.wanted.clear();
            kept.ids.values_mut().for_each(|ids| ids.next = 0);
            kept.keys.values_mut().for_each(|keys| keys.next = 0);
        }
        let out = run.await;
        let wanted = std::mem::take(&mut self.kept().wanted);
        match out {
            Err(error) if error.is_conflict() => Err(error),
            _ if !wanted.is_empty() => Err(NotSigned::Wanted(wanted).into()),
            out => out,
        }
    }

    /// The id that `make` makes; in later runs the same in the same place.
    pub(crate) fn id(&self, prefix: &str, make: impl FnOnce() -> String) -> String {
        let mut kept = self.kept();
        let Ok(id) = kept.ids.entry(prefix.to_owned()).or_default().next(|| Ok::<_, Infallible>(make()));
        id
    }

    /// The private half that `make` makes; in later runs the same in the same place.
    pub(crate) fn key(&self, purpose: &'static str, make: impl FnOnce() -> Result<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>> {
        self.kept().keys.entry(purpose).or_default().next(|| make().map(Zeroizing::new))
    }

    fn signature(&self, key: &PublicKey, message: &[u8]) -> Option<Vec<u8>> {
        self.kept().signatures.get(&place(key, message)).cloned()
    }

    fn keep(&self, key: &PublicKey, message: &[u8], signature: Vec<u8>) {
        self.kept().signatures.insert(place(key, message), signature);
    }
}

fn place(key: &PublicKey, message: &[u8]) -> (String, [u8; 32]) {
    (key.id().to_owned(), Sha256::digest(message).into())
}

/// What a key signs with.
pub(crate) enum Hand {
    /// Its private half, opened.
    Here(Key),
    /// A service.
    Service(ServiceKey),
}

/// Signs for a role in one run.
pub(crate) struct Pen<'a> {
    pub(crate) attempt: &'a Attempt,
    pub(crate) role: Role,
    pub(crate) hand: Hand,
}

impl Signer for Pen<'_> {
    fn public(&self) -> &PublicKey {
        match &self.hand {
            Hand::Here(key) => key.public(),
            Hand::Service(key) => &key.public,
        }
    }

    fn sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, KeyError> {
        if let Some(signature) = self.attempt.signature(self.public(), message) {
            return Ok(signature);
        }
        match &self.hand {
            Hand::Here(key) => {
                let signature = key.sign(message)?;
                self.attempt.keep(key.public(), message, signature.clone());
                Ok(signature)
            }
            Hand::Service(key) => {
                let wanted = Wanted { role: self.role, key: key.clone(), message: message.to_owned() };
                self.attempt.kept().wanted.push(wanted);
                Err(KeyError::Signer("the key lies in a service, which is asked after this run".to_owned()))
            }
        }
    }
}

/// Who asks the service next, and whether it is left alone for a while.
#[derive(Default)]
pub(crate) struct Desk {
    turns: Mutex<HashMap<TenantId, Arc<Turns>>>,
    rest: Mutex<HashMap<(TenantId, Reference), Rest>>,
}

/// The turns of one tenant.
#[derive(Default)]
struct Turns {
    turn: tokio::sync::Mutex<()>,
    ended: AtomicU64,
}

/// A turn; another begins when it is dropped.
struct Turn<'t> {
    turns: &'t Turns,
    _held: tokio::sync::MutexGuard<'t, ()>,
}

impl Turns {
    async fn take(&self) -> Turn<'_> {
        Turn { _held: self.turn.lock().await, turns: self }
    }

    /// How many turns have ended. As long as it stays the same, nobody in this process changed what was to be signed.
    fn ended(&self) -> u64 {
        self.ended.load(Ordering::SeqCst)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// How long what nobody of the tenant's administrators asked for leaves a failing key alone: longer with each failure, and never so long
/// that a timestamp ends meanwhile.
#[derive(Default)]
struct Rest {
    failures: u32,
    until_ms: i64,
}

/// Milliseconds of the first rest; each is twice as long as the one before.
const FIRST_REST_MS: i64 = 10_000;
/// Milliseconds of the longest rest.
const LONGEST_REST_MS: i64 = 60_000;

impl Desk {
    fn of(&self, tenant: &TenantId) -> Arc<Turns> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(tenant.clone()).or_default())
    }

    fn resting(&self) -> MutexGuard<'_, HashMap<(TenantId, Reference), Rest>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rests(&self, tenant: &TenantId, key: &Reference, now_ms: i64) -> bool {
        let until = self.resting().get(&(tenant.clone(), key.clone())).map_or(0, |rest| rest.until_ms);
        // A clock that was set back does not make a rest longer.
        now_ms < until && until - now_ms <= LONGEST_REST_MS
    }

    /// What one key does in the service says nothing about another, of this tenant or of any: each rests for itself.
    fn note(&self, tenant: &TenantId, key: &Reference, signed: bool, now_ms: i64) {
        let (mut resting, place) = (self.resting(), (tenant.clone(), key.clone()));
        if signed {
            resting.remove(&place);
            return;
        }
        let rest = resting.entry(place).or_default();
        let ms = (FIRST_REST_MS << rest.failures.min(8)).min(LONGEST_REST_MS);
        *rest = Rest { failures: rest.failures.saturating_add(1), until_ms: now_ms + ms };
    }
}

impl Control {
    /// Runs a unit to its end, and again as often as the signatures of keys in a service take.
    pub(crate) async fn signed<T, U>(&self, cx: &Ctx, unit: U, attempt: &Attempt) -> Result<(T, bool)>
    where
        T: Send + 'static,
        U: Unit<Out = (T, bool), Error = Error>,
    {
        let Some(service) = &self.parts().key_service else { return self.execute(unit).await.map_err(without_service) };
        let unit = Arc::new(unit);
        let turns = self.desk().of(&cx.tenant);
        let ended = turns.ended();
        let mut result = self.execute(Arc::clone(&unit)).await;
        if !is_wanting(&result) {
            return result;
        }
        let patience = service.patience();
        let _turn = timeout(patience * TURN, turns.take()).await.map_err(|_| NotSigned::Queue)?;
        if turns.ended() != ended {
            // Somebody changed what was to be signed meanwhile.
            result = self.execute(Arc::clone(&unit)).await;
        }
        let (mut asked, until_ms) = (0, self.parts().clock.now_ms().saturating_add(millis(patience * TURN)));
        loop {
            let Err(Error::NotSigned(NotSigned::Wanted(wanted))) = result else { return result };
            asked += wanted.len();
            if asked > MOST {
                return Err(NotSigned::Overtaken.into());
            }
            // Others wait. A service that takes its time for each answer is as good as none.
            if self.parts().clock.now_ms() > until_ms {
                return Err(NotSigned::Slow.into());
            }
            self.ask(cx, &wanted, attempt).await?;
            result = self.execute(Arc::clone(&unit)).await;
        }
    }

    /// Has the service sign.
    async fn ask(&self, cx: &Ctx, wanted: &[Wanted], attempt: &Attempt) -> Result<()> {
        let asked = wanted.iter().map(|wanted| async move {
            let failed = |cause| NotSigned::Service { role: wanted.role, reference: wanted.key.reference.clone(), cause };
            let signature = self.ask_for(cx, &wanted.key, &wanted.message).await.map_err(failed)?;
            attempt.keep(&wanted.key.public, &wanted.message, signature);
            Ok::<(), NotSigned>(())
        });
        try_join_all(asked).await?;
        Ok(())
    }

    /// A signature of a key in the service, which verifies. What happens by itself, and what anybody can have happen, leaves a service alone
    /// for a while that does not sign.
    pub(crate) async fn ask_for(&self, cx: &Ctx, key: &ServiceKey, message: &[u8]) -> std::result::Result<Vec<u8>, ServiceError> {
        let service = self.parts().key_service.as_ref().ok_or(ServiceError::None)?;
        if matches!(cx.actor, Actor::System | Actor::Anonymous)
            && self.desk().rests(&cx.tenant, &key.reference, self.parts().clock.now_ms())
        {
            return Err(ServiceError::Resting);
        }
        let answer = timeout(service.patience(), service.sign(&key.reference, message)).await.unwrap_or(Err(ServiceError::TimedOut));
        let verifies = |signature: &Vec<u8>| key.public.verifies(message, signature);
        let answer = answer.and_then(|signature| if verifies(&signature) { Ok(signature) } else { Err(ServiceError::WrongSignature) });
        self.desk().note(&cx.tenant, &key.reference, answer.is_ok(), self.parts().clock.now_ms());
        answer
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// What a run wants that nobody can be asked for.
fn without_service(error: Error) -> Error {
    let Error::NotSigned(NotSigned::Wanted(wanted)) = &error else { return error };
    let Some(Wanted { role, key, .. }) = wanted.first() else { return error };
    NotSigned::Service { role: *role, reference: key.reference.clone(), cause: ServiceError::None }.into()
}

fn is_wanting<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::NotSigned(NotSigned::Wanted(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failures_of_one_key_rest_no_other() {
        let (desk, now_ms) = (Desk::default(), 1_000_000);
        let [acme, beta] = ["acme", "beta"].map(|slug| TenantId::parse(slug).expect("a slug"));
        let [list, timestamp] = ["test:list@1", "test:timestamp@1"].map(|key| Reference::parse(key).expect("a reference"));
        desk.note(&acme, &list, false, now_ms);
        assert!(desk.rests(&acme, &list, now_ms + FIRST_REST_MS - 1));
        assert!(!desk.rests(&beta, &list, now_ms) && !desk.rests(&acme, &timestamp, now_ms));
        desk.note(&beta, &list, true, now_ms);
        desk.note(&acme, &timestamp, true, now_ms);
        assert!(desk.rests(&acme, &list, now_ms), "what others sign says nothing about this one");
        assert!(!desk.rests(&acme, &list, now_ms + FIRST_REST_MS));
        desk.note(&acme, &list, true, now_ms);
        assert!(!desk.rests(&acme, &list, now_ms));
    }
}
