//! `POST …/status` and `…/logs`: what an OPA runs, and what it decided.

use super::Shared;
use super::bundles::PATIENCE;
use super::caller::Opa;
use crate::app::App;
use crate::connections::why_not_whole;
use crate::delivery::problem::Problem;
use ::opa::Lane;
use ::opa::decision_log::{self, Events};
use ::opa::status::{self, Report};
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_ENCODING;
use control::Error;
use control::delivery::opa::{self, Offer, Offered};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many bodies are unpacked at a time, so that a fleet that comes back at once does not fill the memory.
const AT_A_TIME: usize = 8;

/// Lets so many at a time through.
#[derive(Clone)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

/// A body of at most so many bytes, and whether it says to be gzip.
async fn read(request: Request, limit: usize) -> Result<(Bytes, bool), Problem> {
    let encoding = request.headers().get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    let gzipped = match encoding.as_deref() {
        None | Some(b"identity") => false,
        Some(b"gzip") => true,
        Some(_) => return Err(Error::invalid("content-encoding", "send gzip, or the body as it is").into()),
    };
    let body = to_bytes(request.into_body(), limit).await;
    Ok((body.map_err(|error| Error::invalid("body", why_not_whole(error, limit)))?, gzipped))
}

/// Unpacks and reads away from those who serve.
async fn parsed<T: Send + 'static>(
    body: Bytes,
    gzipped: bool,
    shared: &Shared,
    parse: fn(&[u8]) -> Result<T, String>,
) -> Result<T, Problem> {
    let Ok(_turn) = shared.intake.0.acquire().await else { return Err(Error::invalid("body", "the server is ending").into()) };
    let work = move || match gzipped {
        true => decision_log::unpack(&body).and_then(|unpacked| parse(&unpacked)),
        false => parse(&body),
    };
    let read = tokio::task::spawn_blocking(work).await.map_err(|error| Error::internal("reading what an OPA sent", error))?;
    read.map_err(|why| Error::invalid("body", why).into())
}

/// Takes a report.
pub async fn status(app: App, Opa(cx): Opa, request: Request, shared: Shared) -> Result<StatusCode, Problem> {
    let (body, gzipped) = read(request, status::LARGEST).await?;
    let report = parsed(body, gzipped, &shared, Report::read).await?;
    let mut waiter = shared.shelves.subscribe(&app, &cx);
    let shelf = tokio::time::timeout(PATIENCE, waiter.first()).await.ok().flatten().unwrap_or_default();
    let offered = |lane: Lane| -> Option<Offer> {
        let sent = shared.breakers.last(&cx.tenant, cx.actor.id(), lane);
        sent.or_else(|| shelf.offer(cx.actor.id(), lane).cloned())
    };
    let offered = Offered { policy: offered(Lane::Policy), revocations: offered(Lane::Revocations) };
    opa::report(app.control(), &cx, &report, &offered).await?;
    Ok(StatusCode::OK)
}

/// Takes decisions.
pub async fn logs(app: App, Opa(cx): Opa, request: Request, shared: Shared) -> Result<StatusCode, Problem> {
    let (body, gzipped) = read(request, decision_log::LARGEST).await?;
    let events = parsed(body, gzipped, &shared, Events::read).await?;
    opa::take(app.control(), &cx, events).await?;
    Ok(StatusCode::OK)
}
