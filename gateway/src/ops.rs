//! What operators and their tools ask: `/metrics`, `/healthz`, `/readyz`, on a listener of their own.

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::standing::{Health, Standing};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the answers are made from.
#[derive(Debug, Clone)]
pub struct Ops {
    /// How the gateway stands.
    pub standing: Arc<Standing>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
}

impl Ops {
    fn health(&self) -> Health {
        self.standing.health(self.clock.now_ms())
    }
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, ops: Ops, stop: CancellationToken) {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|State(ops): State<Ops>| async move { healthz(&ops.health()) }))
        .route("/readyz", get(|State(ops): State<Ops>| async move { readyz(&ops.health()) }))
        .with_state(ops);
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!(%error, "metrics are not served any more");
    }
}

async fn metrics(State(ops): State<Ops>) -> Response {
    let text = ops.metrics.text(&ops.health());
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8"), (CACHE_CONTROL, "no-store")], text).into_response()
}

/// Whether the process lives, and how it stands.
pub(crate) fn healthz(health: &Health) -> Response {
    json(if health.status == "closed" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, health)
}

/// Whether clients should be sent here: something verified is in force, and the gateway is not stopping.
pub(crate) fn readyz(health: &Health) -> Response {
    let ready = health.status != "closed" && !health.stopping;
    json(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, health)
}

fn json(status: StatusCode, health: &Health) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], axum::Json(health)).into_response()
}
