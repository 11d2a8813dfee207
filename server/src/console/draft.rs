//! The draft, publishing it, and what was published before.

use super::flash::{Flashed, done};
use super::words;
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::{FormErrors, Pager};
use app::instant::Instant;
use app::page::{Nav, encode};
use app::pages::draft as view;
use app::words::Severity;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, Edit, Reach, ServerView};
use control::delivery::{self, Draft, Publish};
use control::{Ctx, Error, Permission};
use policy::{Ceiling, PolicySet};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The draft.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    show(&app, &caller, false, String::new(), FormErrors::default(), StatusCode::OK).await
}

async fn show(app: &App, caller: &Caller, moved: bool, note: String, errors: FormErrors, status: StatusCode) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let draft = delivery::draft(control, cx).await?;
    let (reach, servers) = (config::reach(control, cx).await?, config::servers(control, cx).await?);
    let gateways = match cx.actor.may(Permission::ReadFleet) {
        true => words::count(delivery::fleet(control, cx).await?.gateways.len()),
        false => 0,
    };
    let mut edits = Edits { app, cx, known: HashMap::new() };
    let mut changes = Vec::with_capacity(draft.changes.len());
    for change in &draft.changes {
        changes.push(spoken(change, &draft, &reach, &servers, &mut edits).await?);
    }
    if let Some(version) = draft.live_version {
        let live = delivery::bundle(control, cx, version).await?.policy;
        changes.extend(details(&live, &draft.policy, &reach, &mut edits).await?);
    }
    let model = view::Model {
        live: draft.live_version,
        next: draft.policy.version,
        digest: draft.draft.to_string(),
        findings: draft.findings.iter().map(|finding| spoken_finding(finding, &servers)).collect(),
        changes,
        gateways,
        can_publish: cx.actor.may(Permission::Publish),
        moved,
        note,
        errors,
    };
    page::show(app, caller, status, "Draft", Nav::Draft, None, || view::view(model)).await
}

/// Who last edited what, each looked up once.
struct Edits<'a> {
    app: &'a App,
    cx: &'a Ctx,
    known: HashMap<(&'static str, String), Option<Edit>>,
}

impl Edits<'_> {
    async fn of(&mut self, action: &'static str, object: &str) -> Result<Option<Edit>, Error> {
        let key = (action, object.to_owned());
        if !self.known.contains_key(&key) {
            let edit = match object {
                // Something that is gone has no id to look for.
                "" => None,
                object => config::last_edit(self.app.control(), self.cx, action, object).await?,
            };
            self.known.insert(key.clone(), edit);
        }
        Ok(self.known[&key].clone())
    }
}

/// A change with whom it concerns and who made it.
async fn spoken(
    change: &policy::Change,
    draft: &Draft,
    reach: &Reach,
    servers: &[ServerView],
    edits: &mut Edits<'_>,
) -> Result<view::Change, Error> {
    let subject = &change.subject;
    let server = servers.iter().find(|found| found.server.name == *subject).map(|found| found.server.id.as_str());
    let kinds = [("Role", "role."), ("MCP server", "server."), ("Client class", "class."), ("Agent class", "class."), ("Scope", "scope.")];
    let named = kinds.iter().find_map(|(kind, action)| {
        let rest = change.what.strip_prefix(kind)?.strip_prefix(' ')?.strip_prefix(subject.as_str())?;
        Some((*kind, *action, rest.trim_start().trim_start_matches(',').trim_start()))
    });
    // The last word of a sentence on a binding is the scope that callers need.
    let last = change.what.rsplit(' ').next().unwrap_or_default();
    let (kind, what, people, edit) = match named {
        Some(("Role", action, rest)) => ("Role", rest, Some(reach.holders_of_role(subject).count()), edits.of(action, subject).await?),
        Some(("Scope", action, rest)) => ("Scope", rest, Some(reach.holders_of_scope(subject).count()), edits.of(action, subject).await?),
        Some(("MCP server", action, rest)) => ("MCP server", rest, None, edits.of(action, server.unwrap_or_default()).await?),
        Some((kind, action, rest)) => {
            let id = format!("{}/{subject}", if kind == "Agent class" { "agent" } else { "client" });
            (kind, rest, None, edits.of(action, &id).await?)
        }
        None if draft.policy.scopes.contains_key(last) => (
            "MCP server",
            change.what.as_str(),
            Some(reach.holders_of_scope(last).count()),
            edits.of("tool.", server.unwrap_or_default()).await?,
        ),
        None => ("", change.what.as_str(), None, edits.of("tool.", server.unwrap_or_default()).await?),
    };
    Ok(view::Change {
        effect: if change.widens { view::Effect::Widens } else { view::Effect::Narrows },
        kind: kind.to_owned(),
        subject: subject.clone(),
        what: if named.is_some() { what.to_owned() } else { format!(": {what}") },
        people: people.map(words::count),
        by: edit.as_ref().map_or_else(|| "Writ".to_owned(), |edit| edit.by.clone()),
        at: Instant::from_ms(edit.map_or(edits.cx.now_ms, |edit| edit.at_ms)),
    })
}

