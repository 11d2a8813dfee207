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

/// Takes note of what arrives, and acknowledges it when those that verify have it in force, within what it was told.
pub async fn listening(place: Place) {
    let (mut known, mut acks) = (0, FuturesUnordered::new());
    loop {
        let mut watch = pin!(place.link.watch(known));
        let watched = loop {
            tokio::select! {
                watched = &mut watch => break watched,
                Some(()) = acks.next() => {}
            }
        };
        let Ok(news) = watched else {
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        if news.timestamp <= known {
            continue;
        }
        known = news.timestamp;
        if let Some(seq) = listed(&news.files) {
            place.arrived(seq, false);
        }
        acks.push(confirm(&place, known, news.ack_within_ms));
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
