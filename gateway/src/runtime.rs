//! A running gateway: identity, log, following, data plane, and an orderly end.

use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::data::{self, DataDir, Identity};
use crate::enrolment::{EnrolmentToken, enrol};
use crate::link::{Link, client};
use crate::proxy::{Parts, Plane, Streams, router};
use crate::standing::Standing;
use crate::{spool, sync};
use anyhow::{Context, Result, bail};
use axum::Router;
use bundle::Pin;
use enforce::Enforcer;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use token::SigningKey;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Connections at once. Standing streams count.
const CONNECTIONS: usize = 8192;
/// How long a client may take to send the head of a request, and a connection may idle between two.
const HEAD: Duration = Duration::from_secs(30);
/// How long calls may take to end when the gateway stops.
const GRACE: Duration = Duration::from_secs(5);
/// How often enrolment is tried while the control plane is not there yet.
const ENROL_TRIES: u32 = 12;

/// Runs a gateway on `listener` until `stop`.
///
/// # Errors
/// Whatever keeps it from starting, with its remedy.
pub async fn run(config: Config, clock: Clock, random: Random, listener: TcpListener, stop: CancellationToken) -> Result<()> {
    let config = config.checked()?;
    let data = Arc::new(DataDir::open(&config.data)?);
    let key = Arc::new(data.key()?);
    let http = client(&config.control_plane).context("setting up TLS")?;
    let identity = tokio::select! {
        identity = identity(&config, &data, &http, &key, &random) => identity?,
        () = stop.cancelled() => return Ok(()),
    };
    let enforcer = Arc::new(Enforcer::closed());
    let standing = Arc::new(Standing::new(Arc::clone(&enforcer), clock.now()));
    let streams = Arc::new(Streams::default());

    let pin = Pin {
        tenant: identity.tenant.clone(),
        gateway: identity.gateway_id.clone(),
        root_sha256: identity.root_sha256.clone(),
        labels: config.labels.clone(),
    };
    let trusted = sync::restore(data::trusted(data.root())?.as_deref(), pin, &enforcer, clock.now());
    let link = || Link::new(http.clone(), &identity.control_plane, Arc::clone(&key), &identity.gateway_id, clock.clone(), random.clone());
    let spool = spool::open(&data.decisions(), Arc::clone(&standing)).context("opening the decision log")?;
    let sending = tokio::spawn(spool::send(spool.clone(), data.decisions(), link(), random.clone(), stop.clone()));
    let follower = sync::Follower {
        link: link(),
        trusted,
        enforcer: Arc::clone(&enforcer),
        streams: Arc::clone(&streams),
        standing: Arc::clone(&standing),
        data: Arc::clone(&data),
        clock: clock.clone(),
        random: random.clone(),
    };
    let (hurry, following) = sync::start(follower, stop.clone());
    tracing::info!(
        gateway = identity.gateway_id,
        name = identity.name,
        tenant = identity.tenant,
        public_url = config.public_url,
        "serving"
    );
    let plane = Plane::new(Parts {
        enforcer,
        standing,
        streams: Arc::clone(&streams),
        spool,
        hurry,
        key,
        identity,
        public_url: config.public_url,
        clock,
        random,
    })
    .context("setting up TLS")?;
    serve(listener, router(Arc::new(plane)), &streams, stop).await;
    following.await.context("following the control plane")?;
    if tokio::time::timeout(GRACE, sending).await.is_err() {
        tracing::warn!("the last decisions could not be sent in time; they stay on disk");
    }
    Ok(())
}

async fn identity(config: &Config, data: &DataDir, http: &reqwest::Client, key: &SigningKey, random: &Random) -> Result<Identity> {
    let tenant = config.tenant()?;
    if let Some(identity) = data::identity(data.root())? {
        if identity.tenant != tenant {
            bail!(
                "{} was enrolled with tenant {}, but --control-plane names {tenant}: give that tenant's address, or enrol with an empty --data",
                data.root().display(),
                identity.tenant
            );
        }
        // A control plane may move: what it serves is believed for its signatures, not for its address.
        let identity = Identity { control_plane: config.control_plane.clone(), ..identity };
        return Ok(identity);
    }
    let Some(text) = &config.enrol_token else {
        bail!(
            "this gateway is not enrolled: make a token at Delivery, Gateways, and start once with --enrol-token-file FILE (or --enrol-token TOKEN)"
        );
    };
    let token = EnrolmentToken::parse(text)?;
    let mut failures = 0;
    let identity = loop {
        match enrol(http, config, tenant, &token, key.public()).await {
            Ok(identity) => break identity,
            Err(error) if error.is_transient() && failures < ENROL_TRIES => {
                tracing::warn!(%error, "not enrolled yet");
                tokio::time::sleep(random.backoff(failures)).await;
                failures += 1;
            }
            Err(error) => return Err(error.into()),
        }
    };
    data.keep_identity(&identity)?;
    tracing::info!(gateway = identity.gateway_id, root_sha256 = identity.root_sha256, "enrolled");
    Ok(identity)
}

/// Serves connections until `stop`, then lets calls end for a while. Standing streams are ended at once.
async fn serve(listener: TcpListener, router: Router, streams: &Streams, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 * 1024);
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
                // Out of file descriptors, say: wait for some to come back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let served = graceful.watch(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone())));
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    streams.end_all();
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some calls did not end in time and are cut off");
    }
}