/// What changes beside who can do what in principle: the words and demands of scopes, and the ceilings of single clients and agents.
async fn details(live: &PolicySet, next: &PolicySet, reach: &Reach, edits: &mut Edits<'_>) -> Result<Vec<view::Change>, Error> {
    let now_ms = edits.cx.now_ms;
    let said = |effect, kind: &str, subject: &str, what: &str, people: Option<u64>, edit: Option<Edit>| view::Change {
        effect,
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        what: what.to_owned(),
        people,
        by: edit.as_ref().map_or_else(|| "Writ".to_owned(), |edit| edit.by.clone()),
        at: Instant::from_ms(edit.map_or(now_ms, |edit| edit.at_ms)),
    };
    let mut changes = Vec::new();
    for (name, after) in &next.scopes {
        let Some(before) = live.scopes.get(name) else { continue };
        let people = Some(words::count(reach.holders_of_scope(name).count()));
        if before.sentence != after.sentence {
            changes.push(said(view::Effect::Neutral, "Scope", name, "is described anew", people, edits.of("scope.", name).await?));
        }
        if (before.max_auth_age, &before.acr) != (after.max_auth_age, &after.acr) {
            let what = "wants another kind of sign-in";
            changes.push(said(view::Effect::Neutral, "Scope", name, what, people, edits.of("scope.", name).await?));
        }
    }
    let ids: BTreeSet<&String> = live.narrowed.keys().chain(next.narrowed.keys()).collect();
    for id in ids {
        let (before, after) = (live.narrowed.get(id).unwrap_or(&Ceiling::Any), next.narrowed.get(id).unwrap_or(&Ceiling::Any));
        if before == after {
            continue;
        }
        let (kind, action) = if id.starts_with("agt_") { ("Agent", "agent.") } else { ("Client", "client.") };
        let effect = if within(after, before) { view::Effect::Narrows } else { view::Effect::Widens };
        changes.push(said(effect, kind, id, "has another ceiling", None, edits.of(action, id).await?));
    }
    Ok(changes)
}

/// Whether one ceiling lets nothing through that the other does not.
fn within(inner: &Ceiling, outer: &Ceiling) -> bool {
    match (inner, outer) {
        (_, Ceiling::Any) => true,
        (Ceiling::Any, Ceiling::Only(_)) => false,
        (Ceiling::Only(inner), Ceiling::Only(outer)) => inner.is_subset(outer),
    }
}

fn spoken_finding(finding: &policy::Finding, servers: &[ServerView]) -> view::Finding {
    let server = servers.iter().find(|found| {
        finding.what.contains(&format!(" on {} ", found.server.name)) || finding.what.starts_with(&format!("{} has", found.server.name))
    });
    let scope = finding.what.rsplit(' ').next().unwrap_or_default();
    let path = match (finding.code, server) {
        ("tool_unbound" | "server_empty", Some(found)) => Some(format!("/servers/{}", found.server.id)),
        ("scope_unused", _) => Some(format!("/scopes/{}", encode(scope))),
        ("role_empty" | "scope_undefined", _) => Some("/roles".to_owned()),
        _ => None,
    };
    view::Finding {
        severity: match finding.severity {
            policy::Severity::Error => Severity::Error,
            policy::Severity::Warning => Severity::Warning,
            policy::Severity::Note => Severity::Suggestion,
        },
        code: finding.code.to_owned(),
        text: finding.what.clone(),
        path,
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Sent {
    digest: String,
    note: String,
}

/// Publishes what was shown, or shows what it has become.
pub async fn publish(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Sent>) -> Result<Response, Problem> {
    let expected_draft = sent.digest.parse().unwrap_or(-1);
    match app.control().run(&caller.cx, Publish { note: sent.note.clone(), expected_draft }).await {
        Ok(_) => Ok(done(&caller.cx, "/bundles", "published")),
        Err(Error::Changed(_)) => show(&app, &caller, true, sent.0.note, FormErrors::default(), StatusCode::CONFLICT).await,
        Err(Error::Refused { text, .. }) => {
            show(&app, &caller, false, sent.0.note, words::error("note", text), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(Error::Invalid(invalid)) => {
            show(&app, &caller, false, sent.0.note, words::errors(&invalid), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    cursor: usize,
}

const PAGE: usize = 50;

/// What was published.
pub async fn bundles(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Query(asked): Query<Asked>,
    Flashed(flash): Flashed,
) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let found = delivery::bundles(control, cx).await?;
    let sizes = config::bundle_sizes(control, cx).await?;
    let people: BTreeMap<String, String> = config::reach(control, cx).await?.people.into_iter().map(|user| (user.id, user.name)).collect();
    let mut running: HashMap<i64, u64> = HashMap::new();
    if cx.actor.may(Permission::ReadFleet) {
        for version in delivery::fleet(control, cx).await?.gateways.iter().filter_map(|gateway| gateway.policy_version) {
            *running.entry(version).or_default() += 1;
        }
    }
    let total = found.len();
    let rows: Vec<view::Bundle> = found
        .into_iter()
        .skip(asked.cursor)
        .take(PAGE)
        .map(|found| view::Bundle {
            live: found.live,
            version: words::number(found.head.version),
            digest: found.head.sha256,
            by: match found.head.published_by.as_str() {
                "host" => "the host's shell".to_owned(),
                id => people.get(id).cloned().unwrap_or_else(|| id.to_owned()),
            },
            at: Instant::from_ms(found.head.published_ms),
            note: found.head.note,
            bytes: words::number(sizes.get(&found.head.version).copied().unwrap_or_default()),
            gateways: running.get(&found.head.version).copied().unwrap_or_default(),
        })
        .collect();
    let (from, to) = (asked.cursor, asked.cursor + rows.len());
    let at = |cursor: usize| format!("/bundles?cursor={cursor}");
    let pager = Pager {
        shown: if rows.is_empty() { String::new() } else { format!("{} to {to} of {total}", from + 1) },
        previous: (from > 0).then(|| at(from.saturating_sub(PAGE))),
        next: (to < total).then(|| at(to)),
    };
    let model = view::Bundles { rows, pager };
    page::show(&app, &caller, StatusCode::OK, "Bundles", Nav::Bundles, flash, || view::bundles(model)).await
}
