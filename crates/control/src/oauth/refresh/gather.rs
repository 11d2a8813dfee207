//! Gathering refreshes: those that come while a transaction of the tenant's is under way share the next one.
//!
//! Nobody waits for others to come: the first is renewed at once, alone. What is queued here is lost with the process, like any request
//! that has not been answered.

use super::{Refresh, renewal};
use crate::control::Control;
use crate::ctx::{Actor, Ctx};
use crate::error::Result;
use crate::oauth::error::OAuthError;
use crate::oauth::mint::Issued;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use store::TenantId;
use tokio::sync::oneshot;

/// The most that share one transaction.
const MOST: usize = 64;

type Answer = Result<std::result::Result<Issued, OAuthError>>;

struct Waiting {
    cx: Ctx,
    refresh: Arc<Refresh>,
    reply: oneshot::Sender<Answer>,
}

/// Refreshes that wait, by tenant. A tenant that is in the map has a task at work.
#[derive(Clone, Default)]
pub struct Gather(Arc<Mutex<HashMap<TenantId, Vec<Waiting>>>>);

impl Gather {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Vec<Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch of a tenant; none ends its task.
    fn next(&self, tenant: &TenantId) -> Option<Vec<Waiting>> {
        let mut waiting = self.waiting();
        let queue = waiting.get_mut(tenant)?;
        if queue.is_empty() {
            waiting.remove(tenant);
            return None;
        }
        Some(queue.drain(..queue.len().min(MOST)).collect())
    }
}

/// Exchanges a refresh token for new tokens.
///
/// # Errors
/// When the database fails. That the token is refused is an answer, as RFC 6749 section 5.2 words it.
pub async fn refresh(control: &Control, cx: &Ctx, refresh: Refresh) -> Answer {
    let (reply, answer) = oneshot::channel();
    let waiting = Waiting { cx: cx.clone(), refresh: Arc::new(refresh), reply };
    let begin = match control.refreshes().waiting().entry(cx.tenant.clone()) {
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
        tokio::spawn(work(control.clone(), cx.tenant.clone()));
    }
    answer.await.map_err(|_| crate::error::Error::internal("renewing a token", "the task that renews has ended"))?
}

/// Lets the next request begin a new task if this one ends before its queue is empty, which only a panic does. Who waits gets an error.
struct AtWork {
    gather: Gather,
    tenant: TenantId,
    done: bool,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if !self.done {
            self.gather.waiting().remove(&self.tenant);
        }
    }
}

async fn work(control: Control, tenant: TenantId) {
    let mut at_work = AtWork { gather: control.refreshes().clone(), tenant: tenant.clone(), done: false };
    while let Some(batch) = control.refreshes().next(&tenant) {
        let now_ms = control.parts().clock.now_ms();
        let cx = Ctx { tenant: tenant.clone(), actor: Actor::Anonymous, request_id: "refreshes".to_owned(), now_ms };
        let requests = batch.iter().map(|waiting| (Arc::clone(&waiting.refresh), waiting.cx.request_id.clone())).collect();
        match control.run(&cx, RefreshMany(requests)).await {
            Ok(answers) => {
                for (waiting, answer) in batch.into_iter().zip(answers) {
                    // Whoever asked may be gone. What was renewed for them stays renewed, as it would with a lost answer.
                    let _gone = waiting.reply.send(Ok(answer));
                }
            }
            // One of them may be the reason: each for itself then.
            Err(_) => {
                for waiting in batch {
                    let alone = RefreshMany(vec![(waiting.refresh, waiting.cx.request_id.clone())]);
                    let answer = control.run(&waiting.cx, alone).await.map(|mut answers| answers.remove(0));
                    let _gone = waiting.reply.send(answer);
                }
            }
        }
    }
    at_work.done = true;
}

/// Refreshes with the ids of the requests that they came in.
struct RefreshMany(Vec<(Arc<Refresh>, String)>);

impl UseCase for RefreshMany {
    type Out = Vec<std::result::Result<Issued, OAuthError>>;
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Self::Out>> {
        let requests: Vec<&Refresh> = self.0.iter().map(|(request, _)| &**request).collect();
        let parts = renewal::renew(scene, &requests).await?;
        Ok(Done::each(parts.into_iter().zip(&self.0).map(|(part, (_, request_id))| part.of_request(request_id)).collect()))
    }
}
