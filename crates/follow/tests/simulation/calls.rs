//! Who calls, with which token: a small cast, so that what is taken away often concerns somebody.

use crate::plane::{Plane, RESOURCE, SCOPES, Taken};
use policy::{Actor, GrantFact, Method, SubjectKind, Target, TokenFacts, VerifiedCall};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

/// A token as it was issued.
pub fn token(plane: &Plane, now: i64, rng: &mut ChaCha8Rng) -> TokenFacts {
    let pick = |names: &[&str], rng: &mut ChaCha8Rng| (*names.choose(rng).expect("some")).to_owned();
    let subject = pick(&["usr_a", "usr_b", "usr_c"], rng);
    let client = pick(&["cli_a", "cli_b"], rng);
    let agent = rng.random_bool(0.3).then(|| Actor { id: pick(&["agt_a", "agt_b"], rng), class: "assistant".into() });
    let grant = GrantFact {
        id: pick(&["grt_a", "grt_b"], rng),
        scopes: [SCOPES[2].to_owned()].into(),
        resource: RESOURCE.into(),
        client: client.clone(),
        agent: agent.as_ref().map(|agent| agent.id.clone()),
        exp: now + 3600,
    };
    TokenFacts {
        tenant: crate::plane::TENANT.into(),
        issuer: "https://writ.example/t/acme".into(),
        audience: RESOURCE.into(),
        jti: format!("tok_{}", rng.random_range(0..6)),
        session: format!("ses_{subject}"),
        lineage: format!("lin_{subject}_{client}"),
        subject,
        subject_kind: SubjectKind::User,
        client,
        client_class: "ide".into(),
        agent,
        inner_actors: Vec::new(),
        scope: SCOPES.map(str::to_owned).into(),
        roles: vec![pick(&["developer", "sre"], rng)],
        grants: if rng.random_bool(0.5) { vec![grant] } else { Vec::new() },
        acr: None,
        auth_time: Some(now),
        iat: now,
        exp: now + 3600,
        seq: plane.seq,
    }
}

pub fn call<'a>(token: &'a TokenFacts, tool: &'a str, stale_for: i64) -> VerifiedCall<'a> {
    VerifiedCall { token, resource: RESOURCE, method: Method::CallTool(tool), tool_digest: None, stale_for }
}

/// Something to take away.
pub fn target(rng: &mut ChaCha8Rng) -> Target {
    let pick = |names: &[&str], rng: &mut ChaCha8Rng| (*names.choose(rng).expect("some")).to_owned();
    match rng.random_range(0..10) {
        0 => Target::Token(format!("tok_{}", rng.random_range(0..6))),
        1 => Target::Session(format!("ses_{}", pick(&["usr_a", "usr_b"], rng))),
        2 => Target::Lineage(format!("lin_{}_{}", pick(&["usr_a", "usr_b"], rng), pick(&["cli_a", "cli_b"], rng))),
        3 => Target::Grant(pick(&["grt_a", "grt_b"], rng)),
        4 => Target::Subject(pick(&["usr_a", "usr_b", "usr_c"], rng)),
        5 => Target::User(pick(&["usr_a", "usr_b"], rng)),
        6 => Target::Client(pick(&["cli_a", "cli_b"], rng)),
        7 => Target::Agent(pick(&["agt_a", "agt_b"], rng)),
        8 => Target::RoleScope { role: pick(&["developer", "sre"], rng), scope: pick(&SCOPES, rng) },
        _ => Target::Server("https://gw.example/mcp/other".into()),
    }
}

/// Whether this taking away concerns a call with this token, whatever the policy: written down a second time, naively, to judge by.
pub fn concerns(taken: &Taken, token: &TokenFacts) -> bool {
    match &taken.target {
        Target::Token(id) => token.jti == *id,
        Target::Session(id) => token.session == *id,
        Target::Lineage(id) => token.lineage == *id,
        Target::Subject(id) => token.subject == *id && token.seq < taken.seq,
        Target::User(id) => token.subject == *id,
        Target::Client(id) => token.client == *id,
        Target::Agent(id) => token.agent.as_ref().is_some_and(|agent| agent.id == *id),
        Target::Server(id) => id == RESOURCE,
        Target::Tenant => true,
        // These take single scopes away; see `takes_scope`.
        Target::Grant(_) | Target::RoleScope { .. } => false,
    }
}
