//! What is under way: every forwarded call and stream, so that a revocation can end it, and wait until it has ended.

use super::caller::{Sessions, Share};
use bytes::Bytes;
use enforce::{Enforcer, MethodOwned};
use futures::Stream;
use policy::TokenFacts;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long [`Ending::ended`] waits at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// The bytes of an MCP server's answer.
pub(crate) type Answer = Pin<Box<dyn Stream<Item = Result<Bytes, reqwest::Error>> + Send>>;

#[derive(Debug)]
struct Open {
    facts: Arc<TokenFacts>,
    resource: String,
    method: MethodOwned,
    /// Unix seconds.
    began: i64,
    end: CancellationToken,
    /// The answer, once it has begun.
    answer: Arc<OnceLock<Slot>>,
}

/// Where an answer is taken away from whoever reads it, even if they do not read.
#[derive(Clone)]
struct Slot(Arc<Mutex<Option<Answer>>>);

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Slot")
    }
}

impl Slot {
    fn answer(&self) -> std::sync::MutexGuard<'_, Option<Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that is under way.
#[derive(Debug, Default)]
pub struct Streams {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Open>>,
    one_ended: Notify,
    stopping: AtomicBool,
    /// Which caller began which session.
    pub(crate) sessions: Sessions,
}

/// One that is under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay {
    of: Arc<Streams>,
    id: u64,
    answer: Arc<OnceLock<Slot>>,
    /// What it takes of its caller's share.
    _share: Option<Share>,
    /// Cancelled when it has to end.
    pub(crate) end: CancellationToken,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.of.open().remove(&self.id);
        self.of.one_ended.notify_waiters();
    }
}

impl UnderWay {
    /// Whether it has to end only because the gateway does.
    pub(crate) fn is_of_a_stopping_gateway(&self) -> bool {
        self.of.stopping.load(Ordering::Relaxed)
    }

    /// The answer as it goes to the client: until it has to end, and counted as under way until it has.
    ///
    /// An event stream then ends as if the server had ended it. Anything else is broken off, so that nobody takes a part for the whole.
    pub(crate) fn returning(self, answer: Answer, breaks_off: bool) -> Returning {
        let slot = Slot(Arc::new(Mutex::new(Some(answer))));
        // Set once: an answer begins once.
        let _first = self.answer.set(slot.clone());
        let ended = Box::pin(self.end.clone().cancelled_owned());
        Returning { slot, ended, breaks_off, under_way: Some(self) }
    }
}

/// An answer on its way to the client.
pub(crate) struct Returning {
    slot: Slot,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    breaks_off: bool,
    under_way: Option<UnderWay>,
}

/// Why an answer broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokenOff {
    /// What allowed it was taken away.
    #[error("what allowed the call was taken away while it ran")]
    Ended,
    /// The MCP server.
    #[error(transparent)]
    Upstream(#[from] reqwest::Error),
}

impl Stream for Returning {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.under_way.is_none() {
            return Poll::Ready(None);
        }
        if this.ended.as_mut().poll(cx).is_ready() {
            this.slot.answer().take();
            this.under_way = None;
            return Poll::Ready(this.breaks_off.then_some(Err(BrokenOff::Ended)));
        }
        let polled = this.slot.answer().as_mut().map_or(Poll::Ready(None), |answer| answer.as_mut().poll_next(cx));
        if let Poll::Ready(None | Some(Err(_))) = polled {
            this.slot.answer().take();
            this.under_way = None;
        }
        polled.map_err(BrokenOff::from)
    }
}

impl Streams {
    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(
        self: &Arc<Self>,
        facts: Arc<TokenFacts>,
        resource: &str,
        method: MethodOwned,
        now: i64,
        share: Option<Share>,
    ) -> UnderWay {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (end, answer) = (CancellationToken::new(), Arc::new(OnceLock::new()));
        let open = Open { facts, resource: resource.to_owned(), method, began: now, end: end.clone(), answer: Arc::clone(&answer) };
        self.open().insert(id, open);
        UnderWay { of: Arc::clone(self), id, answer, _share: share, end }
    }

    /// Ends whatever has to end by what is in force now, sessions included. Returns how many calls and streams.
    pub fn end_refused(&self, enforcer: &Enforcer, now: i64) -> usize {
        self.sessions.end_refused(enforcer, now);
        let mut taken = Vec::new();
        let mut ended = 0;
        for open in self.open().values().filter(|open| !open.end.is_cancelled()) {
            if let Some(reason) = enforcer.ends(&open.facts, &open.resource, &open.method, open.began, now) {
                tracing::info!(
                    reason = reason.code(),
                    method = open.method.name(),
                    sub = open.facts.subject,
                    client = open.facts.client,
                    "a stream was ended"
                );
                open.end.cancel();
                taken.extend(open.answer.get().and_then(|slot| slot.answer().take()));
                ended += 1;
            }
        }
        // Closing connections to servers is not done under the lock.
        drop(taken);
        ended
    }

