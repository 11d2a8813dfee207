//! Many gateways: enrolling them, running them, and hearing of what arrives where.

use super::gateway::{self, Place};
use crate::clock;
use crate::world::World;
use ::gateway::config::Config;
use ::gateway::data::Identity;
use ::gateway::enrolment::{EnrolmentToken, enrol as trade};
use ::gateway::link;
use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use token::SigningKey;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout_at;

/// How many enrol at once.
const ENROLLING: usize = 64;

/// How many of those that do not verify acknowledge at one time.
const ACKNOWLEDGING: usize = 500;

/// Who a simulated gateway is.
pub struct Member {
    pub identity: Identity,
    pub key: SigningKey,
}

/// Makes the tokens at the host's shell and trades each for an identity.
pub async fn enrol(world: &World, prefix: &str, count: usize) -> Result<Vec<Member>> {
    let names: Vec<String> = (0..count).map(|n| format!("{prefix}-{n}")).collect();
    let mut command = Command::new(&world.places.writ);
    command.args(["admin", "enrol-gateway", "--tenant", &world.places.tenant, "--public-url", &world.places.console, "--data"]);
    command.arg(world.places.data.join("writ"));
    for name in &names {
        command.args(["--name", name]);
    }
    let output = command.output().context("running writ admin enrol-gateway")?;
    ensure!(output.status.success(), "making tokens: {}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout)?;
    let http = link::client(&world.places.console)?;
    let issuer = world.places.issuer();
    futures::stream::iter(printed.lines().map(str::to_owned))
        .map(|line| {
            let (http, issuer, tenant) = (http.clone(), issuer.clone(), world.places.tenant.clone());
            async move {
                let (name, token) = line.split_once(' ').context("a line without a name")?;
                let token = EnrolmentToken::parse(token)?;
                let (key, _) = SigningKey::generate()?;
                let config = Config { name: name.to_owned(), control_plane: issuer, ..Config::default() };
                let identity = trade(&http, &config, &tenant, &token, key.public()).await?;
                anyhow::Ok(Member { identity, key })
            }
        })
        .buffer_unordered(ENROLLING)
        .try_collect()
        .await
}

/// A revocation list has come to a gateway.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Which gateway.
    pub who: usize,
    /// Its sequence.
    pub seq: u64,
    /// When it was there.
    pub at: Instant,
    /// Whether it was verified and is enforced, or only there.
    pub enforced: bool,
}

impl Arrival {
    /// How long after `since`, milliseconds.
    pub fn after(&self, since: Instant) -> f64 {
        self.at.saturating_duration_since(since).as_secs_f64() * 1000.0
    }
}

/// A running fleet.
pub struct Crowd {
    size: usize,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    confirmations: mpsc::UnboundedReceiver<(usize, u64)>,
    revocations: u64,
    away_ms: Arc<AtomicU64>,
    tasks: JoinSet<()>,
}

impl Crowd {
    /// Has them all begin at once.
    pub fn start(world: &World, members: Vec<Member>, verifies: usize) -> Self {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let (confirmed, confirmations) = mpsc::unbounded_channel();
        // What those that verify have in force: the others have it on their word.
        let (in_force, _) = watch::channel(follow::Report::default());
        let (acknowledging, away_ms) = (Arc::new(Semaphore::new(ACKNOWLEDGING)), Arc::new(AtomicU64::new(0)));
        let (size, mut tasks) = (members.len(), JoinSet::new());
        let http = link::client(&world.places.console).unwrap_or_default();
        for (who, Member { identity, key }) in members.into_iter().enumerate() {
            let random = clock::random(who as u64);
            let link = link::Link::new(http.clone(), &world.places.issuer(), Arc::new(key), &identity.gateway_id, clock::clock(), random);
            let (arrived, confirmed) = (arrived.clone(), confirmed.clone());
            let (acknowledging, away_ms) = (Arc::clone(&acknowledging), Arc::clone(&away_ms));
            let place = Place { who, link, arrived, confirmed, in_force: in_force.clone(), acknowledging, away_ms };
            if who.is_multiple_of(verifies) {
                tasks.spawn(gateway::verifying(place, identity));
            } else {
                tasks.spawn(gateway::listening(place));
            }
        }
        Self { size, arrivals, confirmations, revocations: 0, away_ms, tasks }
    }

    /// The newest sequence that all have.
    pub const fn revocations(&self) -> u64 {
        self.revocations
    }

    /// The longest that those who only listen were asked to stay away since this was last asked, milliseconds.
    pub fn told_to_stay_away_ms(&self) -> u64 {
        self.away_ms.swap(0, Ordering::Relaxed)
    }

    /// Waits until each has a list of `seq` or newer. Answers the first such arrival at each.
    pub async fn all_reached(&mut self, seq: u64, patience: Duration) -> Result<Vec<Arrival>> {
        let (deadline, mut first) = (tokio::time::Instant::now() + patience, vec![None; self.size]);
        let mut missing = self.size;
        while missing > 0 {
            let arrival = timeout_at(deadline, self.arrivals.recv()).await.with_context(|| format!("{missing} have not got there"))?;
            let arrival = arrival.context("all have ended")?;
            let place = &mut first[arrival.who];
            if arrival.seq >= seq && place.is_none() {
                *place = Some(arrival);
                missing -= 1;
                self.revocations = self.revocations.max(arrival.seq);
            }
        }
        Ok(first.into_iter().flatten().collect())
    }

    /// Waits until the control plane has answered each one's acknowledgement of `seq` or newer.
    pub async fn all_confirmed(&mut self, seq: u64, patience: Duration) -> Result<()> {
        let (deadline, mut done) = (tokio::time::Instant::now() + patience, vec![false; self.size]);
        let mut missing = self.size;
        while missing > 0 {
            let word = timeout_at(deadline, self.confirmations.recv()).await.with_context(|| format!("{missing} have not confirmed"))?;
            let (who, confirmed) = word.context("all have ended")?;
            if confirmed >= seq && !std::mem::replace(&mut done[who], true) {
                missing -= 1;
            }
        }
        Ok(())
    }

    /// Ends them.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}
