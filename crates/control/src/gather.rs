//! Gathering: requests that come while the tenant's last batch is under way are answered together in the next one.
//!
//! Nobody waits for others to come: the first is answered at once, alone. What is queued here is lost with the process, like any request
//! that has not been answered.

use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
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
    fn answer(control: &Control, tenant: &TenantId, asked: &[Arc<Asked<Self>>]) -> impl Future<Output = Result<Vec<Self::Answer>>> + Send;
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
    reply: oneshot::Sender<Result<B::Answer>>,
}

/// Requests that wait, by tenant. A tenant that is in the map has a task at work.
pub(crate) struct Gather<B: Batch>(Arc<Mutex<HashMap<TenantId, Vec<Waiting<B>>>>>);

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
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Vec<Waiting<B>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch of a tenant; none ends its task.
    fn next(&self, tenant: &TenantId) -> Option<Vec<Waiting<B>>> {
        let mut waiting = self.waiting();
        let queue = waiting.get_mut(tenant)?;
        if queue.is_empty() {
            waiting.remove(tenant);
            return None;
        }
        Some(queue.drain(..queue.len().min(B::MOST)).collect())
    }
}

/// Answers a request, together with others if it has to wait.
///
/// # Errors
/// [`Error::Busy`] when too many wait; what [`Batch::answer`] fails with for this request alone.
pub(crate) async fn gathered<B: Batch>(control: &Control, cx: &Ctx, what: B) -> Result<B::Answer> {
    let (reply, answer) = oneshot::channel();
    let waiting = Waiting { asked: Arc::new(Asked { cx: cx.clone(), what }), reply };
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
        let asked: Vec<_> = batch.iter().map(|waiting| Arc::clone(&waiting.asked)).collect();
        match B::answer(&control, &tenant, &asked).await {
            Ok(answers) => {
                for (waiting, answer) in batch.into_iter().zip(answers) {
                    // Whoever asked may be gone. What was done for them stays done, as it would with a lost answer.
                    let _gone = waiting.reply.send(Ok(answer));
                }
            }
            // One of them may be the reason: each for itself then.
            Err(_) => {
                for waiting in batch {
                    let answer = B::answer(&control, &tenant, std::slice::from_ref(&waiting.asked)).await;
                    let answer = answer.and_then(|answers| answers.into_iter().next().ok_or(Error::NotFound));
                    let _gone = waiting.reply.send(answer);
                }
            }
        }
    }
    at_work.done = true;
}
