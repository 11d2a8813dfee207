//! The draft, publishing it, and what was published before.

use super::flash::{Flashed, done};
use super::{bundle, candidate, words};
use crate::app::App;
use crate::csrf::Form;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::{FormErrors, Pager};
use app::instant::Instant;
use app::page::{Flash, Nav, encode};
use app::pages::draft as view;
use app::words::Severity;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, Edit, Reach, ServerView};
use control::delivery::{self, Publication, Publish, SettleDraft};
use control::{Ctx, Error, Permission};
use policy::{About, Change, Direction, Name, PolicySet, ScopeSet};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// The draft.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn, Flashed(flash): Flashed) -> Result<Response, Problem> {
    show(&app, &caller, Typed { flash, ..Typed::default() }, StatusCode::OK).await
}

/// What the page shows beside what is so: what was just done, or what was typed and is wrong.
#[derive(Default)]
pub(super) struct Typed {
    pub(super) flash: Option<Flash>,
    pub(super) moved: bool,
    pub(super) note: String,
    pub(super) errors: FormErrors,
    pub(super) signature: String,
    pub(super) signature_errors: FormErrors,
}

pub(super) async fn show(app: &App, caller: &Caller, typed: Typed, status: StatusCode) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let waits = delivery::candidate(control, cx).await?;
    let draft = delivery::draft(control, cx).await?;
    let (reach, servers) = (config::reach(control, cx).await?, config::servers(control, cx).await?);
    let gateways = match cx.actor.may(Permission::ReadFleet) {
        true => words::count(delivery::fleet(control, cx).await?.gateways.len()),
        false => 0,
    };
    let live = config::live_roles(control, cx).await?;
    let mut edits = Edits { app, cx, known: HashMap::new() };
    let mut changes = Vec::with_capacity(draft.changes.len());
    for change in &draft.changes {
        let by = edits.by(change, &servers).await?;
        let people = concerned(change, &reach, &live, &draft.policy.roles);
        changes.push(view::Change { by, ..spoken(change, &draft.policy, people, &edits).await? });
    }
    let first_ring = delivery::rollout::first_ring(control, cx).await?;
    let model = view::Model {
        live: draft.live_version,
        next: draft.policy.version,
        digest: draft.draft.to_string(),
        edits: words::number(draft.edits),
        differs: draft.differs,
        findings: draft.findings.iter().map(|finding| spoken_finding(finding, &servers)).collect(),
        changes,
        gateways,
        first_ring,
        can_publish: cx.actor.may(Permission::Publish),
        signed_here: draft.signed_here,
        offered: waits.as_ref().is_some_and(|found| found.draft == Some(draft.draft)),
        candidate: waits.map(|found| candidate::section(found, cx, typed.signature, typed.signature_errors)),
        moved: typed.moved,
        note: typed.note,
        errors: typed.errors,
    };
    page::show(app, caller, status, "Draft", Nav::Draft, typed.flash, || view::view(model)).await
}

/// Who last edited what, each looked up once.
pub(super) struct Edits<'a> {
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

    /// Who last edited what a change is about, and when; none for what comes of no form.
    async fn by(&mut self, change: &Change, servers: &[ServerView]) -> Result<Option<(String, Instant)>, Error> {
        let subject = &change.subject;
        let server = servers.iter().find(|found| found.server.name == *subject).map(|found| found.server.id.as_str()).unwrap_or_default();
        let edit = match (change.about, &change.scope) {
            (About::Role, _) => self.of("role.", subject).await?,
            (About::Scope, _) => self.of("scope.", subject).await?,
            (About::Server, Some(_)) => self.of("tool.", server).await?,
            (About::Server, None) => self.of("server.", server).await?,
            (About::ClientClass, _) => self.of("class.", &format!("client/{subject}")).await?,
            (About::AgentClass, _) => self.of("class.", &format!("agent/{subject}")).await?,
            (About::Principal, _) if subject.starts_with("agt_") => self.of("agent.", subject).await?,
            (About::Principal, _) => self.of("client.", subject).await?,
            (About::Limits | About::Staleness | About::Issuers | About::Revocations | About::AuditLog, _) => None,
        };
        Ok(edit.map(|edit| (edit.by, Instant::from_ms(edit.at_ms))))
    }

    /// What a client or agent is, and its name; its id where it is gone.
    async fn principal(&self, id: &str) -> Result<(&'static str, String), Error> {
        let (control, cx) = (self.app.control(), self.cx);
        let (kind, found) = match id.starts_with("agt_") {
            true => ("Agent", config::agent(control, cx, id).await.map(|found| found.agent.name)),
            false => ("Client", config::client(control, cx, id).await.map(|found| found.client.name)),
        };
        match found {
            Ok(name) => Ok((kind, name)),
            Err(Error::NotFound) => Ok((kind, id.to_owned())),
            Err(other) => Err(other),
        }
    }
}

