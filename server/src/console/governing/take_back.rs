//! Taking back what was issued, with what it stops shown before.

use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::instant::Instant;
use app::page::Nav;
use app::pages::take_back::{self as view, Kind, Known};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use control::evidence::EventView;
use control::governance::{self, LONGEST_TOKEN_LIFE_S, Trace};
use control::{Ctx, Error, Permission};
use policy::Target;
use serde::Deserialize;
use store::User;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    kind: String,
    subject: String,
}

impl Asked {
    fn target(&self) -> Result<(Kind, Target), Error> {
        let kind = Kind::parse(&self.kind).ok_or(Error::NotFound)?;
        // Identifiers are pasted, often with a space.
        let subject = self.subject.trim().to_owned();
        let target = match kind {
            Kind::Subject => Target::Subject(subject),
            Kind::Session => Target::Session(subject),
            Kind::Lineage => Target::Lineage(subject),
            Kind::Token => Target::Token(subject),
        };
        Ok((kind, target))
    }
}

/// What to take back, or what taking it back stops.
pub async fn ask(State(app): State<App>, SignedIn(caller): SignedIn, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    caller.cx.needs(Permission::Revoke)?;
    if asked.subject.trim().is_empty() {
        return choose(&app, &caller).await;
    }
    confirm(&app, &caller, &asked, String::new(), FormErrors::default(), StatusCode::OK).await
}

async fn choose(app: &App, caller: &Caller) -> Result<Response, Problem> {
    let people =
        app.control().read(&caller.cx).all::<User>().await.map_err(Error::from)?.into_iter().map(|row| (row.id, row.name)).collect();
    let model = view::Choose { people, can_read_audit: caller.cx.actor.may(Permission::ReadAudit) };
    page::show(app, caller, StatusCode::OK, "Take back", Nav::Revocations, None, || view::choose(model)).await
}

async fn confirm(
    app: &App,
    caller: &Caller,
    asked: &Asked,
    reason: String,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Problem> {
    let (kind, target) = asked.target()?;
    let stops = governance::blast_radius(app.control(), &caller.cx, &target).await?;
    let own_session = matches!(&target, Target::Session(sid) if caller.session.as_ref().is_some_and(|session| session.sid == *sid));
    let model = view::Model {
        kind,
        subject: asked.subject.trim().to_owned(),
        known: match stops.trace {
            Trace::Found => Known::Found,
            Trace::Ended(at_s) => Known::Ended(Instant::from_s(at_s)),
            Trace::Unknown => Known::Unknown,
        },
        is_self: stops.is_self || own_session,
        name: stops.name.clone(),
        stops: words::stops(&stops, false),
        reason,
        errors,
    };
    page::show(app, caller, status, "Take back", Nav::Revocations, None, || view::view(model)).await
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Sent {
    kind: String,
    subject: String,
    reason: String,
}

/// Takes it back.
pub async fn take_back(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(tenant): Path<String>,
    form: Form<Sent>,
) -> Result<Response, Problem> {
    caller.cx.needs(Permission::Revoke)?;
    let Form(sent) = form;
    let asked = Asked { kind: sent.kind, subject: sent.subject };
    let (_, target) = asked.target()?;
    match governance::revoke(app.control(), &caller.cx, target, sent.reason.clone()).await {
        Ok(seq) => Ok(Redirect::to(&format!("/t/{tenant}/revocations/{seq}")).into_response()),
        // Only the reason is typed on this page; an identifier of the wrong shape was typed on the one before.
        Err(Error::Invalid(invalid)) => {
            let errors = words::errors(&invalid, &[("sid", "reason"), ("lineage", "reason"), ("jti", "reason")]);
            confirm(&app, &caller, &asked, sent.reason, errors, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}

/// What an event is about that can be taken back: a button's text and its path.
pub(super) fn offered(event: &EventView, cx: &Ctx) -> Vec<(&'static str, String)> {
    if !cx.actor.may(Permission::Revoke) {
        return Vec::new();
    }
    let fact = |name: &str| event.details[name].as_str().map(str::to_owned);
    let issued = event.object.as_ref().filter(|_| event.action == "token.issue").map(|object| object.id.clone());
    // A token that must have ended is not offered.
    let ends_s = event.details["exp"].as_i64().filter(|_| issued.is_some()).unwrap_or(event.at_ms / 1000 + LONGEST_TOKEN_LIFE_S);
    let token = issued.or_else(|| fact("jti")).filter(|_| cx.now_s() < ends_s);
    let person = Some(event.actor.who.id.clone()).filter(|_| event.actor.kind == "user" && (fact("sid").is_some() || token.is_some()));
    let all = [
        (Kind::Token, "Take this token back…", token),
        (Kind::Lineage, "Take this connection back…", fact("lineage")),
        (Kind::Session, "Take this sign-in back…", fact("sid")),
        (Kind::Subject, "Sign this person out everywhere…", person),
    ];
    all.into_iter().filter_map(|(kind, label, id)| Some((label, view::path(kind, &id?)))).collect()
}
