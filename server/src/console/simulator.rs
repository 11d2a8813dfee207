//! "Can they?": the question in the URL, answered by the function that gateways run.

use super::draft::concerned;
use super::words;
use crate::app::App;
use crate::page;
use crate::problem::Problem;
use crate::signin::session::{Caller, SignedIn};
use app::components::{Choice, StepState};
use app::instant::Instant;
use app::page::{Nav, encode};
use app::pages::simulator as view;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::config::{self, Explanation, Reach, ServerView};
use control::{Error, Permission, delivery};
use policy::{Direction, Reason};
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    person: String,
    client: String,
    agent: String,
    server: String,
    tool: String,
    policy: String,
}

impl Asked {
    fn is_whole(&self) -> bool {
        [&self.person, &self.client, &self.server, &self.tool].iter().all(|field| !field.trim().is_empty())
    }

    fn question(&self) -> config::Question {
        config::Question {
            user: self.person.clone(),
            client: self.client.clone(),
            agent: Some(self.agent.clone()).filter(|agent| !agent.is_empty()),
            server: self.server.clone(),
            tool: self.tool.trim().to_owned(),
            draft: self.policy == "draft",
        }
    }
}

/// The form, and the answer to what the URL asks.
pub async fn get(State(app): State<App>, SignedIn(caller): SignedIn, Query(mut asked): Query<Asked>) -> Result<Response, Problem> {
    let (control, cx) = (app.control(), &caller.cx);
    let reach = config::reach(control, cx).await?;
    let sees_people = cx.actor.may(Permission::ReadPeople);
    let people: Vec<Choice> = match sees_people {
        true => reach.people.iter().map(|user| Choice::new(user.id.clone(), words::person(user))).collect(),
        false => Vec::new(),
    };
    let clients: Vec<Choice> =
        config::clients(control, cx).await?.into_iter().map(|found| Choice::new(found.client.id, found.client.name)).collect();
    let agents: Vec<Choice> =
        config::agents(control, cx).await?.into_iter().map(|found| Choice::new(found.agent.id, found.agent.name)).collect();
    let found = config::servers(control, cx).await?;
    // Where there is but one, there is nothing to choose.
    if let ([only], "") = (found.as_slice(), asked.server.as_str()) {
        asked.server.clone_from(&only.server.id);
    }
    let chosen = found.iter().find(|found| found.server.id == asked.server);
    // A tool that was chosen for another server is no question to this one.
    if chosen.is_some_and(|server| !offers(server, &asked.tool)) && found.iter().any(|other| offers(other, &asked.tool)) {
        asked.tool.clear();
    }
    let tools = chosen.map(|server| tools(server, &asked.tool));
    let servers = found.into_iter().map(|found| Choice::new(found.server.id, found.server.name)).collect();
    let (mut answer, mut problem, mut draft) = (None, None, Vec::new());
    if !sees_people {
        problem = Some("Your admin role does not let you look at people.".to_owned());
    } else if asked.is_whole() {
        let question = asked.question();
        match config::explain(control, cx, &question).await {
            Ok(found) => {
                let named: Vec<&Choice> = people.iter().chain(&clients).chain(&agents).collect();
                let names = |text: &str| named.iter().fold(text.to_owned(), |text, choice| text.replace(&choice.value, &choice.label));
                answer = Some(answered(&caller, &reach, &question, found, names));
                draft = pending(&app, &caller, &reach).await?;
            }
            Err(Error::NotFound) => {
                problem = Some("The person, client, agent or server of this question is not there any more.".to_owned())
            }
            Err(Error::Refused { text, .. }) => problem = Some(words::spoken(&text)),
            Err(other) => return Err(other.into()),
        }
    }
    let Asked { person, client, agent, server, tool, policy } = asked;
    let question = view::Question { person, client, agent, server, tool, policy };
    let model = view::Model { question, people, clients, agents, servers, tools, answer, problem, draft };
    page::show(&app, &caller, StatusCode::OK, "Can they?", Nav::Simulator, None, || view::view(model)).await
}

fn offers(server: &ServerView, tool: &str) -> bool {
    server.tools.iter().any(|found| found.tool.present == 1 && found.tool.name == tool)
}

/// What there is to call, and what was asked about.
fn tools(server: &ServerView, asked: &str) -> Vec<Choice> {
    let present = server.tools.iter().filter(|found| found.tool.present == 1);
    let mut names: Vec<String> = present.map(|found| found.tool.name.clone()).collect();
    names.sort();
    let unknown = (!asked.is_empty() && !offers(server, asked)).then(|| Choice::new(asked, format!("{asked} (not offered)")));
    names.into_iter().map(words::choice).chain(unknown).collect()
}

