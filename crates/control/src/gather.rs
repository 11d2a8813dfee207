//! Gathering: requests that come while the tenant's last batch is under way are answered together in the next one.
//!
//! Nobody waits for others to come. But a batch is open until it is looked into, and what has to be read before that lets others come along:
//! of sixteen clients that ask again as soon as they are answered, one would otherwise be answered alone, and the fifteen after it.
//! What is queued here is lost with the process, like any request that has not been answered.

use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use store::TenantId;
use tokio::sync::oneshot;

/// The most that wait for one tenant: what more come are told to come back.
const LONGEST_QUEUE: usize = 16_384;

/// Requests of one kind that are answered together.
pub(crate) trait Batch: Sized + Send + Sync + 'static {
    /// What each is answered.
    type Answer: Send + 'static;
    /// The most that go together.
    const MOST: usize;

    /// Where they wait.
    fn queue(control: &Control) -> &Gather<Self>;

    /// Answers them all, in their order, or fails and changes nothing.
    fn answer(control: &Control, tenant: &TenantId, batch: &Arc<Open<Self>>) -> impl Future<Output = Result<Vec<Self::Answer>>> + Send;
}

/// A request, and who made it.
pub(crate) struct Asked<B> {
    /// Who, when, in which request.
    pub cx: Ctx,
    /// What.
    pub what: B,
}

struct Waiting<B: Batch> {
    asked: Arc<Asked<B>>,
    reply: Mutex<Option<oneshot::Sender<Result<B::Answer>>>>,
}

impl<B: Batch> Waiting<B> {
    fn answer(&self, answer: Result<B::Answer>) {
        if let Some(reply) = self.reply.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Whoever asked may be gone. What was done for them stays done, as it would with a lost answer.
            let _gone = reply.send(answer);
        }
    }
}

/// A batch that whoever comes goes along with, until it is looked into for the first time.
pub(crate) struct Open<B: Batch> {
    gather: Gather<B>,
    tenant: TenantId,
    closed: OnceLock<Queue<B>>,
}

impl<B: Batch> Open<B> {
    /// What was asked. From now on these and no others are in the batch, however often it is answered.
    pub(crate) fn asked(&self) -> impl ExactSizeIterator<Item = &Arc<Asked<B>>> {
        self.closed().iter().map(|waiting| &waiting.asked)
    }

    /// Nobody else goes along.
    pub(crate) fn close(&self) {
        self.closed();
    }

    fn closed(&self) -> &[Arc<Waiting<B>>] {
        self.closed.get_or_init(|| self.gather.take(&self.tenant))
    }

    /// A batch of only one of them.
    fn only(&self, waiting: &Arc<Waiting<B>>) -> Arc<Self> {
        let closed = OnceLock::from(vec![Arc::clone(waiting)]);
        Arc::new(Self { gather: self.gather.clone(), tenant: self.tenant.clone(), closed })
    }
}

/// In the order in which they came.
type Queue<B> = Vec<Arc<Waiting<B>>>;

/// Requests that wait, by tenant. A tenant that is in the map has a task at work.
pub(crate) struct Gather<B: Batch>(Arc<Mutex<HashMap<TenantId, Queue<B>>>>);

impl<B: Batch> Clone for Gather<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: Batch> Default for Gather<B> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<B: Batch> Gather<B> {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Queue<B>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch of a tenant; none ends its task.
    fn next(&self, tenant: &TenantId) -> Option<Arc<Open<B>>> {
        let mut waiting = self.waiting();
        if waiting.get(tenant)?.is_empty() {
            waiting.remove(tenant);
            return None;
        }
        Some(Arc::new(Open { gather: self.clone(), tenant: tenant.clone(), closed: OnceLock::new() }))
    }

    /// Those that wait, the first first, and not too many.
    fn take(&self, tenant: &TenantId) -> Queue<B> {
        let mut waiting = self.waiting();
        waiting.get_mut(tenant).map(|queue| queue.drain(..queue.len().min(B::MOST)).collect()).unwrap_or_default()
    }
}

/// Answers a request, together with others if it has to wait.
///
/// # Errors
/// [`Error::Busy`] when too many wait; what [`Batch::answer`] fails with for this request alone.
pub(crate) async fn gathered<B: Batch>(control: &Control, cx: &Ctx, what: B) -> Result<B::Answer> {
    let (reply, answer) = oneshot::channel();
    let waiting = Arc::new(Waiting { asked: Arc::new(Asked { cx: cx.clone(), what }), reply: Mutex::new(Some(reply)) });
    let begin = match B::queue(control).waiting().entry(cx.tenant.clone()) {
        Entry::Occupied(queue) if queue.get().len() >= LONGEST_QUEUE => return Err(Error::Busy),
        Entry::Occupied(mut queue) => {
            queue.get_mut().push(waiting);
            false
        }
        Entry::Vacant(place) => {
            place.insert(vec![waiting]);
            true
        }
    };
    if begin {
        tokio::spawn(work::<B>(control.clone(), cx.tenant.clone()));
    }
    answer.await.map_err(|_| Error::internal("answering requests together", "the task that answers them has ended"))?
}

/// Lets the next request begin a new task if this one ends before its queue is empty, which only a panic does. Who waits gets an error.
struct AtWork<B: Batch> {
    gather: Gather<B>,
    tenant: TenantId,
    done: bool,
}

impl<B: Batch> Drop for AtWork<B> {
    fn drop(&mut self) {
        if !self.done {
            self.gather.waiting().remove(&self.tenant);
        }
    }
}

async fn work<B: Batch>(control: Control, tenant: TenantId) {
    let gather = B::queue(&control).clone();
    let mut at_work = AtWork { gather: gather.clone(), tenant: tenant.clone(), done: false };
    while let Some(batch) = gather.next(&tenant) {
        match B::answer(&control, &tenant, &batch).await {
            Ok(answers) => batch.closed().iter().zip(answers).for_each(|(waiting, answer)| waiting.answer(Ok(answer))),
            // One of them may be the reason: each for itself then.
            Err(_) => {
                for waiting in batch.closed() {
                    let answer = B::answer(&control, &tenant, &batch.only(waiting)).await;
                    waiting.answer(answer.and_then(|answers| answers.into_iter().next().ok_or(Error::NotFound)));
                }
            }
        }
    }
    at_work.done = true;
}
