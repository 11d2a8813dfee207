//! Signing keys, as `writ keys list` has them.

use super::candidate::about;
use crate::app::App;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::SignedIn;
use app::instant::{Instant, relative};
use app::page::Nav;
use app::pages::candidate::title;
use app::pages::keys as view;
use app::words::Tone;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bundle::Role;
use control::delivery;
use control::keys::{self, Other, OtherState, Place, RoleKeys, Until, WARN_BEFORE_S};

/// All keys.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let found = keys::keys(control, cx).await?;
    let now = Instant::from_ms(cx.now_ms);
    let mut notices: Vec<(Tone, String, String)> = found.roles.iter().filter_map(|role| notice(role, &now)).collect();
    if let Some(waits) = delivery::candidate(control, cx).await? {
        let rest = format!("Asked for by {}. It stands on the page of the draft.", waits.requested_by);
        notices.push((Tone::Warn, format!("{}.", title(&about(&waits))), rest));
    }
    let model = view::Model {
        tenant: cx.tenant.to_string(),
        root_sha256: found.root_sha256,
        root_version: found.root_version,
        roles: found.roles.into_iter().map(role).collect(),
        others: recent(found.token, "Access tokens", &now).chain(recent(found.audit_log, "Audit log", &now)).collect(),
        notices,
    };
    page::show(&app, &caller, StatusCode::OK, "Keys", Nav::Keys, None, || view::view(model)).await
}

/// How long keys that count no more stay on the page. The command lists all. Milliseconds.
const HISTORY_MS: i64 = 30 * 86_400_000;

fn recent(keys: Vec<Other>, signs: &'static str, now: &Instant) -> impl Iterator<Item = view::Other> {
    let since = now.ms - HISTORY_MS;
    let is_history = move |key: &Other| matches!(key.state, OtherState::Retired(at) | OtherState::Ended(at) if at < since);
    keys.into_iter().filter(move |key| !is_history(key)).map(move |key| other(signs, key))
}

fn notice(role: &RoleKeys, now: &Instant) -> Option<(Tone, String, String)> {
    let Until::Elsewhere(end) = role.until else { return None };
    let end = Instant::from_s(end);
    if end.ms - now.ms > WARN_BEFORE_S * 1000 {
        return None;
    }
    let strong = format!("{} {} {}.", role.role, if end <= *now { "ended" } else { "ends" }, relative(now, &end));
    let rest = match role.role {
        Role::Root => "Whoever holds its keys has to sign it again: writ keys root propose.",
        _ => "Whoever holds its key has to sign it again; the candidate for it stands on the page of the draft.",
    };
    Some((Tone::Danger, strong, rest.to_owned()))
}

fn role(role: RoleKeys) -> view::Role {
    view::Role {
        name: role.role.name().to_owned(),
        signs: match role.role {
            Role::Root => "Which keys count for everything below",
            Role::Targets => "The policy key: which policies may run",
            Role::Assignment => "Which gateway runs which of them",
            Role::Revocations => "What was taken away",
            Role::Snapshot => "Which of these belong together",
            Role::Timestamp => "That they are the newest",
        },
        threshold: role.threshold,
        keys: role
            .keys
            .into_iter()
            .map(|key| view::Key { id: key.id, place: place(key.place), since: key.since_ms.map(Instant::from_ms) })
            .collect(),
        until: match role.until {
            Until::Unsigned => view::Until::Unsigned,
            Until::Renewed(end) => view::Until::Renewed(Instant::from_s(end)),
            Until::Elsewhere(end) => view::Until::Elsewhere(Instant::from_s(end)),
        },
    }
}

fn place(place: Place) -> view::Place {
    match place {
        Place::Here => view::Place::Database,
        Place::Service(reference) => view::Place::Service(reference),
        Place::Elsewhere => view::Place::Elsewhere,
    }
}

fn other(signs: &'static str, key: Other) -> view::Other {
    view::Other {
        signs,
        id: key.id,
        since: Instant::from_ms(key.since_ms),
        state: match key.state {
            OtherState::Signs => view::State::Signs,
            OtherState::SignsAlong(names) => view::State::SignsAlong(names),
            OtherState::Waits(names) => view::State::Waits(names),
            OtherState::Verifies(at) => view::State::Verifies(Instant::from_ms(at)),
            OtherState::Ended(at) => view::State::Ended(Instant::from_ms(at)),
            OtherState::Retired(at) => view::State::Retired(Instant::from_ms(at)),
        },
    }
}