/// What roles give, by name.
type Roles = BTreeMap<Name, ScopeSet>;

/// How many people a change concerns; none where it concerns nobody in particular. Counted is by what roles give in the policies compared:
/// whoever gains holds the scope afterwards, whoever loses held it before.
pub(super) fn concerned(change: &Change, reach: &Reach, before: &Roles, after: &Roles) -> Option<u64> {
    let roles = if change.direction == Direction::Narrows { before } else { after };
    let people = match (change.about, &change.scope) {
        (About::Role, _) => reach.holders_of_role(&change.subject).count(),
        (About::Scope, _) => reach.holders_where(roles, &change.subject).count(),
        (_, Some(scope)) => reach.holders_where(roles, scope).count(),
        (_, None) => return None,
    };
    Some(words::count(people))
}

/// Changes between published policies, with whom they concern; who made them is not looked up.
pub(super) async fn spoken_all(
    app: &App,
    cx: &Ctx,
    changes: &[Change],
    before: &PolicySet,
    policy: &PolicySet,
) -> Result<Vec<view::Change>, Error> {
    let reach = config::reach(app.control(), cx).await?;
    let edits = Edits { app, cx, known: HashMap::new() };
    let mut all = Vec::with_capacity(changes.len());
    for change in changes {
        let people = concerned(change, &reach, &before.roles, &policy.roles);
        all.push(spoken(change, policy, people, &edits).await?);
    }
    Ok(all)
}

/// A change with whom it concerns and how much harm can come of it, by the policy that it leads to.
async fn spoken(change: &Change, policy: &PolicySet, people: Option<u64>, edits: &Edits<'_>) -> Result<view::Change, Error> {
    let subject = &change.subject;
    let (kind, subject) = match change.about {
        About::Principal => edits.principal(subject).await?,
        about => (about.noun(), subject.clone()),
    };
    let gained = change.scope.as_ref().filter(|_| change.direction == Direction::Widens);
    Ok(view::Change {
        effect: match change.direction {
            Direction::Widens => view::Effect::Widens,
            Direction::Narrows => view::Effect::Narrows,
            Direction::Neutral => view::Effect::Neutral,
        },
        kind: kind.to_owned(),
        subject,
        what: change.what.clone(),
        people,
        // A scope that nobody judged counts as the worst.
        risk: gained.map(|scope| words::risk(policy.scopes.get(scope.as_str()).map_or(policy::Risk::Critical, |scope| scope.risk))),
        by: None,
    })
}

