//! One request: the approval card, the decision, taking it back.

use super::super::flash::{Flashed, Nothing, done};
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::{FieldError, FormErrors};
use app::instant::{Instant, relative};
use app::page::Nav;
use app::pages::request as view;
use app::words::Trust;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::Error;
use control::governance::{self, Barred, Decide, Detail, Flag, RequestState, ScopeView, Similar, ToolView, Withdraw};
use serde::Deserialize;

/// The card.
pub async fn get(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    Flashed(flash): Flashed,
) -> Result<Response, Problem> {
    let found = governance::request(app.control(), &caller.cx, &id).await?;
    let title = title(&found);
    let model = model(&caller, found, FormErrors::default(), Decision::default());
    page::show(&app, &caller, StatusCode::OK, &title, Nav::Requests, flash, || view::view(model)).await
}

fn title(found: &Detail) -> String {
    format!("{} asks for access", found.person.name)
}

/// The card again, with what was typed and what is wrong with it.
async fn again(app: &App, caller: &Caller, id: &str, errors: FormErrors, typed: Decision) -> Result<Response, Problem> {
    let found = governance::request(app.control(), &caller.cx, id).await?;
    let title = title(&found);
    let model = model(caller, found, errors, typed);
    page::show(app, caller, StatusCode::UNPROCESSABLE_ENTITY, &title, Nav::Requests, None, || view::view(model)).await
}

fn model(caller: &Caller, found: Detail, errors: FormErrors, typed: Decision) -> view::Model {
    let now = Instant::from_ms(caller.cx.now_ms);
    let request = found.request;
    let worst = found.scopes.iter().find(|scope| scope.risk == request.risk);
    let risk_reason = worst.map_or_else(String::new, |scope| {
        format!("{} ({})", if scope.sentence.is_empty() { "Nobody has said what it does" } else { &scope.sentence }, scope.name)
    });
    let person = &found.person;
    let source = format!("{}, {}", person.issuer, relative(&now, &Instant::from_ms(person.groups_ms)));
    let list = |words: &[String]| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    let email = match (&person.email, person.email_verified) {
        (Some(email), true) => format!("{email}, verified"),
        (Some(email), false) => format!("{email}, not verified"),
        (None, _) => "no e-mail address".to_owned(),
    };
    let fact = |text: String, source: &str| view::Fact { text, source: source.to_owned() };
    let deciding = match (&found.can_decide, request.state) {
        (_, state) if state != RequestState::Pending => view::Deciding::Closed,
        (Ok(()), _) => view::Deciding::Open {
            digest: found.view_digest,
            durations_s: durations(request.duration_s, found.max_duration_s),
            effect: "Yours decides it.".to_owned(),
            reason_required: found.reason_required,
        },
        (Err(Barred::Closed), _) => view::Deciding::Closed,
        (Err(barred), _) => view::Deciding::Barred(barred.text().to_owned()),
    };
    let mine = caller.cx.person().is_ok_and(|me| me == person.id);
    let asked = if mine { "You asked".to_owned() } else { format!("{} asked", person.name) };
    let mut history = vec![view::Event { at: Instant::from_ms(request.created_ms), text: asked, words: None, good: true }];
    history.extend(found.votes.into_iter().map(|vote| view::Event {
        at: Instant::from_ms(vote.at_ms),
        text: format!(
            "{} {}{}",
            vote.person.name,
            if vote.approve { "approved" } else { "denied" },
            if vote.counts { "" } else { "; void, since it changed afterwards" }
        ),
        words: Some(vote.reason).filter(|reason| !reason.is_empty()),
        good: vote.approve,
    }));
    view::Model {
        id: request.id,
        state: words::request_state(request.state),
        mine,
        person_facts: vec![
            fact(email, &source),
            fact(format!("groups: {}", list(&person.groups)), &source),
            fact(format!("roles: {}", list(&person.roles)), "mapped from the groups"),
        ],
        person: found.person.name,
        ask: format!("use {}", request.scopes.iter().cloned().collect::<Vec<_>>().join(", ")),
        server: request.server.name,
        duration_s: request.duration_s,
        now,
        expires: Instant::from_ms(request.expires_ms),
        risk: (words::risk(request.risk), risk_reason),
        // The risk stands above them all.
        flags: found.flags.iter().filter(|flag| !matches!(flag, Flag::HighRisk(_))).map(Flag::words).collect(),
        scopes: found.scopes.into_iter().map(scope).collect(),
        already: found.already.into_iter().collect(),
        reason: request.reason,
        client: match found.client {
            Some(client) => view::Client { name: client.name, identifier: client.id, trust: Trust::Registered },
            None => view::Client { name: "unknown".to_owned(), identifier: request.client.id, trust: Trust::Blocked },
        },
        agent: found.agent.map(|agent| {
            let owners: Vec<String> = agent.owners.into_iter().map(|owner| owner.name).collect();
            (agent.name, format!("class {}, acts for {}", agent.class, owners.join(", ")))
        }),
        context: context(found.similar),
        history,
        deciding,
        can_withdraw: found.can_withdraw,
        grant: request.grant,
        errors,
        typed_reason: typed.reason,
        typed_duration_s: typed.duration_s,
    }
}

