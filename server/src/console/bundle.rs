//! One published policy, its way through the rings, and what it changes against another.

use super::flash::{Flashed, done};
use super::{draft, words};
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::FormErrors;
use app::instant::{Instant, plural};
use app::page::{Flash, Nav};
use app::pages::rollout as view;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use bundle::rollout::{Tally, Wait};
use control::config;
use control::delivery;
use control::delivery::rollout::{self, HaltRollout, PromoteRollout, ResumeRollout, RevertRollout, RingView, RolloutView};
use control::{Error, Permission, UseCase};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The page's word for a state.
pub(super) const fn state(state: rollout::State) -> view::State {
    match state {
        rollout::State::Running => view::State::Running,
        rollout::State::Halted => view::State::Halted,
        rollout::State::Reverted => view::State::Reverted,
        rollout::State::Done => view::State::Done,
        rollout::State::Superseded => view::State::Superseded,
    }
}

/// Who published.
pub(super) fn by(people: &BTreeMap<String, String>, id: &str) -> String {
    match id {
        "host" => "the host's shell".to_owned(),
        id => people.get(id).cloned().unwrap_or_else(|| id.to_owned()),
    }
}

/// What the page shows beside what is so.
#[derive(Default)]
struct Typed {
    flash: Option<Flash>,
    reason: String,
    errors: FormErrors,
}

/// The policy.
pub async fn get(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, version)): Path<(String, String)>,
    Flashed(flash): Flashed,
) -> Result<Response, Problem> {
    let version = version.parse().map_err(|_| Error::NotFound)?;
    show(&app, &caller, version, Typed { flash, ..Typed::default() }, StatusCode::OK).await
}

async fn show(app: &App, caller: &Caller, version: u64, typed: Typed, status: StatusCode) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let found = delivery::bundle(control, cx, version).await?;
    let people: BTreeMap<String, String> = config::reach(control, cx).await?.people.into_iter().map(|user| (user.id, user.name)).collect();
    let versions: Vec<u64> = delivery::bundles(control, cx).await?.into_iter().map(|found| words::number(found.head.version)).collect();
    let rollout = match cx.actor.may(Permission::ReadFleet) {
        true => rollout::rollout(control, cx, version).await?,
        false => None,
    };
    let can_act = cx.actor.may(Permission::WriteRollouts);
    let head = found.view.head;
    let model = view::Model {
        version,
        digest: head.sha256,
        by: by(&people, &head.published_by),
        at: Instant::from_ms(head.published_ms),
        note: head.note,
        live: found.view.live,
        rollout: rollout.map(|found| panel(found, can_act, typed.reason, typed.errors)),
        changes: draft::spoken_all(app, cx, &found.changes, &found.before, &found.policy).await?,
        before: versions.iter().copied().find(|other| *other < version),
        versions,
    };
    page::show(app, caller, status, &format!("Policy {version}"), Nav::Bundles, typed.flash, || view::view(model)).await
}

fn panel(found: RolloutView, can_act: bool, reason: String, errors: FormErrors) -> view::Rollout {
    let calls = |tally: Tally| (tally.denied, tally.calls());
    let RolloutView { row, state: at, rings, pinned, waits, decided } = found;
    let reached = usize::try_from(row.reached).unwrap_or_default();
    let version = row.version.unsigned_abs();
    view::Rollout {
        state: state(at),
        since: Instant::from_ms(row.since_ms),
        why: row.why,
        stable: words::number(row.stable),
        began: Instant::from_ms(row.started_ms),
        reached,
        rings: rings.into_iter().zip(0..).map(|(ring, place)| progress(ring, version, place < reached, &pinned)).collect(),
        waits: waits.iter().map(said).collect(),
        decided: [calls(decided.0), calls(decided.1)],
        can_act,
        reason,
        errors,
    }
}

fn progress(ring: RingView, version: u64, reached: bool, pinned: &[String]) -> view::RingProgress {
    let (pinned, free): (Vec<_>, Vec<_>) = ring.gateways.into_iter().partition(|seen| pinned.contains(&seen.id));
    let total = words::count(free.len());
    let late: Vec<_> = free.into_iter().filter(|seen| seen.running != Some(version)).collect();
    view::RingProgress {
        name: ring.name,
        reached,
        since: ring.since_ms.map(Instant::from_ms),
        confirmed: total - words::count(late.len()),
        total,
        pinned: words::count(pinned.len()),
        late: late
            .into_iter()
            .filter(|_| reached)
            .map(|seen| view::Late {
                id: seen.id,
                name: seen.name,
                runs: seen.running,
                seen: seen.seen_ms.map(Instant::from_ms),
                error: seen.error,
            })
            .collect(),
    }
}

