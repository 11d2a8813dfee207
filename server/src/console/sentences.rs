//! What happened, said as the rest of a sentence that begins with whoever did it: one style for the log, for stories and for home.

use app::components::{Actor, Choice};
use app::instant::plural;
use control::evidence::EventView;
use serde_json::Value;

/// Kinds of events to choose from: how their actions begin, and what they are about.
const GROUPS: &[(&str, &str)] = &[
    ("user.", "Sign-ins"),
    ("authorization.", "Consents"),
    ("token.", "Tokens"),
    ("mcp.", "Calls"),
    ("repository.", "Delivery"),
    ("request.", "Requests"),
    ("grant.", "Grants"),
    ("revocation.", "Revocations and blocks"),
    ("role.", "Roles"),
    ("scope.", "Scopes"),
    ("group.", "Assignments"),
    ("server.", "MCP servers"),
    ("tool.", "Tools"),
    ("limits.", "Limits for everybody"),
    ("client.", "Clients"),
    ("agent.", "Agents"),
    ("class.", "Classes"),
    ("idp.", "IdP connection"),
    ("bundle.", "Published policies"),
    ("draft.", "The draft"),
    ("candidate.", "Signatures of the policy key"),
    ("key.", "Signing keys"),
    ("root.", "Roots"),
    ("targets.", "Renewals of the list of policies"),
    ("gateway.", "Gateways"),
    ("opa.", "OPAs"),
    ("rings.", "Rings"),
    ("rollout.", "Rollouts"),
    ("enrolment.", "Enrolment tokens"),
    ("decisions.", "Decision batches"),
    ("audit.", "Exports"),
    ("admin.", "Admin roles"),
    ("access.", "Refused for want of a role"),
    ("sign_in_link.", "Sign-in links"),
    ("tenant.", "The tenant"),
];

/// Kinds of events, for a list to choose from.
pub(super) fn groups() -> Vec<Choice> {
    GROUPS.iter().map(|(begins, name)| Choice::new(*begins, *name)).collect()
}

