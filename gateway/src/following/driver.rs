//! Network, disk, enforcer and streams on behalf of the state machine.

use super::source::Source;
use crate::clock::{Clock, Random};
use crate::data::DataDir;
use crate::link::LinkError;
use crate::proxy::Streams;
use crate::standing::Standing;
use bundle::Pin;
use enforce::Enforcer;
use follow::{At, Effect, Event, Follower, Kept, Report};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a call waits for a list that its token is ahead of.
const CATCH_UP: Duration = Duration::from_secs(2);
/// How often it is looked whether a stream's token has ended by itself.
const EXPIRY: Duration = Duration::from_secs(8);

/// Everything that following needs.
pub struct Driver {
    /// Where the repository lies.
    pub source: Source,
    /// What is verified, and what to do next.
    pub follower: Follower,
    /// What is enforced.
    pub enforcer: Arc<Enforcer>,
    /// What is streaming.
    pub streams: Arc<Streams>,
    /// How we stand.
    pub standing: Arc<Standing>,
    /// Where state is kept.
    pub data: Arc<DataDir>,
    /// The time.
    pub clock: Clock,
}

/// Asks to hurry, and waits for it.
#[derive(Debug, Clone)]
pub struct Hurry {
    nudge: Arc<Notify>,
    seq: watch::Receiver<u64>,
}

impl Hurry {
    /// Waits, not for long, until the revocation list in force has reached `seq`.
    pub async fn catch_up(&self, seq: u64) {
        self.nudge.notify_one();
        let mut seen = self.seq.clone();
        let reached = seen.wait_for(|now| *now >= seq);
        if tokio::time::timeout(CATCH_UP, reached).await.is_err() {
            tracing::warn!(wanted = seq, "the revocation list did not catch up with a token in time");
        }
    }
}

/// Puts what was kept in force and begins to follow, until `stop`. Reports go to `reports`.
pub fn start(driver: Driver, reports: watch::Sender<Option<Report>>, stop: CancellationToken) -> (Hurry, tokio::task::JoinHandle<()>) {
    let nudge = Arc::new(Notify::new());
    if let Some(active) = driver.follower.active() {
        driver.enforcer.activate(Arc::clone(active));
    }
    let in_force = driver.follower.active().map_or(0, |active| active.revocations().seq());
    let (announce, seq) = watch::channel(in_force);
    let hurry = Hurry { nudge: Arc::clone(&nudge), seq };
    let Driver { source, follower, enforcer, streams, standing, data, clock } = driver;
    let run = Run {
        source: Arc::new(source),
        follower,
        enforcer,
        streams,
        standing,
        data,
        clock,
        announce,
        reports,
        began: Instant::now(),
        request: None,
        keeping: None,
        ending: FuturesUnordered::new(),
        wake: None,
    };
    let task = tokio::spawn(async move { run.until(stop, &nudge).await });
    (hurry, task)
}

struct Run {
    source: Arc<Source>,
    follower: Follower,
    enforcer: Arc<Enforcer>,
    streams: Arc<Streams>,
    standing: Arc<Standing>,
    data: Arc<DataDir>,
    clock: Clock,
    announce: watch::Sender<u64>,
    reports: watch::Sender<Option<Report>>,
    began: Instant,
    /// The one request that is under way; replacing it gives it up.
    request: Option<BoxFuture<'static, Event>>,
    keeping: Option<BoxFuture<'static, Event>>,
    ending: FuturesUnordered<BoxFuture<'static, u64>>,
    wake: Option<Instant>,
}

