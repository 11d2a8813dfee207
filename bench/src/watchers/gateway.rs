//! One simulated gateway.

use super::crowd::Arrival;
use crate::clock;
use ::gateway::data::Identity;
use ::gateway::link::Link;
use ::gateway::standing::Ack;
use bundle::Pin;
use follow::{At, Effect, Event, Kept, News, Report, Source};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, watch};

/// Where it stands, and whom it tells what.
pub struct Place {
    pub who: usize,
    pub link: Link,
    pub arrived: mpsc::UnboundedSender<Arrival>,
    pub confirmed: mpsc::UnboundedSender<(usize, u64)>,
    pub in_force: watch::Sender<Report>,
    /// How many of those that do not verify acknowledge at one time: with a connection each beside the held one, a process would need more
    /// files than most machines allow it.
    pub acknowledging: Arc<Semaphore>,
    /// The longest that anybody was asked to stay away, milliseconds.
    pub away_ms: Arc<AtomicU64>,
}

impl Place {
    fn arrived(&self, seq: u64, enforced: bool) {
        let _ended = self.arrived.send(Arrival { who: self.who, seq, at: Instant::now(), enforced });
    }
}

async fn acknowledge(link: &Link, report: Report) -> bool {
    let ack = Ack { report, version: "bench", ..Ack::default() };
    match link.ack(&ack).await {
        Ok(_) => true,
        Err(error) => {
            eprintln!("an acknowledgement was not taken: {error}");
            false
        }
    }
}

/// Follows as a gateway does, without its proxy and its disk.
pub async fn verifying(place: Place, identity: Identity) {
    let pin = Pin { tenant: identity.tenant, gateway: identity.gateway_id, root_sha256: identity.root_sha256, labels: BTreeMap::new() };
    let (clock, began) = (clock::clock(), Instant::now());
    let at = || At { unix_ms: clock.now_ms(), steady_ms: i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX) };
    let (mut follower, _) = follow::restore(Source::ControlPlane, pin, Kept::default(), at(), place.who as u64);
    let place = Arc::new(place);
    let (told, mut reports) = watch::channel(None::<Report>);
    let acknowledging = async {
        while reports.changed().await.is_ok() {
            let report = reports.borrow_and_update().clone();
            let Some(report) = report else { continue };
            let seq = report.revocation_seq.unwrap_or_default();
            if acknowledge(&place.link, report).await {
                let _ended = place.confirmed.send((place.who, seq));
            }
        }
    };
    let following = async {
        let mut request: Option<BoxFuture<'static, Event>> = None;
        let (mut wake, mut events) = (None, VecDeque::from([Event::Start]));
        loop {
            while let Some(event) = events.pop_front() {
                for effect in follower.step(event, at()) {
                    match effect {
                        Effect::Watch { ticket, known } => {
                            let place = Arc::clone(&place);
                            let watch = async move {
                                match place.link.watch(known).await {
                                    Ok(watched) => Event::Watched(ticket, News::from(watched)),
                                    Err(error) => Event::Failed { ticket, wait_ms: error.wait_ms() },
                                }
                            };
                            request = Some(watch.boxed());
                        }
                        Effect::Fetch { ticket, path, max_len } => {
                            let place = Arc::clone(&place);
                            let fetch = async move {
                                match place.link.fetch(&path, max_len).await {
                                    Ok(body) => Event::Fetched(ticket, body),
                                    Err(error) => Event::Failed { ticket, wait_ms: error.wait_ms() },
                                }
                            };
                            request = Some(fetch.boxed());
                        }
                        Effect::Keep(_) => events.push_back(Event::Kept(Ok(()))),
                        Effect::Activate(active) => place.arrived(active.revocations().seq(), true),
                        Effect::End(number) => events.push_back(Event::Ended(number)),
                        Effect::Acknowledge(report) => {
                            place.in_force.send_if_modified(|held| {
                                let newer = report.timestamp > held.timestamp;
                                if newer {
                                    held.clone_from(&report);
                                }
                                newer
                            });
                            told.send_replace(Some(report));
                        }
                        Effect::WakeAt(steady_ms) => wake = u64::try_from(steady_ms).ok(),
                        Effect::Trouble(trouble, _) => eprintln!("gateway {}: {}", place.who, trouble.message),
                    }
                }
            }
            let tick = async {
                match wake {
                    Some(ms) => tokio::time::sleep_until((began + Duration::from_millis(ms)).into()).await,
                    None => std::future::pending().await,
                }
            };
            let answer = async {
                match &mut request {
                    Some(request) => request.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = answer => {
                    request = None;
                    events.push_back(event);
                }
                () = tick => {
                    wake = None;
                    events.push_back(Event::Tick);
                }
            }
        }
    };
    tokio::join!(acknowledging, following);
}

/// The first wait after a failure and the longest, milliseconds: those of [`follow`].
const WAITS_MS: (u64, u64) = (200, 10_000);

/// How long one who verifies would wait after so many failures in a row.
fn after_failures(failures: u32) -> Duration {
    let (first, most) = WAITS_MS;
    let longest = (first << failures.min(6)).min(most);
    Duration::from_millis(rand::random_range(longest / 2..=longest).max(first))
}

/// Takes note of what arrives, and acknowledges it when those that verify have it in force, within what it was told. Who is let go stays away
/// for as long as it was told; who is cut off, for as long as gateways do.
pub async fn listening(place: Place) {
    let (mut known, mut failures, mut acks) = (0, 0, FuturesUnordered::new());
    loop {
        let watched = beside(&mut acks, place.link.watch(known)).await;
        let rest = match watched {
            Ok(news) if news.timestamp > known => {
                (known, failures) = (news.timestamp, 0);
                if let Some(seq) = listed(&news.files) {
                    place.arrived(seq, false);
                }
                acks.push(confirm(&place, known, news.ack_within_ms));
                continue;
            }
            Ok(news) => {
                failures = 0;
                let away_ms = u64::try_from(news.wait_ms).unwrap_or_default();
                place.away_ms.fetch_max(away_ms, Ordering::Relaxed);
                Duration::from_millis(away_ms)
            }
            Err(error) => {
                failures += 1;
                after_failures(failures - 1).max(Duration::from_millis(u64::try_from(error.wait_ms()).unwrap_or_default()))
            }
        };
        beside(&mut acks, tokio::time::sleep(rest)).await;
    }
}

/// Waits, while acknowledgements go on.
async fn beside<T>(acks: &mut FuturesUnordered<impl Future<Output = ()>>, wait: impl Future<Output = T>) -> T {
    let mut wait = pin!(wait);
    loop {
        tokio::select! {
            done = &mut wait => return done,
            Some(()) = acks.next() => {}
        }
    }
}

async fn confirm(place: &Place, timestamp: u64, within_ms: i64) {
    let mut in_force = place.in_force.subscribe();
    let Ok(report) = in_force.wait_for(|report| report.timestamp >= timestamp).await.map(|report| report.clone()) else { return };
    let within_ms = u64::try_from(within_ms).unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..=within_ms))).await;
    let seq = report.revocation_seq.unwrap_or_default();
    let Ok(_turn) = place.acknowledging.acquire().await else { return };
    if acknowledge(&place.link, report).await {
        let _ended = place.confirmed.send((place.who, seq));
    }
}

/// The sequence of the revocation list among the files.
fn listed(files: &BTreeMap<String, String>) -> Option<u64> {
    let (_, text) = files.iter().find(|(path, _)| path.starts_with("targets/revocations/"))?;
    serde_json::from_str::<serde_json::Value>(text).ok()?["seq"].as_u64()
}