/// For each action what it says when it was done and, where it can be, when it was refused. `{object}` is the object's name, `{id}` its id;
/// other words in braces are facts of the event. A part in brackets is left out when a fact of it is missing.
const SENTENCES: &[(&str, &str, &str)] = &[
    ("access.denied", "", "was refused for want of the right {needs}"),
    ("admin.grant", "gave the {kind} {value} the admin role {role}", ""),
    ("admin.revoke", "took the admin role {role} from the {kind} {value}", ""),
    ("agent.edit", "changed the agent {object}", ""),
    ("agent.register", "registered the agent {object}", ""),
    ("audit.export", "exported the log[: {filter}]", ""),
    ("authorization.allow", "allowed {object} to use {scopes} on {resource}", ""),
    ("authorization.ask_again", "", "was asked again what {object} may use on {resource}"),
    ("authorization.deny", "", "did not allow {object} to use[ {scopes} on] {resource}"),
    ("authorization.refuse", "", "could not allow {object} to use {resource}: {reason}"),
    ("bundle.floor", "has no policy below {min_version} run any more", ""),
    ("bundle.publish", "published policy {version}[: {note}]", ""),
    ("candidate.create", "asked for signatures of the policy key on {object}[: {note}]", ""),
    ("candidate.outdate", "ended {object}, which was made for another list of policies", ""),
    ("candidate.sign", "signed {object}", ""),
    ("candidate.supersede", "put something newer in the place of {object}", ""),
    ("candidate.withdraw", "withdrew {object}", ""),
    ("class.edit", "changed the ceiling of the class {object}", ""),
    ("client.edit", "changed the client {object}", ""),
    ("client.register", "registered the client {object}", ""),
    ("decisions.batch", "sent {records} in batch {seq}", ""),
    ("decisions.gap", "", "sent a batch of decisions that does not follow the last one"),
    ("decisions.gap_accepted", "let the gateway {object} go on after a gap in its decisions: {reason}", ""),
    ("decisions.opa", "handed in {decisions}", ""),
    ("decisions.repeat", "sent batch {seq} of decisions again", ""),
    ("draft.settle", "noted that the draft is as policy {version}, which is live", ""),
    ("enrolment.create", "made an enrolment token for the gateway {object}", ""),
    ("gateway.activated", "put policy {policy_version}[ and revocations up to {revocation_seq}] in force", ""),
    ("gateway.enrol", "enrolled as a gateway[ by the name {name}]", "could not enrol as the gateway {object}: {refused}"),
    ("gateway.labelled", "reports other labels", ""),
    ("gateway.pin", "pinned the gateway {object} to policy {version}: {reason}", ""),
    ("gateway.refused", "", "refused what it was sent: {error}"),
    ("gateway.remove", "removed the gateway {name}", ""),
    ("gateway.tools_seen", "sees tools defined otherwise than was reviewed and denies them: {seen}", ""),
    ("gateway.unpin", "had the gateway {object} run its ring's policy again[: {why}]", ""),
    ("grant.create", "gave {scopes}[ by the grant {id}]", ""),
    ("grant.first_used", "used the grant[ {id}] for the first time", ""),
    ("grant.give_up", "gave up the grant[ {id}] of {scopes}", ""),
    ("grant.revoke", "revoked the grant[ {id}] of {scopes}", ""),
    ("group.map", "gave the group {group} the role {role}", ""),
    ("group.unmap", "took the role {role} from the group {group}", ""),
    ("idp.check", "checked the identity provider {issuer}", ""),
    ("idp.set", "connected the identity provider {issuer}", ""),
    ("key.end", "ended the older key of the audit log, {key}", ""),
    ("key.reseal", "sealed {secrets} stored secrets under another master key", ""),
    ("key.retire", "had the token key {key} count no more", ""),
    ("key.rotate", "replaced signing keys ({object})[: {changes}][: {key}]", ""),
    ("key.switch", "had the token key {key} sign from now on", ""),
    ("limits.edit", "changed how often everybody may call", ""),
    ("mcp.call", "called {call}", "was denied {call}"),
    ("opa.configure", "printed the configuration of the OPA {name}", ""),
    ("opa.enrol", "enrolled the OPA {name}", ""),
    ("opa.token", "made a new token for the OPA {name}", ""),
    ("opa.token_used", "used its new token for the first time", ""),
    ("repository.sign_for_long", "signed the repository for carrying away, to last {valid_for_s} seconds", ""),
    ("request.approve", "approved the request[ {id}]", ""),
    ("request.create", "asked for {scopes}: {reason}", ""),
    ("request.deny", "denied the request[ {id}]: {reason}", ""),
    ("request.expire", "ended the request[ {id}], which nobody answered in time", ""),
    ("request.withdraw", "withdrew the request[ {id}]", ""),
    ("revocation.block", "blocked {object}: {reason}", ""),
    ("revocation.lift", "lifted the block on {object}: {reason}", ""),
    ("revocation.lineage", "took back the connection {id} and all tokens of it: {reason}", ""),
    ("revocation.session", "took back the sign-in {id} and all tokens of it: {reason}", ""),
    ("revocation.subject", "took back all tokens of {object} issued before: {reason}", ""),
    ("revocation.token", "took back the token {id}: {reason}", ""),
    ("rings.arrange", "arranged the rings: {order}", ""),
    ("role.create", "made the role {object} with {scopes}", ""),
    ("role.delete", "deleted the role {object}", ""),
    ("role.edit", "changed the role {object}[, which gained {gained}][, which lost {lost}]", ""),
    ("role.import", "imported a role file with {roles}", ""),
    ("rollout.finish", "ended the rollout of policy {version}, which every ring has[: {why}]", ""),
    ("rollout.halt", "halted the rollout of policy {version}[: {why}]", ""),
    ("rollout.promote", "gave policy {version} to the ring {ring}[, {why}]", ""),
    ("rollout.resume", "let the rollout of policy {version} go on", ""),
    ("rollout.revert", "took policy {version} back: every ring runs policy {stable} again[, since {why}]", ""),
    ("rollout.set_rule", "changed what rollouts go on and back by", ""),
    ("rollout.start", "began the rollout of policy {version} in the ring {ring}", ""),
    ("rollout.supersede", "put policy {by} in the place of policy {version}, whose rollout was under way", ""),
    ("root.propose", "wrote down root {version} to be signed: {changes}", ""),
    ("root.submit", "put root {version} in force: {changes}", ""),
    ("scope.edit", "judged the scope {object}", ""),
    ("server.edit", "changed the MCP server {object}, which has the name {name} and is at {upstream} now", ""),
    ("server.refresh", "read the tools of the MCP server {object} again", ""),
    ("server.register", "registered the MCP server {name} with {tools}", ""),
    ("server.remove", "removed the MCP server {name}", ""),
    ("sign_in_link.create", "made a sign-in link", ""),
    ("sign_in_link.use", "signed in by a link from the host's shell", ""),
    ("targets.renew", "renewed the list of policies by {object}", ""),
    ("tenant.create", "made the tenant {name}", ""),
    ("token.issue", "got a token[ for {scopes}] on {resource}", ""),
    ("token.refuse", "", "got no token on {resource}: {reason}"),
    ("tool.bind", "bound the tool {tool} of {object}[ to {to}]", ""),
    ("tool.limit", "changed the limits of the tool {tool} of {object}", ""),
    ("user.sign_in", "signed in", ""),
    ("user.sign_in_failed", "", "could not sign in: {reason}"),
    ("user.sign_out", "signed out", ""),
];

