//! What a decision depends on, and its digest: the approver decides on exactly this.

use crate::chance::sha256_hex;
use crate::error::Result;
use policy::Risk;
use serde_json::{Value, json};
use store::{Agent, Class, Client, MaybeSet, Reader, Request, Scope, Server, Tool};

/// Everything that a request refers to, as it is now. What is gone is `None`: a request outlives what it names.
pub(super) struct Basis {
    pub server: Option<Server>,
    pub scopes: Vec<ScopeBasis>,
    pub client: Option<Client>,
    pub client_class: Option<Class>,
    pub agent: Option<Agent>,
    pub agent_class: Option<Class>,
    policy_version: i64,
}

/// A scope that is asked for, and the tools of the server that need it.
pub(super) struct ScopeBasis {
    pub name: String,
    pub scope: Option<Scope>,
    pub tools: Vec<Tool>,
}

impl ScopeBasis {
    /// Its risk; the highest where nobody has judged it.
    pub fn risk(&self) -> Risk {
        self.scope.as_ref().and_then(|scope| Risk::parse(&scope.risk)).unwrap_or(Risk::Critical)
    }
}

/// The longest grant of a scope of this risk, in seconds.
pub const fn max_duration_s(risk: Risk) -> i64 {
    match risk {
        Risk::Critical => 4 * 3600,
        Risk::High => 24 * 3600,
        Risk::Moderate => 30 * 86_400,
        Risk::Low => 90 * 86_400,
    }
}