/// What is pending here, or nothing for ever.
async fn pending<T>(of: &mut Option<BoxFuture<'static, T>>) -> T {
    match of {
        Some(future) => {
            let done = future.await;
            *of = None;
            done
        }
        None => std::future::pending().await,
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

impl Run {
    async fn until(mut self, stop: CancellationToken, nudge: &Notify) {
        let mut expiry = tokio::time::interval(EXPIRY);
        expiry.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.step(Event::Start);
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => break,
                event = pending(&mut self.request) => event,
                event = pending(&mut self.keeping) => event,
                Some(number) = self.ending.next(), if !self.ending.is_empty() => Event::Ended(number),
                () = nudge.notified() => Event::Hurry,
                () = at(self.wake) => Event::Tick,
                _ = expiry.tick() => {
                    // Tokens and grants end by themselves, too.
                    self.streams.end_refused(&self.enforcer, self.clock.now());
                    continue;
                }
            };
            if matches!(event, Event::Watched(..) | Event::Fetched(..)) {
                self.standing.contact(self.clock.now_ms());
            }
            self.step(event);
        }
        // What is in force is being written: whoever stops a gateway finds it there at the next start.
        if let Some(keeping) = self.keeping.take()
            && let Event::Kept(Err(error)) = keeping.await
        {
            tracing::error!(error, "what is in force could not be kept");
        }
    }

    fn step(&mut self, event: Event) {
        let steady_ms = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let effects = self.follower.step(event, At { unix_ms: self.clock.now_ms(), steady_ms });
        for effect in effects {
            self.carry_out(effect);
        }
        self.standing.note(self.follower.report());
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Watch { ticket, known } => {
                let (source, standing) = (Arc::clone(&self.source), Arc::clone(&self.standing));
                let watch = async move {
                    match source.watch(known).await {
                        Ok(news) => Event::Watched(ticket, news),
                        Err(error) => failed(&standing, ticket, &error),
                    }
                };
                self.request = Some(watch.boxed());
            }
            Effect::Fetch { ticket, path, max_len } => {
                let (source, standing) = (Arc::clone(&self.source), Arc::clone(&self.standing));
                let fetch = async move {
                    match source.fetch(&path, max_len).await {
                        Ok(body) => Event::Fetched(ticket, body),
                        Err(error) => failed(&standing, ticket, &error),
                    }
                };
                self.request = Some(fetch.boxed());
            }
            Effect::Keep(kept) => {
                let data = Arc::clone(&self.data);
                let keep = tokio::task::spawn_blocking(move || data.keep(&kept));
                let kept = async move {
                    Event::Kept(keep.await.map_err(std::io::Error::other).and_then(|kept| kept).map_err(|error| error.to_string()))
                };
                self.keeping = Some(kept.boxed());
            }
            Effect::Activate(active) => {
                let (policy, revocations, timestamp) = (active.policy().version, active.revocations().seq(), active.freshness().timestamp);
                self.enforcer.activate(active);
                self.announce.send_replace(revocations);
                tracing::info!(policy, revocations, timestamp, "in force");
            }
            Effect::End(number) => {
                let ended = self.streams.end_refused(&self.enforcer, self.clock.now());
                if ended > 0 {
                    tracing::info!(streams = ended, "streams and calls end by what was taken away");
                }
                let streams = Arc::clone(&self.streams);
                let gone = async move {
                    // It waits for some seconds at a time; what has not ended by then is waited for again.
                    while streams.ended().await > 0 {
                        tracing::warn!("streams that have to end have not ended yet: what is in force is not acknowledged");
                    }
                    number
                };
                self.ending.push(gone.boxed());
            }
            Effect::Acknowledge(report) => {
                self.reports.send_replace(Some(report));
            }
            Effect::WakeAt(steady_ms) => {
                self.wake = u64::try_from(steady_ms).ok().and_then(|ms| self.began.checked_add(Duration::from_millis(ms)));
            }
            Effect::Trouble(trouble, wait_ms) => {
                // An operator's own doing is no alarm.
                if trouble.code == follow::Trouble::NOTHING_PUBLISHED {
                    tracing::info!(wait_ms, "{}", trouble.message);
                } else {
                    tracing::error!(
                        code = trouble.code,
                        wait_ms,
                        "what is offered was refused, what is in force stays: {}",
                        trouble.message
                    );
                }
            }
        }
    }
}

fn failed(standing: &Standing, ticket: follow::Ticket, error: &LinkError) -> Event {
    standing.silent(error);
    tracing::warn!(%error, "following failed, and is tried again");
    Event::Failed { ticket, wait_ms: error.wait_ms() }
}

impl Driver {
    /// The follower of what was kept, verified again. What does not verify is not used.
    pub fn restore(source: &Source, pin: Pin, kept: &Kept<Vec<u8>>, clock: &Clock, random: &Random) -> Follower {
        let at = At { unix_ms: clock.now_ms(), steady_ms: 0 };
        let (follower, troubles) = follow::restore(source.kind(), pin, kept.borrowed(), at, random.seed());
        for trouble in troubles {
            tracing::error!(code = trouble.code, "something of what was kept does not verify and is not used: {}", trouble.message);
        }
        match follower.active() {
            Some(active) => tracing::info!(
                policy = active.policy().version,
                revocations = active.revocations().seq(),
                stale_for_s = active.stale_for(clock.now()),
                "enforcing the kept state"
            ),
            None => tracing::info!("starting closed: nothing that was kept can be enforced"),
        }
        follower
    }
}
