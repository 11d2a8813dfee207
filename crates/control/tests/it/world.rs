//! What governance and evidence tests take as given: people, an IDE, an agent, an MCP server with tools of every risk.

use crate::support::*;
use control::governance::{self, Decide, Decided, RequestAccess};
use control::{AdminRole, Ctx, Result};
use std::collections::BTreeSet;
use store::{Agent, Class, Client, GroupRole, Json, Role, Scope, Server, Tool, User};

pub const IDE: &str = "cli_ide";
pub const AGENT: &str = "agt_helper";
pub const SERVER: &str = "srv_incident";
pub const RESOURCE: &str = "http://127.0.0.1:7500/mcp/incident";

/// Plants all of it in `acme`.
pub async fn plant(h: &Harness) {
    for (id, group) in
        [("usr_dev", "engineering"), ("usr_sam", "sre"), ("usr_kim", "sre"), ("usr_ada", "iam-admins"), ("usr_olga", "audit")]
    {
        h.plant(user(id, group)).await;
    }
    h.plant(Server {
        id: SERVER.into(),
        name: "incident".into(),
        resource: RESOURCE.into(),
        upstream: "http://127.0.0.1:7701/mcp".into(),
        imported_ms: START_MS,
        created_ms: START_MS,
    })
    .await;
    for (scope, risk) in
        [("logs.read", "low"), ("analytics.query", "moderate"), ("logs.debug.write", "high"), ("incidents.trigger", "critical")]
    {
        h.plant(scope_row(scope, risk)).await;
        h.plant(tool(scope, "d1")).await;
    }
    h.plant(role("developer", &["logs.read"])).await;
    h.plant(role("sre", &["logs.read", "logs.debug.write", "incidents.trigger"])).await;
    for (group, role) in [("engineering", "developer"), ("sre", "sre")] {
        h.plant(GroupRole { id: format!("map_{group}"), group_name: group.into(), role: role.into(), created_ms: START_MS }).await;
    }
    h.plant(class("client", "ide", None)).await;
    h.plant(class("agent", "assistant", None)).await;
    h.plant(Client {
        id: IDE.into(),
        name: "IDE".into(),
        redirect_uris: Json(vec!["http://127.0.0.1:9/cb".into(), "https://ide.example/cb".into()]),
        class: "ide".into(),
        ceiling: Json(None),
        created_ms: START_MS,
    })
    .await;
    h.plant(Agent {
        id: AGENT.into(),
        name: "Helper".into(),
        class: "assistant".into(),
        owners: set(&["usr_dev", "usr_kim"]).into(),
        public_key: "{}".into(),
        ceiling: Json(None),
        created_ms: START_MS,
    })
    .await;
}

pub fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

pub fn user(id: &str, group: &str) -> User {
    let name = id.trim_start_matches("usr_");
    User {
        id: id.into(),
        issuer: "http://127.0.0.1:7600".into(),
        subject: name.into(),
        email: Some(format!("{name}@acme.example")),
        email_verified: 1,
        name: name.into(),
        groups: Json(vec![group.into()]),
        groups_ms: START_MS,
        signed_in_ms: START_MS,
        created_ms: START_MS,
    }
}

pub fn scope_row(id: &str, risk: &str) -> Scope {
    Scope { id: id.into(), sentence: format!("May use {id}"), risk: risk.into(), max_auth_age: None, acr: None, version: 1 }
}

pub fn tool(name: &str, digest: &str) -> Tool {
    Tool {
        id: format!("{SERVER}/{name}"),
        server_id: SERVER.into(),
        name: name.into(),
        description: "does it".into(),
        description_chars: None,
        description_unread: None,
        input_schema: "{}".into(),
        annotations: "{}".into(),
        digest: digest.into(),
        reviewed: Some("d1".into()),
        scope: Some(name.into()),
        arguments: None,
        arguments_from: None,
        per_minute: None,
        present: 1,
        version: 1,
    }
}

pub fn role(id: &str, scopes: &[&str]) -> Role {
    Role { id: id.into(), scopes: set(scopes).into(), version: 1, updated_ms: START_MS, updated_by: "usr_ada".into() }
}

pub fn class(kind: &str, name: &str, ceiling: Option<&[&str]>) -> Class {
    Class { id: format!("{kind}/{name}"), kind: kind.into(), name: name.into(), ceiling: Json(ceiling.map(set)) }
}

/// A developer asks for an hour of debugging, through the IDE and without an agent.
pub fn ask() -> RequestAccess {
    RequestAccess {
        client: IDE.into(),
        agent: None,
        server: SERVER.into(),
        scopes: set(&["logs.debug.write"]),
        duration_s: 3600,
        reason: "incident 42".into(),
    }
}

pub async fn dev(h: &Harness) -> Ctx {
    h.person("usr_dev", &[]).await
}

pub async fn approver(h: &Harness, user: &str) -> Ctx {
    h.person(user, &[AdminRole::Approver]).await
}

/// Decides what the approver is shown now.
pub async fn decide(h: &Harness, cx: &Ctx, request: &str, approve: bool) -> Result<Decided> {
    let shown = governance::request(&h.control, cx, request).await?;
    h.control.run(cx, decision(request, approve, &shown.view_digest)).await
}

pub fn decision(request: &str, approve: bool, digest: &str) -> Decide {
    Decide { request: request.into(), approve, reason: "as discussed".into(), view_digest: digest.into(), duration_s: None }
}

/// A request of the developer that was approved: request and grant.
pub async fn granted(h: &Harness) -> (String, String) {
    let request = h.control.run(&dev(h).await, ask()).await.expect("asked");
    h.advance_ms(10);
    let decided = decide(h, &approver(h, "usr_sam").await, &request, true).await;
    h.advance_ms(10);
    match decided.expect("approved") {
        Decided::Approved { grant } => (request, grant),
        other => panic!("{other:?}"),
    }
}
