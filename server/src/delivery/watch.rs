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

/// The longest that a request is held, and the part of it that differs, so that watchers that came together do not come back together.
const HOLD: Duration = Duration::from_secs(28);
const HOLD_SPREAD: Duration = Duration::from_secs(8);
/// When the process ends, all watchers are let go at once. So many a millisecond may come back, to this replica's successor or to another.
const WATCHERS_PER_MS: usize = 1;
/// The longest that a watcher is asked to stay away.
const LONGEST_AWAY_MS: usize = 10_000;

/// The `timestamp` of the query: what the gateway has.
fn known(query: Option<&str>) -> Result<u64, Problem> {
    let value = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).find(|(name, _)| name == "timestamp");
    let wrong = || Problem::from(Error::invalid("timestamp", "give the version of the newest timestamp that was verified, or 0"));
    value.and_then(|(_, value)| value.parse().ok()).ok_or_else(wrong)
}

/// The longest that one of so many watchers is asked to stay away, milliseconds.
fn away_ms(watchers: usize) -> usize {
    (watchers / WATCHERS_PER_MS).min(LONGEST_AWAY_MS)
}

/// Answers as soon as there is a newer timestamp than the gateway's; at the end of the hold without files; when the process ends, also
/// with how long to stay away.
pub async fn watch(app: App, Gateway(cx): Gateway, query: Option<String>, pushes: Pushes) -> Result<Response, Problem> {
    let known = known(query.as_deref())?;
    let mut news = pushes.subscribe(&app, &cx);
    let held = async {
        // The guard that this returns is not held: the answer is taken below.
        news.wait_for(|push| push.timestamp > known).await.is_ok()
    };
    let mut wait_ms = 0;
    tokio::select! {
        _ = held => {}
        () = tokio::time::sleep(HOLD - rand::random_range(Duration::ZERO..HOLD_SPREAD)) => {}
        () = app.ending().cancelled() => wait_ms = rand::random_range(0..=away_ms(pushes.watchers(&cx))),
    }
    let body = newest(&news).answer(known, wait_ms);
    Ok(([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body).into_response())
}

fn newest(news: &Receiver<Arc<Push>>) -> Arc<Push> {
    Arc::clone(&news.borrow())
}