/// A length of time in words: `30 days`, `4 hours`, `90 minutes`, `45 seconds`.
pub(super) fn in_words(seconds: i64) -> String {
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let (n, unit) = units
        .into_iter()
        .find(|(unit, _)| seconds % unit == 0 && seconds >= *unit)
        .map_or((seconds, "second"), |(s, unit)| (seconds / s, unit));
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

/// The parts of the digest, in order, as they are told to a person when they change.
const PARTS: [&str; 6] = [
    "the request itself",
    "the server",
    "what the scopes say",
    "the tools that they unlock",
    "the limits of the client or agent",
    "the published policy",
];

impl Basis {
    pub async fn load(db: &Reader<'_>, request: &Request) -> Result<Self> {
        let server = db.get::<Server>(&request.server_id).await?.filter(|server| server.resource == request.resource);
        let tools = match &server {
            Some(server) => db.tools_of(&server.id).await?,
            None => Vec::new(),
        };
        let mut scopes = Vec::new();
        for name in request.scopes.iter() {
            let needs = |tool: &&Tool| tool.present == 1 && tool.scope.as_deref() == Some(name.as_str());
            let tools = tools.iter().filter(needs).cloned().collect();
            scopes.push(ScopeBasis { name: name.clone(), scope: db.get::<Scope>(name).await?, tools });
        }
        let client = db.get::<Client>(&request.client_id).await?;
        let client_class = match &client {
            Some(client) => db.get::<Class>(&format!("client/{}", client.class)).await?,
            None => None,
        };
        let agent = match &request.agent_id {
            Some(agent) => db.get::<Agent>(agent).await?,
            None => None,
        };
        let agent_class = match &agent {
            Some(agent) => db.get::<Class>(&format!("agent/{}", agent.class)).await?,
            None => None,
        };
        let policy_version = db.this_tenant().await?.map_or(0, |tenant| tenant.policy_version);
        Ok(Self { server, scopes, client, client_class, agent, agent_class, policy_version })
    }

    /// The highest risk among the scopes.
    pub fn risk(&self) -> Risk {
        self.scopes.iter().map(ScopeBasis::risk).max().unwrap_or(Risk::Critical)
    }

    /// Tools among those unlocked whose definition is not the one that a person reviewed.
    pub fn drifted(&self) -> Vec<&str> {
        let all = self.scopes.iter().flat_map(|scope| &scope.tools);
        all.filter(|tool| is_drifted(tool)).map(|tool| tool.name.as_str()).collect()
    }

    /// Scopes that the client or the agent may never use, each with which of the two says so.
    pub fn above_ceilings(&self) -> Vec<(&str, &'static str)> {
        let mut above = Vec::new();
        for scope in &self.scopes {
            let name = scope.name.as_str();
            if let Some(client) = &self.client
                && !(admits(&client.ceiling, name) && self.client_class.as_ref().is_some_and(|class| admits(&class.ceiling, name)))
            {
                above.push((name, "client"));
            }
            if let Some(agent) = &self.agent
                && !(admits(&agent.ceiling, name) && self.agent_class.as_ref().is_some_and(|class| admits(&class.ceiling, name)))
            {
                above.push((name, "agent"));
            }
        }
        above
    }

    /// The digest of everything that a decision on this request depends on: SHA-256 over the canonical inputs, then eight digits for
    /// each of their parts, which bind nothing and only tell what changed.
    pub fn digest(&self, request: &Request) -> String {
        let parts = self.parts(request).map(|part| part.to_string());
        let whole = sha256_hex(format!("writ-request-view/1\n{}\n", parts.join("\n")));
        let hints: Vec<String> = parts.iter().map(|part| sha256_hex(part)[..8].to_owned()).collect();
        format!("{whole}.{}", hints.join("."))
    }

    fn parts(&self, request: &Request) -> [Value; 6] {
        let limits = |class: &Option<Class>, own: Option<&MaybeSet>| json!({ "class": class.as_ref().map(|c| (&c.id, &c.ceiling.0)), "own": own.map(|own| &own.0) });
        let words = |s: &ScopeBasis| json!({ "name": s.name, "is": s.scope.as_ref().map(|scope| json!({ "sentence": scope.sentence, "risk": scope.risk, "max_auth_age": scope.max_auth_age, "acr": scope.acr })) });
        let tools = |s: &ScopeBasis| {
            let tools: Vec<Value> = s.tools.iter().map(|tool| json!([tool.name, tool.digest, tool.reviewed])).collect();
            json!({ "name": s.name, "tools": tools })
        };
        [
            json!({
                "id": request.id, "user": request.user_id, "client": request.client_id, "agent": request.agent_id, "resource": request.resource,
                "scopes": request.scopes.0, "duration_s": request.duration_s, "reason": request.reason, "created_ms": request.created_ms,
            }),
            json!(self.server.as_ref().map(|server| [&server.id, &server.resource, &server.upstream])),
            self.scopes.iter().map(words).collect(),
            self.scopes.iter().map(tools).collect(),
            json!({
                "client": limits(&self.client_class, self.client.as_ref().map(|client| &client.ceiling)),
                "agent": limits(&self.agent_class, self.agent.as_ref().map(|agent| &agent.ceiling)),
            }),
            json!(self.policy_version),
        ]
    }
}

/// What differs between two digests, in words; `None` when nothing that a decision depends on does.
pub(super) fn difference(shown: &str, now: &str) -> Option<String> {
    if shown == now {
        return None;
    }
    let (mut before, mut after) = (shown.split('.').skip(1), now.split('.').skip(1));
    let changed: Vec<&str> = PARTS.into_iter().filter(|_| before.next() != after.next()).collect();
    Some(if changed.is_empty() { "what was shown".to_owned() } else { changed.join(", ") })
}

/// Whether the tool is not what was reviewed, or was never reviewed.
pub(super) fn is_drifted(tool: &Tool) -> bool {
    tool.reviewed.as_deref() != Some(tool.digest.as_str())
}

fn admits(ceiling: &MaybeSet, scope: &str) -> bool {
    ceiling.0.as_ref().is_none_or(|scopes| scopes.contains(scope))
}

#[cfg(test)]
mod tests {
    use super::{difference, in_words};

    #[test]
    fn lengths_of_time_are_said_in_words() {
        let said = [60, 3600, 5400, 4 * 3600, 86_400, 30 * 86_400, 45, 0].map(in_words);
        assert_eq!(said, ["1 minute", "1 hour", "90 minutes", "4 hours", "1 day", "30 days", "45 seconds", "0 seconds"]);
    }

    #[test]
    fn a_difference_names_its_part() {
        let (old, new) = ("ab.1.2.3.4.5.6", "cd.1.2.3.9.5.7");
        assert_eq!(difference(old, old), None);
        assert_eq!(difference(old, new).as_deref(), Some("the tools that they unlock, the published policy"));
        // Who sends only the first part, or rubbish, has decided on something else.
        assert!(difference("cd", new).is_some() && difference("", new).is_some());
        assert_eq!(difference("ab.1.2.3.9.5.7", new).as_deref(), Some("what was shown"));
    }
}