fn scope(scope: ScopeView) -> view::Scope {
    let tool = |tool: ToolView| {
        let hint = |name: &str| tool.annotations.get(name).and_then(serde_json::Value::as_bool);
        let claims = match (hint("readOnlyHint"), hint("destructiveHint")) {
            (Some(true), _) => "says that it only reads",
            (_, Some(false)) => "says that it writes without destroying",
            _ => "may write and destroy",
        };
        (tool.name.clone(), if tool.drifted { format!("{claims}; changed since its review") } else { claims.to_owned() })
    };
    view::Scope {
        sentence: if scope.sentence.is_empty() { format!("Use {}", scope.name) } else { scope.sentence },
        name: scope.name,
        risk: words::risk(scope.risk),
        tools: scope.tools.into_iter().map(tool).collect(),
    }
}

fn context(similar: Similar) -> Vec<view::Fact> {
    let source = "requests of the last 90 days".to_owned();
    let sentence = |text: String| view::Fact { text, source: source.clone() };
    vec![
        sentence(format!("Similar requests: {} approved, {} denied", similar.approved, similar.denied)),
        sentence(format!("Of these by the same person: {} approved, {} denied", similar.own.0, similar.own.1)),
        view::Fact { text: format!("Holding such a grant now: {}", similar.holders), source: "grants".to_owned() },
    ]
}

/// The time that was asked for first, then shorter ones: a decision can narrow, not widen.
fn durations(asked_s: i64, longest_s: i64) -> Vec<i64> {
    let shorter = [60, 900, 3600, 4 * 3600, 8 * 3600, 86_400, 7 * 86_400].into_iter().rev().filter(|s| *s < asked_s);
    std::iter::once(asked_s).chain(shorter).filter(|s| *s <= longest_s).collect()
}

#[derive(Deserialize, Default)]
pub struct Decision {
    #[serde(default)]
    digest: String,
    #[serde(default)]
    decision: String,
    duration_s: Option<i64>,
    #[serde(default)]
    reason: String,
}

/// The decision: on what was shown, or not at all.
pub async fn decide(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    form: Form<Decision>,
) -> Result<Response, Problem> {
    let Form(form) = form;
    let approve = match form.decision.as_str() {
        "approve" => true,
        "deny" => false,
        _ => {
            let errors = FormErrors(vec![FieldError { field: "decision".to_owned(), message: "Press Approve or Deny.".to_owned() }]);
            return again(&app, &caller, &id, errors, form).await;
        }
    };
    let decide = Decide {
        request: id.clone(),
        approve,
        reason: form.reason.clone(),
        view_digest: form.digest.clone(),
        duration_s: form.duration_s.filter(|_| approve),
    };
    match app.control().run(&caller.cx, decide).await {
        Ok(_) => Ok(done(&caller.cx, &format!("/requests/{id}"), if approve { "request_approved" } else { "request_denied" })),
        Err(Error::Invalid(invalid)) => again(&app, &caller, &id, words::errors(&invalid, &[]), form).await,
        Err(Error::Changed(what)) => {
            let changes = vec![("What your decision depends on".to_owned(), "as it was when the page was opened".to_owned(), what)];
            let model = view::Changed { id, changes };
            page::show(&app, &caller, StatusCode::CONFLICT, "Changed meanwhile", Nav::Requests, None, || view::changed(model)).await
        }
        Err(other) => Err(other.into()),
    }
}

/// The requester takes it back.
pub async fn withdraw(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, id)): Path<(String, String)>,
    _: Form<Nothing>,
) -> Result<Response, Problem> {
    app.control().run(&caller.cx, Withdraw { request: id.clone() }).await?;
    Ok(done(&caller.cx, &format!("/requests/{id}"), "request_withdrawn"))
}
