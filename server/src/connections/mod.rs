//! Connections: taken in within bounds, served, cut off when they stall, ended in order.
//!
//! | a peer that | is |
//! | --- | --- |
//! | does not finish a request's head, or sends none after a request | cut off after [`Limits::head`] |
//! | sends its body by drops | answered with an error and cut off, see `hurried.rs` |
//! | takes nothing of its answer | cut off after [`Limits::write`], see `patient.rs` |
//! | only opens connections | one of at most [`Limits::connections`], for as long as a head may take |
//!
//! One address may open as many as it likes: behind a proxy all come from the same.

mod hurried;
mod patient;
#[cfg(test)]
mod tests;

use axum::Router;
use hurried::Hurried;
pub use hurried::why_not_whole;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use patient::Patient;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

/// The largest head of a request, bytes, and what is read of a body at a time.
const LARGEST_HEAD: usize = 64 << 10;
/// How long accepting rests after it failed: out of file descriptors, say, of which some come back.
const REST: Duration = Duration::from_millis(100);

/// What peers may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. More wait to be taken in.
    pub connections: usize,
    /// How long the head of a request may take, and how long a connection may idle between two.
    pub head: Duration,
    /// How long the body of a request may take, beside what its size allows.
    pub body: Duration,
    /// How long a peer may take nothing of an answer that is there for it.
    pub write: Duration,
    /// How long requests under way may take to end when the process ends.
    pub stop: Duration,
}

impl Default for Limits {
    /// For ten thousand gateways, of which each holds a connection for news and opens another to report. Idle connections live longer than the
    /// minute that proxies keep theirs for, so that none is closed under a request which a proxy is just sending.
    fn default() -> Self {
        let s = Duration::from_secs;
        Self { connections: 32_768, head: s(75), body: s(30), write: s(60), stop: s(10) }
    }
}

/// Serves connections until `stop`, then lets requests end for a while.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    // Once for all: a router without its state clones its whole route table for each connection, 200 kB of it.
    let router = router.with_state::<()>(());
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(LARGEST_HEAD);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (connection, place) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accepted => accepted,
        };
        let stream = match connection {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let router = router.clone();
        let service =
            service_fn(move |request: Request<Incoming>| router.clone().call(request.map(|body| Hurried::new(body, limits.body))));
        let served = graceful.watch(http.serve_connection(TokioIo::new(Patient::new(stream, limits.write)), service));
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.stop, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and are cut off");
    }
}
