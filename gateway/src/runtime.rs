//! A running gateway: identity, log, following, data plane, and an orderly end.

use crate::clock::{Clock, Random};
use crate::config::{Config, Repository};
use crate::data::{self, DataDir, Identity};
use crate::enrolment::{EnrolmentToken, enrol};
use crate::following::{self, Acknowledger, Driver, Files, Source, Witness};
use crate::link::{Link, client};
use crate::metrics::Metrics;
use crate::ops::{self, Ops};
use crate::proxy::{Definitions, Parts, Plane, Streams, router};
use crate::serve::{Serving, serve};
use crate::spool;
use crate::standing::Standing;
use crate::tls::Tls;
use anyhow::{Context, Result, bail};
use bundle::Pin;
use enforce::Enforcer;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use token::SigningKey;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long the last decisions may take to be sent when the gateway stops.
const GRACE: Duration = Duration::from_secs(5);
/// How often enrolment is tried while the control plane is not there yet.
const ENROL_TRIES: u32 = 12;

/// Where a gateway listens.
#[derive(Debug)]
pub struct Listeners {
    /// For MCP clients.
    pub clients: TcpListener,
    /// For operators: metrics and health.
    pub operators: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    fn from(clients: TcpListener) -> Self {
        Self { clients, operators: None }
    }
}

/// Runs a gateway on these listeners until `stop`.
///
/// # Errors
/// Whatever keeps it from starting, with its remedy.
pub async fn run(config: Config, clock: Clock, random: Random, on: impl Into<Listeners>, stop: CancellationToken) -> Result<()> {
    let Listeners { clients, operators } = on.into();
    let config = config.checked()?;
    let tls = config.tls.clone().map(Tls::new).transpose().map_err(|why| anyhow::anyhow!("tls: {why}"))?;
    let data = Arc::new(DataDir::open(&config.data)?);
    let key = Arc::new(data.key()?);
    let http = client(&config.control_plane).context("setting up TLS")?;
    let identity = tokio::select! {
        identity = identity(&config, &data, &http, &key, &random) => identity?,
        () = stop.cancelled() => return Ok(()),
    };
    let (enforcer, streams, metrics) = (Arc::new(Enforcer::closed()), Arc::new(Streams::default()), Arc::new(Metrics::default()));
    let definitions = Arc::new(Definitions::restore(&data));
    let standing = Standing::new(Arc::clone(&enforcer), clock.now());
    let standing = standing.over(Arc::clone(&definitions), Arc::clone(&streams)).labelled(config.labels.clone());
    let standing = Arc::new(standing);
    if let Some(listener) = operators {
        let ops = Ops { standing: Arc::clone(&standing), metrics: Arc::clone(&metrics), clock: clock.clone() };
        tokio::spawn(ops::serve(listener, ops, stop.clone()));
    }

    let pin = Pin {
        tenant: identity.tenant.clone(),
        gateway: identity.gateway_id.clone(),
        root_sha256: identity.root_sha256.clone(),
        labels: config.labels.clone(),
    };
    let link = || {
        let (http, key) = (http.clone(), Arc::clone(&key));
        Link::new(http, &identity.control_plane, key, &identity.gateway_id, clock.clone(), random.clone()).with_patience(config.patience)
    };
    let opened = spool::open(&data.decisions(), config.decisions.disk_bytes, Arc::clone(&standing));
    let spool = opened.context("opening the decision log")?;
    // It is told to stop last, when the calls that are under way have been decided.
    let calls_ended = CancellationToken::new();
    let (reports, told) = watch::channel(None);
    let (source, sending) = match &config.repository {
        None => {
            let witness = Witness::open(Arc::clone(&data), &identity.tenant, &identity.gateway_id)?;
            let acknowledger = Acknowledger { link: link(), standing: Arc::clone(&standing), witness, clock: clock.clone() };
            tokio::spawn(acknowledger.run(told));
            let sending = spool::send(spool.clone(), link(), random.clone(), calls_ended.clone());
            (Source::ControlPlane(link()), tokio::spawn(sending))
        }
        Some(repository) => {
            // Nobody hears: batches are closed and stay, for whoever collects them.
            (
                Source::Files { files: files(repository)?, every: repository.every, patience: config.patience },
                tokio::spawn(spool::collect(spool.clone(), calls_ended.clone())),
            )
        }
    };
    let follower = Driver::restore(&source, pin, &data.kept()?, &clock, &random);
    let driver = Driver {
        source,
        follower,
        enforcer: Arc::clone(&enforcer),
        streams: Arc::clone(&streams),
        standing: Arc::clone(&standing),
        data: Arc::clone(&data),
        clock: clock.clone(),
    };
    let (hurry, following) = following::start(driver, reports, stop.clone());
    tracing::info!(
        gateway = identity.gateway_id,
        name = identity.name,
        tenant = identity.tenant,
        public_url = config.public_url,
        tls = tls.is_some(),
        "serving"
    );
    let plane = Plane::new(Parts {
        enforcer,
        standing: Arc::clone(&standing),
        streams: Arc::clone(&streams),
        spool,
        hurry,
        key,
        identity,
        config: &config,
        definitions,
        metrics: Arc::clone(&metrics),
        clock,
        random,
    });
    let plane = Arc::new(plane.map_err(|why| anyhow::anyhow!("upstreams: {why}"))?);
    let watching = tokio::spawn(Arc::clone(&plane).watch_definitions(data, config.drift_check, stop.clone()));
    let unready = stop.clone();
    tokio::spawn(async move {
        unready.cancelled().await;
        standing.stopping.store(true, Ordering::Relaxed);
    });
    serve(Serving { listener: clients, router: router(plane), tls, limits: config.limits, streams, metrics }, stop).await;
    calls_ended.cancel();
    following.await.context("following the control plane")?;
    watching.await.context("watching the definitions of tools")?;
    if tokio::time::timeout(GRACE, sending).await.is_err() {
        tracing::warn!("the last decisions could not be sent in time; they stay on disk");
    }
    Ok(())
}

fn files(repository: &Repository) -> Result<Files> {
    match repository.at.contains("://") {
        true => Ok(Files::Web(client(&repository.at).context("setting up TLS")?, repository.at.clone())),
        false => Ok(Files::Directory(repository.at.clone().into())),
    }
}

async fn identity(config: &Config, data: &DataDir, http: &reqwest::Client, key: &SigningKey, random: &Random) -> Result<Identity> {
    let tenant = config.tenant()?;
    if let Some(repository) = &config.repository {
        // Without a control plane nobody gives it an id: its name is one, and rings go by that.
        return Ok(Identity {
            gateway_id: config.name.clone(),
            name: config.name.clone(),
            tenant: tenant.to_owned(),
            root_sha256: repository.root_sha256.clone(),
            control_plane: String::new(),
        });
    }
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
