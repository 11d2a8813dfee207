//! `GET …/bundles/policy` and `…/bundles/revocations`: answered when there is news, held while there is none.

use super::Shared;
use super::caller::Opa;
use super::prefer;
use super::shelf::Waiter;
use crate::app::App;
use crate::delivery::problem::Problem;
use ::opa::Lane;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use control::delivery::opa::{Offer, Shelf, refused};
use control::{Ctx, Error};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// An OPA compares this character by character: with anything else it stops asking to be held.
const BUNDLES: &str = "application/vnd.openpolicyagent.bundles";
/// For how long the database may take to say what lies ready.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What there is for an OPA right now.
enum Now {
    /// A bundle that it does not have.
    News(Offer),
    /// Nothing newer than what it has, or nothing that it would put in force.
    NothingNewer,
    /// Nothing at all yet.
    Nothing,
}

/// Who asks for what, having what.
struct Asking<'a> {
    app: &'a App,
    cx: &'a Ctx,
    lane: Lane,
    /// Digest of what the OPA has; empty: nothing.
    known: String,
    shared: &'a Shared,
}

/// Serves a bundle as soon as there is one that the OPA does not have, or says after a while that there is none.
pub async fn bundle(app: App, Opa(cx): Opa, lane: Lane, headers: HeaderMap, shared: Shared) -> Result<Response, Problem> {
    let asking = Asking { app: &app, cx: &cx, lane, known: prefer::known(&headers), shared: &shared };
    let mut waiter = shared.shelves.subscribe(&app, &cx);
    let first = tokio::select! {
        // What is known is known, also at the end of the process.
        biased;
        shelf = waiter.first() => shelf,
        () = sleep(PATIENCE) => None,
        () = app.ending().cancelled() => None,
    };
    let Some(mut shelf) = first else { return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response()) };
    let mut held = prefer::wait(&headers).map(|wanted| {
        let [chance] = app.control().parts().chance.bytes::<1>();
        Box::pin(sleep(prefer::hold(wanted, chance)))
    });
    loop {
        if let Now::News(offer) = asking.now(&shelf).await?
            && let Some(bytes) = waiter.bytes(&app, &cx, &offer).await?
        {
            return Ok(asking.send(&offer, bytes));
        }
        let Some(end) = held.as_mut() else { return asking.nothing(&shelf, &waiter).await };
        let next = tokio::select! {
            () = end => None,
            () = app.ending().cancelled() => None,
            next = waiter.next() => next,
        };
        match next {
            Some(next) => shelf = next,
            None => return asking.nothing(&shelf, &waiter).await,
        }
    }
}

impl Asking<'_> {
    fn client(&self) -> &str {
        self.cx.actor.id()
    }

    async fn now(&self, shelf: &Arc<Shelf>) -> Result<Now, Problem> {
        let Some(offer) = shelf.offer(self.client(), self.lane) else { return Ok(Now::Nothing) };
        if offer.sha256 == self.known {
            self.shared.breakers.confirm(&self.cx.tenant, self.client(), self.lane, offer);
            return Ok(Now::NothingNewer);
        }
        let refused = refused(self.app.control(), self.cx, self.lane).await?;
        let held_back =
            self.shared.breakers.holds_back(&self.cx.tenant, self.client(), self.lane, offer, refused.as_deref(), Instant::now());
        Ok(if held_back { Now::NothingNewer } else { Now::News(offer.clone()) })
    }

    fn send(&self, offer: &Offer, bytes: Bytes) -> Response {
        let had_nothing = self.known.is_empty();
        self.shared.breakers.send(&self.cx.tenant, self.client(), self.lane, offer, had_nothing, Instant::now());
        (StatusCode::OK, headers(&offer.sha256), bytes).into_response()
    }

    /// The answer when nothing came in time.
    async fn nothing(&self, shelf: &Arc<Shelf>, waiter: &Waiter) -> Result<Response, Problem> {
        let Some(offer) = shelf.offer(self.client(), self.lane) else { return Err(Error::NotFound.into()) };
        if !self.known.is_empty() {
            // The tag that it came with, to the letter: whatever else an OPA would take for something new.
            return Ok((StatusCode::NOT_MODIFIED, headers(&self.known), Body::empty()).into_response());
        }
        // It has nothing at all, so there is nothing that could be said to be unmodified.
        match waiter.bytes(self.app, self.cx, offer).await? {
            Some(bytes) => Ok(self.send(offer, bytes)),
            None => Ok(StatusCode::SERVICE_UNAVAILABLE.into_response()),
        }
    }
}

/// No `Content-Encoding`, although the body is gzip: an OPA unpacks it itself.
fn headers(sha256: &str) -> [(axum::http::HeaderName, String); 3] {
    [(ETAG, format!("\"{sha256}\"")), (CONTENT_TYPE, BUNDLES.to_owned()), (CACHE_CONTROL, "private, no-cache".to_owned())]
}
