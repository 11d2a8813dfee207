//! What awaits the policy key: downloading it, handing its signature in, taking it back.

use super::draft::{Typed, show};
use super::flash::done;
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::SignedIn;
use app::components::FormErrors;
use app::instant::Instant;
use app::page::Nav;
use app::pages::candidate as view;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bundle::ceremony::{Kind, SignatureFile};
use control::delivery::{self, CandidateView, Progress, SignCandidate, WithdrawCandidate};
use control::{Ctx, Error, Permission};
use serde::Deserialize;

/// What it is about.
pub(super) fn about(candidate: &CandidateView) -> String {
    match (candidate.kind, candidate.policy_version) {
        (Kind::Publish, Some(version)) => format!("Policy {version}"),
        (Kind::Keys | Kind::Delegation, _) => "A change of keys".to_owned(),
        (Kind::Floor, _) => "A higher floor".to_owned(),
        (Kind::Renewal | Kind::Publish, _) => "The list of policies".to_owned(),
    }
}

/// It as a section of the draft's page.
pub(super) fn section(candidate: CandidateView, cx: &Ctx, signature: String, errors: FormErrors) -> view::Model {
    let access = candidate.access.iter().map(ToString::to_string);
    view::Model {
        about: about(&candidate),
        changes: access.chain(candidate.changes.iter().cloned()).collect(),
        number: candidate.number,
        by: candidate.requested_by,
        at: Instant::from_ms(candidate.requested_ms),
        note: candidate.note,
        keys: candidate.keys,
        threshold: candidate.threshold,
        can_publish: cx.actor.may(Permission::Publish),
        tenant: cx.tenant.to_string(),
        signature,
        errors,
    }
}

/// The candidate as a file, for `writ sign`.
pub async fn download(State(app): State<App>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    let candidate = delivery::export_candidate(app.control(), &caller.cx, None).await?;
    let name = format!("attachment; filename=\"{}-candidate-{}.json\"", caller.cx.tenant, candidate.number);
    let headers = [(CONTENT_TYPE, "application/json".to_owned()), (CONTENT_DISPOSITION, name), (CACHE_CONTROL, "no-store".to_owned())];
    Ok((headers, candidate.to_json()).into_response())
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Sent {
    signature: String,
}

/// Takes the file that `writ sign` wrote.
pub async fn sign(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Sent>) -> Result<Response, Problem> {
    caller.cx.needs(Permission::Publish)?;
    let refused = match SignatureFile::read(sent.signature.trim().as_bytes()) {
        Err(error) => error.to_string(),
        Ok(file) if file.tenant != caller.cx.tenant.as_str() => format!("the signature is for tenant {}", file.tenant),
        Ok(file) => match delivery::sign_candidate(app.control(), &caller.cx, SignCandidate::from(file)).await {
            Ok(Progress::Live) => return Ok(done(&caller.cx, "/bundles", "published")),
            Ok(Progress::Awaits(_)) => return Ok(done(&caller.cx, "/draft", "signature_taken")),
            Err(Error::Refused { text, .. }) => text,
            Err(Error::NotFound) => "there is no such candidate".to_owned(),
            Err(other) => return Err(other.into()),
        },
    };
    let typed = Typed { signature: sent.0.signature, signature_errors: words::error("signature", refused), ..Typed::default() };
    show(&app, &caller, typed, StatusCode::UNPROCESSABLE_ENTITY).await
}

/// The page that asks before it is withdrawn.
pub async fn ask_withdraw(State(app): State<App>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    caller.cx.needs(Permission::Publish)?;
    let found = delivery::candidate(app.control(), &caller.cx).await?.ok_or(Error::NotFound)?;
    let model = view::Withdraw { number: found.number, about: about(&found), by: found.requested_by };
    page::show(&app, &caller, StatusCode::OK, "Withdraw a candidate", Nav::Draft, None, || view::withdraw(model)).await
}

#[derive(Deserialize)]
pub struct Which {
    candidate: u64,
}

/// Withdraws it.
pub async fn withdraw(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Which>) -> Result<Response, Problem> {
    app.control().run(&caller.cx, WithdrawCandidate { number: sent.candidate }).await?;
    Ok(done(&caller.cx, "/draft", "withdrawn"))
}
