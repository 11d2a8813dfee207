//! Following the control plane: watch → verify → build → persist → activate → end streams → acknowledge.
//!
//! The only place that knows `bundle`'s client. Whatever goes wrong, what is in force stays in force.

use crate::clock::{Clock, Random};
use crate::data::DataDir;
use crate::link::{Link, LinkError, Watched};
use crate::proxy::Streams;
use crate::standing::{AckError, Standing};
use bundle::{Activated, Next, Pin, Response, Role, Trusted, Update};
use enforce::{Active, Enforcer, Freshness};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often to ask for new roots even if pushes keep coming.
const FULL_PULL: Duration = Duration::from_secs(60);
/// How often to say that we are here. The control plane expects 10 s at most.
const HEARTBEAT: Duration = Duration::from_secs(8);
/// How long a call waits for a list that its token is ahead of.
const CATCH_UP: Duration = Duration::from_secs(2);
/// The shortest time between two rounds, whatever the other side does.
const SHORTEST_ROUND: Duration = Duration::from_millis(200);

/// Everything that following needs.
#[derive(Debug)]
pub struct Follower {
    /// The control plane.
    pub link: Link,
    /// What is verified.
    pub trusted: Trusted,
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
    /// Jitter.
    pub random: Random,
}

/// Asks the follower to hurry, and waits for it.
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

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the tenant has not published a policy yet: publish one, the gateway takes it up by itself")]
    NothingPublished,
    #[error(transparent)]
    Refused(#[from] bundle::Refused),
    #[error(transparent)]
    Unusable(#[from] enforce::Unusable),
}

impl Failure {
    /// The error to acknowledge; none for a broken link, since then nobody hears it.
    fn to_ack(&self) -> Option<AckError> {
        let code = match self {
            Self::Link(_) => return None,
            Self::NothingPublished => "nothing_published",
            Self::Refused(refused) => refused.code(),
            Self::Unusable(unusable) => unusable.code(),
        };
        Some(AckError { code: code.to_owned(), message: self.to_string() })
    }
}

/// Reads and verifies the kept state; what is verified is in force at once, however old: the ladder in it says what old means.
pub fn restore(document: Option<&[u8]>, pin: Pin, enforcer: &Enforcer, now: i64) -> Trusted {
    let Some(document) = document else { return Trusted::new(pin) };
    let (trusted, restored) = match Trusted::open(pin.clone(), document, now) {
        Ok(opened) => opened,
        Err(refused) => {
            tracing::error!(code = refused.code(), %refused, "the kept state does not verify and is not used: starting closed");
            return Trusted::new(pin);
        }
    };
    if let Some(activated) = restored.activated {
        match build(None, &pin.tenant, &activated) {
            Ok(active) => {
                tracing::info!(
                    policy = activated.policy.version,
                    revocations = activated.revocation_seq,
                    stale_for_s = active.stale_for(now),
                    "enforcing the kept state"
                );
                enforcer.activate(Arc::new(active));
            }
            Err(unusable) => tracing::error!(code = unusable.code(), %unusable, "the kept state cannot be enforced: starting closed"),
        }
    }
    trusted
}

fn build(now_active: Option<&Active>, tenant: &str, activated: &Activated) -> Result<Active, enforce::Unusable> {
    let freshness = Freshness { timestamp: activated.timestamp, fresh_until: activated.fresh_until };
    let list = (&*activated.revocations.text, activated.revocation_seq);
    let policy = &activated.policy;
    match now_active {
        Some(active) if active.policy_sha256() == policy.sha256 && active.policy().version == policy.version => {
            active.with(list, freshness)
        }
        _ => Active::build(tenant, (&policy.text, policy.version, &policy.sha256), list, freshness),
    }
}

/// Starts following in tasks of its own, until `stop`.
pub fn start(follower: Follower, stop: CancellationToken) -> (Hurry, tokio::task::JoinHandle<()>) {
    let nudge = Arc::new(Notify::new());
    let in_force = follower.enforcer.active().map_or(0, |active| active.revocations().seq());
    let (announce, seq) = watch::channel(in_force);
    let hurry = Hurry { nudge: Arc::clone(&nudge), seq };
    let follower = Arc::new(follower);
    let task = tokio::spawn(async move {
        let trusted = follower.trusted.clone();
        let mut round = Round { of: Arc::clone(&follower), trusted, announce, refused: 0, pulled: None, unkept: None };
        tokio::select! {
            () = stop.cancelled() => {}
            () = round.follow(&nudge) => {}
            () = follower.heartbeat() => {}
        }
    });
    (hurry, task)
}

impl Follower {
    async fn heartbeat(&self) {
        let mut beat = tokio::time::interval(HEARTBEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        beat.tick().await;
        loop {
            beat.tick().await;
            // Tokens end by themselves, too.
            self.streams.end_refused(&self.enforcer, self.clock.now());
            self.acknowledge().await;
        }
    }

    async fn acknowledge(&self) {
        // Whatever a revocation ended has really ended before anybody hears that it is in force.
        if self.streams.ended().await > 0 {
            return;
        }
        match self.link.ack(&self.standing.ack()).await {
            Ok(()) => self.standing.contact(self.clock.now_ms()),
            Err(error) => tracing::debug!(%error, "the acknowledgement did not arrive"),
        }
    }
}

struct Round {
    of: Arc<Follower>,
    trusted: Trusted,
    announce: watch::Sender<u64>,
    /// A timestamp that was refused: wait for a newer one instead of being told about it at once, again and again.
    refused: u64,
    pulled: Option<Instant>,
    /// Whether what is in force is not on disk.
    unkept: Option<AckError>,
}

enum Work {
    Pull,
    Push(Watched),
    Failed(LinkError),
}

impl Round {
    async fn follow(&mut self, nudge: &Notify) {
        let mut failures = 0_u32;
        loop {
            let began = Instant::now();
            let pull_due = self.pulled.is_none_or(|at| at.elapsed() >= FULL_PULL);
            let work = if pull_due { Work::Pull } else { self.wait(nudge).await };
            let quiet = matches!(&work, Work::Push(watched) if watched.files.is_empty());
            match self.carry_out(work).await {
                Ok(()) => {
                    failures = 0;
                    self.of.standing.contact(self.of.clock.now_ms());
                    if quiet && began.elapsed() < SHORTEST_ROUND {
                        tokio::time::sleep(SHORTEST_ROUND).await;
                    }
                }
                Err(failure) => {
                    let wait = self.of.random.backoff(failures);
                    failures = failures.saturating_add(1);
                    self.note(&failure, wait).await;
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = async { tokio::time::sleep(SHORTEST_ROUND).await; nudge.notified().await } => {}
                    }
                }
            }
        }
    }

    async fn note(&mut self, failure: &Failure, wait: Duration) {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or_default();
        match failure.to_ack() {
            None => tracing::warn!(%failure, wait_ms, "following the control plane failed"),
            Some(error) => {
                // An operator's own doing is no alarm.
                if matches!(failure, Failure::NothingPublished) {
                    tracing::info!("{failure}");
                } else {
                    tracing::error!(code = error.code, %failure, wait_ms, "what the control plane offers was refused; what is in force stays");
                }
                self.of.standing.error(Some(error));
                self.of.acknowledge().await;
            }
        }
    }

    async fn wait(&self, nudge: &Notify) -> Work {
        tokio::select! {
            () = nudge.notified() => Work::Pull,
            watched = self.of.link.watch(self.trusted.timestamp().max(self.refused)) => match watched {
                Ok(watched) => Work::Push(watched),
                Err(error) => Work::Failed(error),
            },
        }
    }

    async fn carry_out(&mut self, work: Work) -> Result<(), Failure> {
        let (offered, pushed) = match work {
            Work::Failed(error) => return Err(error.into()),
            Work::Pull => (None, BTreeMap::new()),
            Work::Push(watched) if watched.timestamp <= self.trusted.timestamp() && watched.files.is_empty() => return Ok(()),
            Work::Push(watched) => (Some(watched.timestamp), watched.files),
        };
        let updated = match pushed.is_empty() {
            true => self.update(BTreeMap::new()).await,
            // A push asks for no newer root. If one was needed, asking for everything finds it.
            false => match self.update(pushed).await {
                Err(Failure::Refused(refused)) => {
                    tracing::info!(code = refused.code(), "a push was refused, asking for everything");
                    self.update(BTreeMap::new()).await
                }
                done => done,
            },
        };
        let activated = match updated {
            Err(Failure::Refused(bundle::Refused::Missing { file }))
                if file == Role::Timestamp.path(0) && self.trusted.timestamp() == 0 =>
            {
                Err(Failure::NothingPublished)
            }
            Ok(activated) => self.enforce(&activated).map(|()| activated),
            Err(failure) => Err(failure),
        };
        match activated {
            Ok(activated) => {
                self.refused = 0;
                let news = self.of.standing.error(self.unkept.clone());
                if activated.changed || news {
                    self.of.acknowledge().await;
                }
                Ok(())
            }
            Err(failure) => {
                if let (Some(offered), Failure::Refused(_) | Failure::Unusable(_)) = (offered, &failure) {
                    self.refused = offered;
                }
                Err(failure)
            }
        }
    }

    async fn update(&mut self, pushed: BTreeMap<String, String>) -> Result<Activated, Failure> {
        let mut update = Update::start(&self.trusted, self.of.clock.now());
        if pushed.is_empty() {
            self.pulled = Some(Instant::now());
        } else {
            update = update.without_root_probe();
        }
        let mut next = update.proceed()?;
        loop {
            match next {
                Next::Done(activated) => return Ok(*activated),
                Next::Fetch { path, max_len } => {
                    let body = match pushed.get(&path) {
                        Some(text) => Some(text.clone().into_bytes()),
                        None => self.of.link.fetch(&path, max_len).await?,
                    };
                    next = update.step(Response { path, body })?;
                }
            }
        }
    }

    /// Puts a verified state in force. No await from here on: it happens whole or not at all.
    fn enforce(&mut self, activated: &Activated) -> Result<(), Failure> {
        let now_active = self.of.enforcer.active();
        if !activated.changed && now_active.is_some() {
            if self.unkept.is_some() {
                self.keep(activated);
            }
            return Ok(());
        }
        let active = build(now_active.as_deref(), &self.trusted.pin().tenant, activated)?;
        // Enforced even if it cannot be kept: a full disk must not hold up a revocation. It costs a pull after the next start.
        self.keep(activated);
        let follower = &self.of;
        let (policy, seq) = (activated.policy.version, activated.revocation_seq);
        follower.enforcer.activate(Arc::new(active));
        self.trusted = activated.trusted.clone();
        let ended = follower.streams.end_refused(&follower.enforcer, follower.clock.now());
        self.announce.send_replace(seq);
        tracing::info!(policy, revocations = seq, timestamp = activated.timestamp, streams_ended = ended, "in force");
        Ok(())
    }

    fn keep(&mut self, activated: &Activated) {
        self.unkept = self.of.data.keep_trusted(&activated.trusted.to_json()).err().map(|error| {
            tracing::error!(%error, "the verified state could not be kept on disk");
            AckError {
                code: "state_not_kept".to_owned(),
                message: format!("the verified state is enforced but could not be kept on disk: {error}"),
            }
        });
    }
}
