//! Connections: taken in within bounds, served, cut off when they stall, ended in order.

use crate::config::Limits;
use crate::metrics::Metrics;
use crate::proxy::Streams;
use crate::tls::Tls;
use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

/// How often changed certificates are looked for.
const RENEW: Duration = Duration::from_secs(10);
/// How long those whose calls are cut off have to hear of it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What serving needs.
pub struct Serving {
    /// Takes connections in.
    pub listener: TcpListener,
    /// Answers requests.
    pub router: Router,
    /// TLS, if it has any.
    pub tls: Option<Tls>,
    /// Bounds.
    pub limits: Limits,
    /// What is under way.
    pub streams: Arc<Streams>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Connections from one address at once.
#[derive(Debug, Default)]
struct Peers(Mutex<HashMap<IpAddr, usize>>);

/// One connection's place, until it is dropped.
#[derive(Debug)]
struct Place {
    of: Arc<Peers>,
    peer: IpAddr,
    metrics: Arc<Metrics>,
}

impl Peers {
    fn take(self: &Arc<Self>, peer: IpAddr, most: usize, metrics: &Arc<Metrics>) -> Option<Place> {
        let peer = whose(peer);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.entry(peer).or_default();
        if most > 0 && *taken >= most {
            return None;
        }
        *taken += 1;
        metrics.connections.inc();
        Some(Place { of: Arc::clone(self), peer, metrics: Arc::clone(metrics) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.connections.dec();
        let mut all = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = all.get_mut(&self.peer) {
            *taken -= 1;
            if *taken == 0 {
                all.remove(&self.peer);
            }
        }
    }
}

/// Whoever has one IPv6 address has 2^64 of them.
fn whose(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

/// Serves connections until `stop`, then lets calls end for a while. Standing streams are ended at once.
pub async fn serve(serving: Serving, stop: CancellationToken) {
    let Serving { listener, router, tls, limits, streams, metrics } = serving;
    let (places, peers) = (Arc::new(Semaphore::new(limits.connections)), Arc::new(Peers::default()));
    let graceful = GracefulShutdown::new();
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(limits.head_bytes.max(8192));
    let tls = tls.map(Arc::new);
    let mut renew = tokio::time::interval(RENEW);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (connection, of_all) = tokio::select! {
            () = stop.cancelled() => break,
            _ = renew.tick(), if tls.is_some() => {
                tls.iter().for_each(|tls| tls.renew());
                continue;
            }
            accepted = accepted => accepted,
        };
        let (stream, peer) = match connection {
            Ok(connection) => connection,
            Err(error) => {
                // Out of file descriptors, say: wait for some to come back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(of_peer) = peers.take(peer.ip(), limits.connections_per_peer, &metrics) else {
            metrics.limited("connections_per_peer");
            tracing::debug!(peer = %peer.ip(), "too many connections from one address; this one is closed");
            continue;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let stream = Patient::new(stream, limits.write);
        let (service, http, watcher) = (TowerToHyperService::new(router.clone()), http.clone(), graceful.watcher());
        let (acceptor, head) = (tls.as_ref().map(|tls| tls.acceptor()), limits.head);
        tokio::spawn(async move {
            let served = match acceptor {
                None => watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await,
                Some(acceptor) => match tokio::time::timeout(head, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await,
                    Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
                    Err(_) => return tracing::debug!("a TLS handshake took too long"),
                },
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a connection ended");
            }
            drop((of_all, of_peer));
        });
    }
    drop(listener);
    streams.end_standing();
    let mut ended = pin!(graceful.shutdown());
    if tokio::time::timeout(limits.stop, &mut ended).await.is_err() {
        tracing::warn!(calls = streams.len(), "some calls did not end in time and are cut off");
        streams.end_all();
        // Who was not answered yet is told so.
        let _gone = tokio::time::timeout(LAST_WORDS, ended).await;
    }
}

/// A connection that gives up on a peer who takes nothing for too long.
#[derive(Debug)]
struct Patient {
    stream: TcpStream,
    patience: Duration,
    /// Runs while bytes wait to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, patience, waiting: None }
    }

    fn patiently(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if wrote.is_ready() {
            self.waiting = None;
            return wrote;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer took none of the answer for too long")))
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.patiently(cx, wrote)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.patiently(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_address_and_given_back() {
        let (peers, metrics) = (Arc::new(Peers::default()), Arc::new(Metrics::default()));
        let take = |address: &str, most| peers.take(address.parse().expect("an address"), most, &metrics);
        let first = take("10.0.0.1", 2).expect("a place");
        let _mapped = take("::ffff:10.0.0.1", 2).expect("the same address, written for IPv6");
        assert!(take("10.0.0.1", 2).is_none());
        let _other = take("10.0.0.2", 2).expect("another address");
        let _unbounded = take("10.0.0.1", 0).expect("no bound");
        drop(first);
        let _block = (take("2001:db8::1", 1).expect("a place"), take("2001:db8:0:1::1", 1).expect("another /64"));
        assert!(take("2001:db8::2", 1).is_none(), "the same /64");
        assert_eq!(metrics.connections.get(), 5);
    }
}