/// The sentence of an event, without who did it.
pub(super) fn sentence(event: &EventView) -> String {
    told(event, &|name| fact(event, name))
}

/// The same inside a story, where it is clear which request and which grant is meant.
pub(super) fn sentence_in_story(event: &EventView) -> String {
    told(event, &|name| fact(event, name).filter(|_| name != "id"))
}

fn told(event: &EventView, fact: &dyn Fn(&str) -> Option<String>) -> String {
    let Some((action, done, refused)) = SENTENCES.iter().find(|(action, _, _)| *action == event.action) else {
        return unknown(event);
    };
    let template = match (event.outcome.as_str(), *action) {
        // A tool that loses its binding is said so.
        ("ok", "tool.bind") if event.details["to"].is_null() => "bound the tool {tool} of {object} to no scope",
        ("ok", "gateway.tools_seen") if fact("seen").is_none() => "sees every tool defined as it was reviewed",
        ("ok", _) => done,
        _ => refused,
    };
    if template.is_empty() { unknown(event) } else { filled(template, fact) }
}

/// What has no sentence is told by its name: of a newer version of Writ, perhaps.
fn unknown(event: &EventView) -> String {
    let object = event.object.as_ref().map(|object| format!(" on {}", object.name)).unwrap_or_default();
    format!("{}{object}", event.action)
}

/// A fact of the event in words; none when it is not there.
fn fact(event: &EventView, name: &str) -> Option<String> {
    match name {
        "object" => event.object.as_ref().map(|object| object.name.clone()),
        "id" => event.object.as_ref().map(|object| object.id.clone()),
        "call" => {
            let what = said(&event.details["tool"]).or_else(|| said(&event.details["method"]))?;
            let server = said(&event.details["server"]).or_else(|| said(&event.details["resource"]));
            Some(server.map_or_else(|| what.clone(), |server| format!("{what} on {server}")))
        }
        "records" | "decisions" => Some(plural(event.details[name].as_i64()?, "decision")),
        "tools" => Some(plural(event.details[name].as_i64()?, "tool")),
        "seen" => {
            let tools = event.details["drifted"].as_array()?.iter().filter_map(|seen| said(&seen["tool"]));
            Some(tools.collect::<Vec<_>>().join(", ")).filter(|tools| !tools.is_empty())
        }
        name => said(&event.details[name]),
    }
}

/// A value in words; none for what says nothing.
fn said(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null | Value::Object(_) => return None,
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().filter_map(said).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    Some(text).filter(|text| !text.is_empty())
}