    /// Waits until everything that was told to end has ended: its answer is closed towards the MCP server and yields nothing more towards
    /// the client. What a client does not read holds up nothing. Returns how many have not ended in time; 0 is what may be acknowledged.
    pub async fn ended(&self) -> usize {
        self.ended_within(PATIENCE).await
    }

    async fn ended_within(&self, patience: Duration) -> usize {
        let all = async {
            loop {
                let mut one_ended = std::pin::pin!(self.one_ended.notified());
                // Whatever ends from here on is noticed.
                one_ended.as_mut().enable();
                if self.ending() == 0 {
                    return;
                }
                one_ended.await;
            }
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            let left = self.ending();
            tracing::error!(left, "calls that a revocation ended have not ended in time");
            return left;
        }
        0
    }

    /// How many were told to end and still could say something.
    fn ending(&self) -> usize {
        let still = |open: &&Open| open.end.is_cancelled() && open.answer.get().is_none_or(|slot| slot.answer().is_some());
        self.open().values().filter(still).count()
    }

    /// Ends standing streams, which would never end by themselves, for shutting down.
    pub fn end_standing(&self) {
        for open in self.open().values().filter(|open| open.method == MethodOwned::Stream) {
            open.end.cancel();
        }
    }

    /// Ends everything, for shutting down: nobody is to think that something was taken away from them.
    pub fn end_all(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        for open in self.open().values() {
            open.end.cancel();
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.open().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use std::collections::BTreeSet;

    fn facts() -> Arc<TokenFacts> {
        Arc::new(TokenFacts {
            tenant: "acme".into(),
            issuer: "iss".into(),
            audience: "http://r".into(),
            jti: "jti".into(),
            subject: "usr_a".into(),
            subject_kind: policy::SubjectKind::User,
            client: "cli_a".into(),
            client_class: "ide".into(),
            agent: None,
            inner_actors: Vec::new(),
            session: "ses".into(),
            lineage: "lin".into(),
            scope: BTreeSet::new(),
            roles: Vec::new(),
            grants: Vec::new(),
            acr: None,
            auth_time: None,
            iat: 0,
            exp: 1,
            seq: 0,
        })
    }

    fn endless() -> Answer {
        Box::pin(futures::stream::once(async { Ok(Bytes::from_static(b"one")) }).chain(futures::stream::pending()))
    }

    #[tokio::test]
    async fn an_answer_that_nobody_reads_is_ended_all_the_same() {
        let streams = Arc::new(Streams::default());
        let stream = streams.begin(facts(), "http://r", MethodOwned::Stream, 0, None).returning(endless(), false);
        assert_eq!(streams.ended().await, 0, "nothing was told to end");
        // Closed: everything is refused.
        assert_eq!(streams.end_refused(&Enforcer::closed(), 0), 1);
        assert_eq!(streams.ended().await, 0, "its reader has not moved, and yet it can say nothing more");
        assert_eq!(streams.len(), 1, "it counts until its reader lets go");
        assert_eq!(stream.map(|item| item.is_ok()).collect::<Vec<_>>().await, [] as [bool; 0]);
        assert!(streams.is_empty());
    }

    #[tokio::test]
    async fn a_call_that_was_not_answered_yet_is_waited_for() {
        let streams = Arc::new(Streams::default());
        let call = streams.begin(facts(), "http://r", MethodOwned::CallTool("a".into()), 0, None);
        streams.end_refused(&Enforcer::closed(), 0);
        let mut waiting = Box::pin(streams.ended());
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        drop(call);
        assert_eq!(waiting.await, 0);
    }

    #[tokio::test]
    async fn a_part_is_not_taken_for_the_whole() {
        let streams = Arc::new(Streams::default());
        let mut answer = streams.begin(facts(), "http://r", MethodOwned::CallTool("a".into()), 0, None).returning(endless(), true);
        assert_eq!(answer.next().await.expect("a part").expect("bytes"), "one");
        streams.end_refused(&Enforcer::closed(), 0);
        assert!(matches!(answer.next().await, Some(Err(BrokenOff::Ended))));
        assert!(answer.next().await.is_none());
    }

    #[tokio::test]
    async fn waiting_is_bounded_and_says_what_is_left() {
        let streams = Arc::new(Streams::default());
        let _stuck = streams.begin(facts(), "http://r", MethodOwned::CallTool("a".into()), 0, None);
        streams.end_refused(&Enforcer::closed(), 0);
        assert_eq!(streams.ended_within(Duration::ZERO).await, 1);
    }
}
