//! Rounds through the tenants, in which nobody waits for anybody else's: each tenant is looked after in a task of its own, and whose last round has not
//! ended is left out of the next. What asks a key management service can take its time.

use control::{Control, TenantId};
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// How many tenants are looked after at the same time in one kind of round. More than so many that wait for a service at the same time keep
/// the others waiting too, until they are given up or the service is left alone for a while.
const AT_ONCE: usize = 32;
/// After so long one is given up for this round, and said so: longer than a key management service is waited for, turns included.
const LONGEST: Duration = Duration::from_secs(180);

/// Goes through the tenants whose upkeep is this process's, one round every so often, until the process is asked to end. What is being done then
/// is broken off, as it is when a process dies.
pub async fn rounds<F, D>(control: Control, ending: CancellationToken, every: Duration, tend: F)
where
    F: Fn(Control, TenantId) -> D + Clone + Send + Sync + 'static,
    D: Future<Output = ()> + Send + 'static,
{
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tasks = Tasks::default();
    loop {
        tokio::select! {
            () = ending.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match control.tenants().await {
            Ok(tenants) => tasks.begin(tenants, |tenant| mine(control.clone(), tenant, tend.clone())),
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the tenants cannot be listed: nobody is looked after"),
        }
    }
}

async fn mine<F, D>(control: Control, tenant: TenantId, tend: F)
where
    F: Fn(Control, TenantId) -> D,
    D: Future<Output = ()>,
{
    let look_after = async {
        match control.does_upkeep(&tenant).await {
            Ok(true) => tend(control.clone(), tenant.clone()).await,
            // Another replica does.
            Ok(false) => {}
            Err(error) => tracing::error!(%tenant, error = &error as &dyn std::error::Error, "who does upkeep cannot be told"),
        }
    };
    if timeout(LONGEST, look_after).await.is_err() {
        tracing::error!(%tenant, seconds = LONGEST.as_secs(), "upkeep takes too long and is given up until the next round");
    }
}

/// A task for each tenant that is being looked after.
struct Tasks {
    at_work: HashMap<TenantId, JoinHandle<()>>,
    room: Arc<Semaphore>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self { at_work: HashMap::new(), room: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Tasks {
    /// Begins with those of them that are not being looked after.
    fn begin<D>(&mut self, tenants: Vec<TenantId>, tend: impl Fn(TenantId) -> D)
    where
        D: Future<Output = ()> + Send + 'static,
    {
        // A task that has panicked has finished too.
        self.at_work.retain(|_, task| !task.is_finished());
        for tenant in tenants {
            if self.at_work.contains_key(&tenant) {
                continue;
            }
            let (room, work) = (Arc::clone(&self.room), tend(tenant.clone()));
            let task = tokio::spawn(async move {
                let _room = room.acquire_owned().await;
                work.await;
            });
            self.at_work.insert(tenant, task);
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.at_work.values().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Goes through the rounds until `quick` was looked after three times; who was, in order.
    async fn looked_after(stuck: &'static str) -> Vec<String> {
        let names = ["slow", "quick", "wrong"];
        let tenants = names.map(|slug| TenantId::parse(slug).expect("a slug"));
        let (mut tasks, begun) = (Tasks::default(), Arc::new(Mutex::new(Vec::new())));
        loop {
            tasks.begin(tenants.to_vec(), |tenant| {
                let begun = Arc::clone(&begun);
                async move {
                    begun.lock().expect("nobody panicked with it").push(tenant.as_str().to_owned());
                    match tenant.as_str() {
                        name if name == stuck => std::future::pending().await,
                        "wrong" => panic!("it is in the test"),
                        _ => {}
                    }
                }
            });
            tokio::task::yield_now().await;
            let begun = begun.lock().expect("nobody panicked with it");
            if begun.iter().filter(|name| *name == "quick").count() == 3 {
                return begun.clone();
            }
        }
    }

    #[tokio::test]
    async fn who_takes_their_time_or_fails_keeps_nobody_waiting() {
        let times = |begun: &[String], name: &str| begun.iter().filter(|begun| *begun == name).count();
        let begun = looked_after("slow").await;
        assert_eq!(times(&begun, "slow"), 1, "it is not begun again: {begun:?}");
        assert!(times(&begun, "wrong") >= 2, "it is tried again: {begun:?}");
        let begun = looked_after("nobody").await;
        assert!(times(&begun, "slow") >= 2, "{begun:?}");
    }

    #[tokio::test]
    async fn no_more_are_looked_after_at_once_than_there_is_room_for() {
        let tenants: Vec<TenantId> = (0..3 * AT_ONCE).map(|n| TenantId::parse(&format!("t{n}")).expect("a slug")).collect();
        let (mut tasks, here, go) = (Tasks::default(), Arc::new(Mutex::new((0, 0))), Arc::new(Semaphore::new(0)));
        let (told, mut tells) = tokio::sync::mpsc::unbounded_channel();
        tasks.begin(tenants, |_| {
            let (here, go, told) = (Arc::clone(&here), Arc::clone(&go), told.clone());
            async move {
                let enter = |by: i64| {
                    let mut here = here.lock().expect("nobody panicked with it");
                    here.0 += by;
                    here.1 = here.0.max(here.1);
                };
                enter(1);
                told.send(()).expect("somebody listens");
                go.acquire().await.expect("open").forget();
                enter(-1);
            }
        });
        for _ in 0..3 * AT_ONCE {
            tells.recv().await.expect("another");
            go.add_permits(1);
        }
        assert!(here.lock().expect("nobody panicked with it").1 <= i64::try_from(AT_ONCE).expect("small"));
    }
}
