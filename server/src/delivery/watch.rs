//! `GET /watch`: held until there is news.

use super::caller::Gateway;
use super::problem::Problem;
use super::push::{Push, Pushes};
use crate::app::App;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use control::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch::Receiver;

/// How long a request is held.
const HOLD: Duration = Duration::from_secs(25);

/// The `timestamp` of the query: what the gateway has.
fn known(query: Option<&str>) -> Result<u64, Problem> {
    let value = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).find(|(name, _)| name == "timestamp");
    let wrong = || Problem::from(Error::invalid("timestamp", "give the version of the newest timestamp that was verified, or 0"));
    value.and_then(|(_, value)| value.parse().ok()).ok_or_else(wrong)
}

/// Answers as soon as there is a newer timestamp than the gateway's; at the end of the hold, or when the process ends, without files.
pub async fn watch(app: App, Gateway(cx): Gateway, query: Option<String>, pushes: Pushes) -> Result<Response, Problem> {
    let known = known(query.as_deref())?;
    let mut news = pushes.subscribe(&app, &cx);
    let held = async {
        // The guard that this returns is not held: the answer is taken below.
        news.wait_for(|push| push.timestamp > known).await.is_ok()
    };
    tokio::select! {
        _ = held => {}
        () = tokio::time::sleep(HOLD) => {}
        () = app.ending().cancelled() => {}
    }
    let body = newest(&news).answer(known);
    Ok(([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body).into_response())
}

fn newest(news: &Receiver<Arc<Push>>) -> Arc<Push> {
    Arc::clone(&news.borrow())
}
