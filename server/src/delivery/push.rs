//! What watchers are sent: read and written out once for a tenant, shared by all who wait.
//!
//! One task for each watched tenant asks the database when it is woken, and every two seconds anyway, since the change may have been made
//! by another replica. A watcher only waits for the task's word: thousands of them cost no query.

use crate::app::App;
use bytes::Bytes;
use control::delivery::files::{self, Newest};
use control::{Actor, Ctx, TenantId};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How often the database is asked without being woken.
const RECHECK: Duration = Duration::from_secs(2);
/// So few watchers say at once what came of the news.
const FEW_WATCHERS: usize = 200;
/// More are asked to spread it, so that the words of the first do not keep the news from the last: so many a millisecond, within this long.
const ACKS_PER_MS: usize = 1;
const LONGEST_SPREAD_MS: usize = 5_000;
/// After so many rounds without a watcher the task ends.
const IDLE_ROUNDS: u32 = 60;

/// The newest timestamp of a tenant with its answers, written out.
#[derive(Debug, Default)]
pub struct Push {
    /// Version of the timestamp; 0 before the first publish.
    pub timestamp: u64,
    snapshot: u64,
    /// Watchers that have this timestamp or a later one lack nothing but the timestamp itself.
    since: u64,
    whole: Bytes,
    brief: Bytes,
}

/// Within how long so many watchers are asked to acknowledge, milliseconds.
fn ack_within_ms(watchers: usize) -> usize {
    if watchers <= FEW_WATCHERS { 0 } else { (watchers / ACKS_PER_MS).min(LONGEST_SPREAD_MS) }
}

impl Push {
    /// What follows `before` for so many watchers.
    fn after(before: &Self, newest: Newest, watchers: usize) -> Self {
        let Newest { timestamp, snapshot, files } = newest;
        let since = if before.snapshot == snapshot && before.since > 0 { before.since } else { timestamp };
        let all: BTreeMap<&str, &str> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let own = all.iter().filter(|(path, _)| **path == "metadata/timestamp.json").map(|(path, text)| (*path, *text)).collect();
        let within = ack_within_ms(watchers);
        let written = |files: &BTreeMap<&str, &str>| {
            Bytes::from(json!({ "timestamp": timestamp, "files": files, "ack_within_ms": within }).to_string())
        };
        Self { timestamp, snapshot, since, brief: written(&own), whole: written(&all) }
    }

    /// The answer for a watcher that has timestamp `known`. With news for it, it has no reason to wait `wait_ms` milliseconds.
    pub fn answer(&self, known: u64, wait_ms: usize) -> Bytes {
        match known {
            known if known >= self.timestamp => {
                Bytes::from(format!(r#"{{"timestamp":{},"files":{{}},"wait_ms":{wait_ms}}}"#, self.timestamp))
            }
            known if known >= self.since => self.brief.clone(),
            _ => self.whole.clone(),
        }
    }
}

type Sender = Arc<watch::Sender<Arc<Push>>>;

/// The pushes of all watched tenants.
#[derive(Clone, Default)]
pub struct Pushes(Arc<Mutex<HashMap<TenantId, Sender>>>);

impl Pushes {
    fn tenants(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Sender>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits along with all others who watch the tenant.
    pub fn subscribe(&self, app: &App, cx: &Ctx) -> watch::Receiver<Arc<Push>> {
        let mut tenants = self.tenants();
        if let Some(sender) = tenants.get(&cx.tenant) {
            return sender.subscribe();
        }
        let sender = Sender::new(watch::Sender::default());
        tenants.insert(cx.tenant.clone(), Arc::clone(&sender));
        let watcher = sender.subscribe();
        let system = Ctx { actor: Actor::System, request_id: "watch".to_owned(), ..cx.clone() };
        tokio::spawn(follow(self.clone(), app.clone(), system, sender));
        watcher
    }

    /// How many watch the tenant.
    pub fn watchers(&self, cx: &Ctx) -> usize {
        self.tenants().get(&cx.tenant).map_or(0, |sender| sender.receiver_count())
    }

    /// Whether nobody watches any more; then the next watcher begins a new task.
    fn retire(&self, tenant: &TenantId, sender: &Sender) -> bool {
        let mut tenants = self.tenants();
        let idle = sender.receiver_count() == 0;
        if idle {
            tenants.remove(tenant);
        }
        idle
    }
}

async fn follow(pushes: Pushes, app: App, cx: Ctx, sender: Sender) {
    let mut news = app.control().signals().watch(&cx.tenant);
    let mut idle = 0;
    loop {
        if let Err(error) = refresh(&app, &cx, &sender).await {
            tracing::warn!(tenant = %cx.tenant, %error, "watchers wait longer: the newest timestamp cannot be read");
        }
        idle = if sender.receiver_count() == 0 { idle + 1 } else { 0 };
        if idle > IDLE_ROUNDS && pushes.retire(&cx.tenant, &sender) {
            return;
        }
        tokio::select! {
            () = app.ending().cancelled() => return,
            () = tokio::time::sleep(RECHECK) => {}
            woken = news.changed() => if woken.is_err() { return },
        }
    }
}

async fn refresh(app: &App, cx: &Ctx, sender: &Sender) -> control::Result<()> {
    let before = Arc::clone(&sender.borrow());
    if files::newest_timestamp(app.control(), cx).await? == before.timestamp {
        return Ok(());
    }
    let newest = files::newest(app.control(), cx).await?;
    sender.send_replace(Arc::new(Push::after(&before, newest, sender.receiver_count())));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(timestamp: u64, snapshot: u64) -> Newest {
        let file = |path: &str| (path.to_owned(), format!("\"{path}\""));
        Newest { timestamp, snapshot, files: vec![file("metadata/timestamp.json"), file("metadata/1.snapshot.json")] }
    }

    fn paths(answer: &Bytes) -> usize {
        let answer: serde_json::Value = serde_json::from_slice(answer).expect("JSON");
        answer["files"].as_object().expect("a map").len()
    }

    #[test]
    fn a_watcher_is_sent_what_it_lacks() {
        let first = Push::after(&Push::default(), newest(1, 1), 1);
        assert_eq!((paths(&first.answer(0, 7)), paths(&first.answer(1, 7))), (2, 0));
        assert_eq!(first.answer(1, 7), r#"{"timestamp":1,"files":{},"wait_ms":7}"#);
        // Only the timestamp was signed again.
        let second = Push::after(&first, newest(2, 1), 1);
        assert_eq!((paths(&second.answer(0, 7)), paths(&second.answer(1, 7)), paths(&second.answer(2, 7))), (2, 1, 0));
        let third = Push::after(&second, newest(3, 2), 1);
        assert_eq!((paths(&third.answer(1, 7)), paths(&third.answer(2, 7)), paths(&third.answer(3, 7))), (2, 2, 0));
    }

    #[test]
    fn the_more_watch_the_longer_they_spread_their_acknowledgements() {
        for (watchers, within) in [(0, 0), (1, 0), (200, 0), (201, 201), (1_000, 1_000), (10_000, 5_000), (usize::MAX, 5_000)] {
            let answer: serde_json::Value =
                serde_json::from_slice(&Push::after(&Push::default(), newest(1, 1), watchers).answer(0, 0)).expect("JSON");
            assert_eq!(answer["ack_within_ms"], within, "{watchers}");
        }
    }
}