/// `names` puts names into the places of ids.
fn answered(
    caller: &Caller,
    reach: &Reach,
    question: &config::Question,
    found: Explanation,
    names: impl Fn(&str) -> String,
) -> view::Answer {
    let remedies = found.denied.map(|reason| remedies(reach, question, reason, found.scope.as_deref())).unwrap_or_default();
    let failing = found.trace.iter().find(|link| link.broken.is_some()).map(|link| names(&link.what));
    let sentence = match (&found.denied, failing) {
        (None, _) => "Every link holds".to_owned(),
        (Some(reason), Some(link)) => format!("This does not hold: {link}. {}", reason.remedy().trim_end_matches('.')),
        (Some(reason), None) => reason.remedy().trim_end_matches('.').to_owned(),
    };
    let mut chain: Vec<view::Link> = vec![view::Link {
        state: StepState::Holds,
        title: match found.roles.is_empty() {
            true => "The person's groups give no role".to_owned(),
            false => format!("The person's groups give {}", found.roles.join(", ")),
        },
        until: None,
        detail: match found.groups.is_empty() {
            true => "no group at the last sign-in".to_owned(),
            false => format!("groups at the last sign-in: {}", found.groups.join(", ")),
        },
    }];
    chain.extend(found.trace.iter().map(|link| view::Link {
        state: if link.broken.is_some() { StepState::Broken } else { StepState::Holds },
        title: names(&link.what),
        until: link.until.map(Instant::from_s),
        detail: link.broken.map_or_else(|| assumed(&link.what).to_owned(), |reason| reason.remedy().to_owned()),
    }));
    view::Answer {
        allowed: found.denied.is_none(),
        sentence,
        reason: found.denied.map(|reason| reason.code().to_owned()),
        rule: found.rule,
        obligations: found.obligations,
        chain,
        remedies,
        policy: format!("{} ({})", found.version, if question.draft { "the draft" } else { "live" }),
        at: Instant::from_ms(caller.cx.now_ms),
    }
}

/// What no stored fact says, so that it is assumed.
fn assumed(link: &str) -> &'static str {
    match link {
        "The token has not ended" => "assumed: a token that is issued now",
        link if link.starts_with("The token was issued for") => "assumed: the client asks for it",
        link if link.starts_with("The sign-in") => "assumed: a sign-in that is recent and strong enough",
        _ => "",
    }
}

/// What would change the answer.
fn remedies(reach: &Reach, question: &config::Question, reason: Reason, scope: Option<&str>) -> Vec<view::Remedy> {
    let remedy = |label: String, path: String, reach: Option<String>| view::Remedy { label, path, reach };
    let server = format!("/servers/{}", encode(&question.server));
    let block = |kind: &str, subject: &str| format!("/block/lift?kind={kind}&subject={}", encode(subject));
    match (reason, scope) {
        (Reason::ScopeNotHeld | Reason::GrantExpired | Reason::GrantRevoked | Reason::GrantElsewhere, Some(scope)) => {
            let user = reach.people.iter().find(|user| user.id == question.user);
            let roles = user.map(|user| reach.roles_of(&user.groups)).unwrap_or_default();
            let mut all = vec![remedy(
                "They can ask for it for a while".to_owned(),
                format!("/requests/new?server={}", encode(&question.server)),
                None,
            )];
            all.extend(roles.into_iter().map(|role| {
                let people = reach.holders_of_role(&role).count();
                let reach = format!(
                    "Adding it to the role gives it to {}.",
                    app::instant::plural(i64::try_from(people).unwrap_or(i64::MAX), "person")
                );
                remedy(format!("Add {scope} to the role {role}"), format!("/roles/{}/edit", encode(&role)), Some(reach))
            }));
            all
        }
        (Reason::ToolUnbound | Reason::ToolDrifted, _) => {
            vec![remedy("Review and bind the tool".to_owned(), format!("{server}/bind?tool={}", encode(&question.tool)), None)]
        }
        (Reason::UnknownTool, _) => vec![remedy("Look at the server's tools".to_owned(), server, None)],
        (Reason::UnknownResource | Reason::UnknownClientClass | Reason::UnknownAgentClass, _) => {
            vec![remedy("Look at the draft".to_owned(), "/draft".to_owned(), None)]
        }
        (Reason::ClientCeiling, _) => {
            vec![remedy("Look at the client's ceiling".to_owned(), format!("/clients/{}", encode(&question.client)), None)]
        }
        (Reason::AgentCeiling, _) => match &question.agent {
            Some(agent) => vec![remedy("Look at the agent's ceiling".to_owned(), format!("/agents/{}", encode(agent)), None)],
            None => Vec::new(),
        },
        (Reason::UserBlocked, _) => vec![remedy("Look at the block".to_owned(), block("user", &question.user), None)],
        (Reason::ClientBlocked, _) => vec![remedy("Look at the block".to_owned(), block("client", &question.client), None)],
        (Reason::AgentBlocked, _) => {
            question.agent.iter().map(|agent| remedy("Look at the block".to_owned(), block("agent", agent), None)).collect()
        }
        (Reason::ServerBlocked, _) => vec![remedy("Look at the block".to_owned(), block("server", &question.server), None)],
        _ => Vec::new(),
    }
}

/// What the draft would change, in words.
async fn pending(app: &App, caller: &Caller, reach: &Reach) -> Result<Vec<view::DraftLine>, Error> {
    let draft = delivery::draft(app.control(), &caller.cx).await?;
    let live = config::live_roles(app.control(), &caller.cx).await?;
    let changes = draft.changes.iter().filter(|change| change.direction != Direction::Neutral);
    Ok(changes
        .map(|change| view::DraftLine {
            adds: change.direction == Direction::Widens,
            text: change.to_string(),
            people: concerned(change, reach, &live, &draft.policy.roles),
        })
        .collect())
}