/// Puts facts into a template. What is missing outside brackets is said to be.
fn filled(template: &str, fact: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '[']) {
        out.push_str(&rest[..at]);
        let close = if rest[at..].starts_with('{') { '}' } else { ']' };
        let Some((inner, after)) = rest[at + 1..].split_once(close) else { break };
        rest = after;
        if close == '}' {
            out.push_str(&fact(inner).unwrap_or_else(|| "(unknown)".to_owned()));
        } else if names(inner).all(|name| fact(name).is_some()) {
            out.push_str(&filled(inner, fact));
        }
    }
    out + rest
}

/// The names in braces.
fn names(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0))
}

/// Who took part in an event, each apart.
pub(super) fn actor(event: &EventView) -> Actor {
    let name = event.actor.who.name.clone();
    let is_person = event.actor.kind == "user";
    let machine = match (event.actor.kind.as_str(), event.actor.who.id.as_str()) {
        ("host", _) => "the host's shell".to_owned(),
        ("system", _) => "Writ itself".to_owned(),
        ("anonymous", _) => "somebody who is not signed in".to_owned(),
        (kind, _) => format!("{kind} {name}"),
    };
    Actor {
        person: is_person.then_some(name),
        machine: (!is_person).then_some(machine),
        client: event.client.as_ref().map(|client| client.name.clone()),
        agent: event.agent.as_ref().map(|agent| agent.name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::{GROUPS, SENTENCES, filled, sentence};
    use control::evidence::{ACTIONS, ActorView, EventView};
    use control::governance::Named;
    use serde_json::{Value, json};

    #[test]
    fn every_action_has_a_sentence_and_a_group() {
        assert_eq!(SENTENCES.iter().map(|(action, _, _)| *action).collect::<Vec<_>>(), ACTIONS);
        for (action, done, refused) in SENTENCES {
            assert!(!done.is_empty() || !refused.is_empty(), "{action} says nothing");
            let groups = GROUPS.iter().filter(|(begins, _)| action.starts_with(begins)).count();
            assert_eq!(groups, 1, "{action} is in {groups} groups");
        }
        for (begins, _) in GROUPS {
            assert!(ACTIONS.iter().any(|action| action.starts_with(begins)), "nothing begins with {begins}");
        }
    }

    #[test]
    fn facts_are_put_in_and_optional_parts_left_out() {
        let facts = |name: &str| (name == "object").then(|| "sre".to_owned());
        assert_eq!(filled("changed the role {object}[, which gained {gained}]", &facts), "changed the role sre");
        assert_eq!(filled("changed [the role {object}] to {what}.", &facts), "changed the role sre to (unknown).");
        assert_eq!(filled("signed in", &facts), "signed in");
    }

    fn event(action: &str, details: Value) -> EventView {
        let named = |name: &str| Named { id: format!("{name}-id"), name: name.to_owned() };
        EventView {
            id: "evt_1".to_owned(),
            at_ms: 0,
            position: None,
            actor: ActorView { kind: "user".to_owned(), who: named("ada") },
            client: None,
            agent: None,
            action: action.to_owned(),
            object: Some(named("incident")),
            outcome: "ok".to_owned(),
            reason: None,
            story: None,
            request_id: String::new(),
            details,
        }
    }

    #[test]
    fn what_is_gone_or_over_is_said_in_other_words() {
        let bound = |to: Value| sentence(&event("tool.bind", json!({ "tool": "logs.tail", "to": to })));
        assert_eq!(bound(json!("logs.read")), "bound the tool logs.tail of incident to logs.read");
        assert_eq!(bound(Value::Null), "bound the tool logs.tail of incident to no scope");
        let seen = |tools: Value| sentence(&event("gateway.tools_seen", json!({ "drifted": tools })));
        assert!(seen(json!([{ "tool": "logs.tail" }, { "tool": "logs.search" }])).ends_with("denies them: logs.tail, logs.search"));
        assert_eq!(seen(json!([])), "sees every tool defined as it was reviewed");
        assert_eq!(sentence(&event("of.tomorrow", json!({}))), "of.tomorrow on incident");
        let sent = |records: u32| sentence(&event("decisions.batch", json!({ "records": records, "seq": 7 })));
        assert_eq!((sent(1).as_str(), sent(2).as_str()), ("sent 1 decision in batch 7", "sent 2 decisions in batch 7"));
    }
}