/// What has to come first, as a sentence.
fn said(wait: &Wait) -> String {
    match wait {
        Wait::Person => "A person promotes it: the rule is set so.".to_owned(),
        Wait::Soak { until_ms } => format!("It has to be in the ring until {}.", Instant::from_ms(*until_ms).text),
        Wait::Anybody => "No gateway runs it yet, so it has proved nothing.".to_owned(),
        Wait::Unconfirmed(late) => {
            let names: Vec<&str> = late.iter().map(|late| late.name.as_str()).collect();
            format!("{} to confirm: {}.", plural(i64::try_from(names.len()).unwrap_or(i64::MAX), "gateway"), names.join(", "))
        }
        Wait::Failing(failing) => {
            let said: Vec<String> = failing.iter().map(|(name, code)| format!("{name} ({code})")).collect();
            format!("These report an error: {}.", said.join(", "))
        }
        Wait::Calls { decided, needed } => format!("{decided} of {needed} calls are decided by which denials are judged."),
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    from: Option<u64>,
    to: Option<u64>,
}

/// Two policies beside each other.
pub async fn compare(State(app): State<App>, SignedIn(caller): SignedIn, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let versions: Vec<u64> = delivery::bundles(control, cx).await?.into_iter().map(|found| words::number(found.head.version)).collect();
    // Without a word, what the newest changed.
    let to = asked.to.or_else(|| versions.first().copied()).ok_or(Error::NotFound)?;
    let from = asked.from.or_else(|| versions.iter().copied().find(|version| *version < to)).unwrap_or(to);
    let found = delivery::compare(control, cx, from, to).await?;
    let changes = draft::spoken_all(&app, cx, &found.changes, &found.before, &found.after).await?;
    let model = view::Compare { from, to, versions, changes };
    page::show(&app, &caller, StatusCode::OK, "Compare policies", Nav::Bundles, None, || view::compare(model)).await
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Sent {
    reached: usize,
    reason: String,
}

type Place = Path<(String, String)>;

/// Takes a step, and shows what came of it.
async fn step<U: UseCase<Out = ()>>(
    app: &App,
    caller: &Caller,
    version: u64,
    use_case: U,
    reason: &str,
    code: &'static str,
) -> Result<Response, Problem> {
    let wrong = |errors| Typed { reason: reason.to_owned(), errors, flash: None };
    match app.control().run(&caller.cx, use_case).await {
        Ok(()) => Ok(done(&caller.cx, &format!("/bundles/{version}"), code)),
        Err(Error::Refused { text, .. }) => {
            show(app, caller, version, wrong(words::error("rollout", text)), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(Error::Invalid(invalid)) => show(app, caller, version, wrong(words::errors(&invalid)), StatusCode::UNPROCESSABLE_ENTITY).await,
        Err(Error::Changed(text)) => show(app, caller, version, wrong(words::error("rollout", text)), StatusCode::CONFLICT).await,
        Err(other) => Err(other.into()),
    }
}

fn number(version: &str) -> Result<u64, Error> {
    version.parse().map_err(|_| Error::NotFound)
}

/// The next ring.
pub async fn promote(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, version)): Place,
    sent: Form<Sent>,
) -> Result<Response, Problem> {
    let version = number(&version)?;
    caller.cx.needs(Permission::WriteRollouts)?;
    let rings = rollout::rings(app.control(), &caller.cx).await?.rings.len();
    let code = if sent.reached >= rings { "finished" } else { "promoted" };
    step(&app, &caller, version, PromoteRollout { version, reached: sent.reached }, "", code).await
}

/// No further.
pub async fn halt(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, version)): Place,
    sent: Form<Sent>,
) -> Result<Response, Problem> {
    let version = number(&version)?;
    step(&app, &caller, version, HaltRollout { version, reason: sent.reason.clone() }, &sent.reason, "halted").await
}

/// On again.
pub async fn resume(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, version)): Place,
    _: Form<Sent>,
) -> Result<Response, Problem> {
    let version = number(&version)?;
    step(&app, &caller, version, ResumeRollout { version }, "", "resumed").await
}

/// Back.
pub async fn revert(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path((_, version)): Place,
    sent: Form<Sent>,
) -> Result<Response, Problem> {
    let version = number(&version)?;
    step(&app, &caller, version, RevertRollout { version, reason: sent.reason.clone() }, &sent.reason, "reverted").await
}
