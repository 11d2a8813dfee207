//! Audit events: one for everything that changes, written with the change.

use crate::chance::Chance;
use crate::ctx::Ctx;
use serde_json::{Value, json};
use store::AuditEvent;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Ok,
    /// Denied.
    Denied,
}

impl Outcome {
    /// `ok` or `denied`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Event {
    action: &'static str,
    actor: Option<(&'static str, String)>,
    client: Option<String>,
    agent: Option<String>,
    object: Option<String>,
    story: Option<String>,
    outcome: Outcome,
    at_ms: Option<i64>,
    request: Option<String>,
    details: Value,
}

impl Event {
    /// An event; `action` is `object.verb`, such as `grant.revoke`.
    pub const fn new(action: &'static str) -> Self {
        Self {
            action,
            actor: None,
            client: None,
            agent: None,
            object: None,
            story: None,
            outcome: Outcome::Ok,
            at_ms: None,
            request: None,
            details: Value::Null,
        }
    }

    /// To what it happened.
    #[must_use]
    pub fn on(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// What it belongs to: the id of the request, so that request, grant, use and end are found together.
    #[must_use]
    pub fn story(mut self, story: impl Into<String>) -> Self {
        self.story = Some(story.into());
        self
    }

    /// Through which client and agent.
    #[must_use]
    pub fn through(mut self, client: Option<String>, agent: Option<String>) -> Self {
        (self.client, self.agent) = (client, agent);
        self
    }

    /// Who really did it, where that is not the context's actor: the person behind a token, for one.
    #[must_use]
    pub fn by(mut self, kind: &'static str, id: impl Into<String>) -> Self {
        self.actor = Some((kind, id.into()));
        self
    }

    /// When it happened, where that is not now (Unix ms): a gateway's decision, for one.
    #[must_use]
    pub const fn at(mut self, at_ms: i64) -> Self {
        self.at_ms = Some(at_ms);
        self
    }

    /// The id of the request that it came in, where several were applied together.
    #[must_use]
    pub fn in_request(mut self, id: &str) -> Self {
        self.request = Some(id.to_owned());
        self
    }

    /// It was denied.
    #[must_use]
    pub const fn denied(mut self) -> Self {
        self.outcome = Outcome::Denied;
        self
    }

    /// Facts. Never a secret.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// The row, with its salt and the exact bytes that its leaf commits to.
    pub(crate) fn into_row(self, cx: &Ctx, chance: &Chance) -> AuditEvent {
        let id = chance.id("evt", cx.now_ms);
        let at_ms = self.at_ms.unwrap_or(cx.now_ms);
        let (actor_kind, actor_id) = self.actor.unwrap_or_else(|| (cx.actor.kind(), cx.actor.id().to_owned()));
        let outcome = self.outcome.as_str().to_owned();
        let body = json!({
            "id": id, "at_ms": at_ms, "tenant": cx.tenant.as_str(), "action": self.action,
            "actor": { "kind": actor_kind, "id": actor_id }, "client": self.client, "agent": self.agent,
            "object": self.object, "outcome": outcome, "story": self.story, "request_id": self.request.as_ref().unwrap_or(&cx.request_id), "details": self.details,
        });
        AuditEvent {
            id,
            at_ms,
            position: None,
            action: self.action.to_owned(),
            actor_kind: actor_kind.to_owned(),
            actor_id,
            client_id: self.client,
            agent_id: self.agent,
            object: self.object,
            outcome,
            story: self.story,
            salt: hex::encode(chance.bytes::<32>()),
            body: body.to_string(),
        }
    }
}

/// Several events, of which there is at least one.
pub(crate) struct Events {
    first: Event,
    rest: Vec<Event>,
}

impl Events {
    /// So far one.
    pub(crate) const fn new(first: Event) -> Self {
        Self { first, rest: Vec::new() }
    }

    /// And these.
    pub(crate) fn and(mut self, more: impl IntoIterator<Item = Event>) -> Self {
        self.rest.extend(more);
        self
    }

    /// Each changed in the same way.
    pub(crate) fn map(self, change: impl Fn(Event) -> Event) -> Self {
        Self { first: change(self.first), rest: self.rest.into_iter().map(&change).collect() }
    }

    /// All of them.
    pub(crate) fn into_vec(self) -> Vec<Event> {
        std::iter::once(self.first).chain(self.rest).collect()
    }
}