fn spoken_finding(finding: &policy::Finding, servers: &[ServerView]) -> view::Finding {
    let server = servers.iter().find(|found| {
        finding.what.contains(&format!(" on {} ", found.server.name)) || finding.what.starts_with(&format!("{} has", found.server.name))
    });
    let scope = finding.what.rsplit(' ').next().unwrap_or_default();
    let path = match (finding.code, server) {
        ("tool_unbound" | "server_empty" | "schema_unbounded", Some(found)) => Some(format!("/servers/{}", found.server.id)),
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
        Ok(Publication::Live(version)) => match delivery::rollout::rollout_under_way(app.control(), &caller.cx).await? {
            Some(_) => Ok(done(&caller.cx, &format!("/bundles/{version}"), "published_ring")),
            None => Ok(done(&caller.cx, "/bundles", "published")),
        },
        Ok(Publication::Awaits { .. }) => Ok(done(&caller.cx, "/draft", "asked")),
        Err(Error::Changed(_)) => {
            show(&app, &caller, Typed { moved: true, note: sent.0.note, ..Typed::default() }, StatusCode::CONFLICT).await
        }
        Err(Error::Refused { text, .. }) => {
            let typed = Typed { note: sent.0.note, errors: words::error("note", text), ..Typed::default() };
            show(&app, &caller, typed, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(Error::Invalid(invalid)) => {
            let typed = Typed { note: sent.0.note, errors: words::errors(&invalid), ..Typed::default() };
            show(&app, &caller, typed, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}

/// Counts edits that cancel each other no more.
pub async fn settle(State(app): State<App>, SignedIn(caller): SignedIn, sent: Form<Sent>) -> Result<Response, Problem> {
    let expected_draft = sent.digest.parse().unwrap_or(-1);
    match app.control().run(&caller.cx, SettleDraft { expected_draft }).await {
        Ok(_) => Ok(done(&caller.cx, "/draft", "settled")),
        Err(Error::Changed(_)) => show(&app, &caller, Typed { moved: true, ..Typed::default() }, StatusCode::CONFLICT).await,
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
    let rollouts = delivery::rollout::states(control, cx).await?;
    let total = found.len();
    let rows: Vec<view::Bundle> = found
        .into_iter()
        .skip(asked.cursor)
        .take(PAGE)
        .map(|found| view::Bundle {
            live: found.live,
            rollout: rollouts.get(&found.head.version).map(|state| bundle::state(*state)),
            version: words::number(found.head.version),
            digest: found.head.sha256,
            by: bundle::by(&people, &found.head.published_by),
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
    let awaits = delivery::candidate(control, cx).await?.map(|found| (candidate::about(&found), found.requested_by));
    let model = view::Bundles { rows, pager, awaits };
    page::show(&app, &caller, StatusCode::OK, "Bundles", Nav::Bundles, flash, || view::bundles(model)).await
}

#[cfg(test)]
mod tests {
    use super::{Roles, concerned};
    use control::config::Reach;
    use policy::{About, Change, Direction};
    use store::{GroupRole, Json, User};

    fn roles(given: &[(&str, &[&str])]) -> Roles {
        given.iter().map(|(role, scopes)| ((*role).into(), scopes.iter().copied().collect())).collect()
    }

    fn person(name: &str) -> User {
        User {
            id: format!("usr_{name}"),
            issuer: "https://idp.example".to_owned(),
            subject: name.to_owned(),
            email: None,
            email_verified: 0,
            name: name.to_owned(),
            groups: Json(vec![name.to_owned()]),
            groups_ms: 0,
            signed_in_ms: 0,
            created_ms: 0,
        }
    }

    #[test]
    fn whom_a_change_concerns_is_counted_by_the_policies_compared() {
        let mapping = |name: &str| GroupRole { id: name.to_owned(), group_name: name.to_owned(), role: name.to_owned(), created_ms: 0 };
        let names = ["dev", "sre"];
        // In the draft of today both roles give the scope.
        let reach = Reach {
            people: names.map(person).to_vec(),
            mappings: names.map(mapping).to_vec(),
            roles: names.map(|role| (role.to_owned(), ["logs.read".to_owned()].into())).into(),
        };
        let (without, with) = (roles(&[("dev", &[]), ("sre", &[])]), roles(&[("dev", &["logs.read"]), ("sre", &[])]));
        let change = |about, direction, scope: Option<&str>| Change {
            direction,
            about,
            subject: "logs.read".to_owned(),
            what: String::new(),
            scope: scope.map(str::to_owned),
        };
        for (change, before, after, people) in [
            (change(About::Scope, Direction::Widens, None), &without, &with, Some(1)),
            (change(About::Scope, Direction::Narrows, None), &with, &without, Some(1)),
            (change(About::Server, Direction::Widens, Some("logs.read")), &without, &with, Some(1)),
            (change(About::Server, Direction::Narrows, Some("logs.read")), &without, &with, Some(0)),
            (change(About::Server, Direction::Neutral, None), &without, &with, None),
        ] {
            assert_eq!(concerned(&change, &reach, before, after), people, "{change:?}");
        }
    }
}
