//! Grants: the list, one grant, and taking it back.

use super::super::sentences;
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::instant::Instant;
use app::page::Nav;
use app::pages::grants as view;
use app::words::GrantState;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use control::evidence::{self, EventView};
use control::governance::{self, GiveUpGrant, GrantDetail, GrantFilter, GrantIs, GrantView, Page, RevokeGrant};
use control::{Error, Permission};
use policy::Target;
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    q: String,
    state: String,
    cursor: String,
}

/// Everybody's for those who may read them; one's own otherwise.
pub async fn list(State(app): State<App>, SignedIn(caller): SignedIn, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let state = GrantState::parse(&asked.state);
    let page = Page { before: words::cursor(&asked.cursor), limit: words::PAGE };
    let (grants, next) = if cx.actor.may(Permission::ReadRequests) {
        let text = Some(asked.q.trim().to_owned()).filter(|text| !text.is_empty());
        let state = state.map(|state| match state {
            GrantState::Active => GrantIs::Active,
            GrantState::Expired => GrantIs::Ended,
            GrantState::Revoked => GrantIs::Revoked,
        });
        governance::grants(control, cx, &GrantFilter { text, state, now_s: cx.now_s(), ..GrantFilter::default() }, &page).await?
    } else {
        governance::own_grants(control, cx, &page).await?
    };
    let pager = words::pager("/grants", &[("q", &asked.q), ("state", &asked.state)], grants.len(), next);
    let model = view::Model { q: asked.q, state, rows: grants.into_iter().map(row).collect(), now: Instant::from_ms(cx.now_ms), pager };
    page::show(&app, &caller, StatusCode::OK, "Grants", Nav::Grants, None, || view::view(model)).await
}

fn row(grant: GrantView) -> view::Row {
    view::Row {
        through: words::through(&grant.client, grant.agent.as_ref()),
        id: grant.id,
        person: grant.person.name,
        scopes: grant.scopes.into_iter().collect(),
        server: grant.server.name,
        risk: words::risk(grant.risk),
        state: words::grant_state(grant.state),
        ends: Instant::from_s(grant.exp_s),
        used: grant.first_used_ms.map(Instant::from_ms),
    }
}

/// One grant.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn, Path((_, id)): Path<(String, String)>) -> Result<Response, Problem> {
    let found = governance::grant(app.control(), &caller.cx, &id).await?;
    let title = format!("Grant for {}", found.grant.person.name);
    let story = evidence::story(app.control(), &caller.cx, &id).await?;
    let may_open = caller.cx.actor.may(Permission::ReadAudit);
    let history = story.into_iter().map(|event| told(event, may_open)).collect();
    let model = detail(&caller, found, history);
    page::show(&app, &caller, StatusCode::OK, &title, Nav::Grants, None, || view::detail(model)).await
}

/// A line of the story: who did what.
pub(super) fn told(event: EventView, may_open: bool) -> view::Event {
    let who = sentences::actor(&event);
    view::Event {
        at: Instant::from_ms(event.at_ms),
        text: format!("{} {}", who.person.or(who.machine).unwrap_or_default(), sentences::sentence_in_story(&event)),
        good: event.outcome == "ok" && !ENDS.contains(&event.action.as_str()),
        event_id: Some(event.id).filter(|_| may_open),
    }
}

/// Actions that end a grant or a request without one.
const ENDS: [&str; 5] = ["grant.revoke", "grant.give_up", "request.deny", "request.expire", "request.withdraw"];

fn detail(caller: &Caller, found: GrantDetail, history: Vec<view::Event>) -> view::Detail {
    let grant = found.grant;
    view::Detail {
        through: words::through(&grant.client, grant.agent.as_ref()),
        id: grant.id,
        person: grant.person.name,
        scopes: found.scopes.into_iter().map(|(name, sentence, risk)| (name, sentence, words::risk(risk))).collect(),
        server: (grant.server.name, grant.server.id),
        state: words::grant_state(grant.state),
        starts: Instant::from_s(grant.starts_s),
        ends: Instant::from_s(grant.exp_s),
        now: Instant::from_ms(caller.cx.now_ms),
        request: Some(grant.request),
        approvers: found.votes.into_iter().filter(|vote| vote.approve).map(|vote| vote.person.name).collect(),
        revocation: found.revocation.and_then(|seq| u64::try_from(seq).ok()),
        history,
        can_revoke: found.can_revoke || found.can_give_up,
    }
}

/// What revoking it would stop.
pub async fn ask(State(app): State<App>, SignedIn(caller): SignedIn, Path((_, id)): Path<(String, String)>) -> Result<Response, Problem> {
    let found = governance::grant(app.control(), &caller.cx, &id).await?;
    ask_page(&app, &caller, found, String::new(), FormErrors::default(), StatusCode::OK).await
}

async fn ask_page(
    app: &App,
    caller: &Caller,
    found: GrantDetail,
    reason: String,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Problem> {
    if !found.can_revoke && !found.can_give_up {
        return Err(Error::Forbidden(Permission::Revoke).into());
    }
    let stops = governance::blast_radius(app.control(), &caller.cx, &Target::Grant(found.grant.id.clone())).await?;
    let grant = found.grant;
    let model = view::Revoke {
        through: words::through(&grant.client, grant.agent.as_ref()),
        id: grant.id,
        person: grant.person.name,
        scopes: grant.scopes.into_iter().collect(),
        server: grant.server.name,
        stops: words::stops(&stops, true),
        reason,
        errors,
    };
    page::show(app, caller, status, "Revoke a grant", Nav::Grants, None, || view::revoke(model)).await
}

#[derive(Deserialize)]
pub struct Reason {
    #[serde(default)]
    reason: String,
}

/// Takes it back: by right of office, or as the one who holds it.
pub async fn revoke(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((tenant, id)): Path<(String, String)>,
    form: Form<Reason>,
) -> Result<Response, Problem> {
    let found = governance::grant(app.control(), &caller.cx, &id).await?;
    let done = match found.can_revoke {
        true => app.control().run(&caller.cx, RevokeGrant { grant: id, reason: form.reason.clone() }).await,
        false => app.control().run(&caller.cx, GiveUpGrant { grant: id }).await,
    };
    match done {
        Ok(revoked) => Ok(Redirect::to(&format!("/t/{tenant}/revocations/{}", revoked.seq)).into_response()),
        Err(Error::Invalid(invalid)) => {
            ask_page(&app, &caller, found, form.0.reason, words::errors(&invalid, &[]), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}
