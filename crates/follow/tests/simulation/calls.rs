//! Who calls, with which token: a small cast, so that what is taken away often concerns somebody.

use crate::plane::{OTHER, Plane, RESOURCE, SCOPES, TENANT};
use enforce::MethodOwned;
use policy::{Actor, GrantFact, SubjectKind, Target, TokenFacts};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

const USERS: [&str; 3] = ["usr_a", "usr_b", "usr_c"];
const CLIENTS: [&str; 2] = ["cli_a", "cli_b"];
const AGENTS: [&str; 2] = ["agt_a", "agt_b"];
const ROLES: [&str; 2] = ["developer", "sre"];
const SERVERS: [&str; 2] = [RESOURCE, OTHER];

fn pick(names: &[&str], rng: &mut ChaCha8Rng) -> String {
    (*names.choose(rng).expect("some")).to_owned()
}

fn grant_id(rng: &mut ChaCha8Rng) -> String {
    format!("grt_{}", rng.random_range(0..12))
}

/// A grant of one scope. Some are for another server, client or agent: they give nothing here.
fn grant(resource: &str, client: &str, agent: Option<&Actor>, now: i64, rng: &mut ChaCha8Rng) -> GrantFact {
    let elsewhere = rng.random_range(0..8);
    GrantFact {
        id: grant_id(rng),
        scopes: [pick(&SCOPES, rng)].into(),
        resource: if elsewhere == 0 { pick(&SERVERS, rng) } else { resource.to_owned() },
        client: if elsewhere == 1 { pick(&CLIENTS, rng) } else { client.to_owned() },
        agent: if elsewhere == 2 { None } else { agent.map(|agent| agent.id.clone()) },
        exp: now + *[25, 300, 3_600].choose(rng).expect("some"),
    }
}

/// A token as it was issued: some that end soon, some with grants that do.
pub fn token(plane: &Plane, now: i64, rng: &mut ChaCha8Rng) -> TokenFacts {
    someone(now, plane.seq, rng)
}

fn someone(now: i64, seq: u64, rng: &mut ChaCha8Rng) -> TokenFacts {
    let (subject, client, resource) = (pick(&USERS, rng), pick(&CLIENTS, rng), pick(&SERVERS, rng));
    let actor = |rng: &mut ChaCha8Rng| Actor { id: pick(&AGENTS, rng), class: "assistant".into() };
    let agent = rng.random_bool(0.3).then(|| actor(rng));
    let inner_actors = if agent.is_some() && rng.random_bool(0.3) { vec![actor(rng)] } else { Vec::new() };
    let grants = (0..rng.random_range(0..3)).map(|_| grant(&resource, &client, agent.as_ref(), now, rng)).collect();
    let iat = now - *[0, 0, 900].choose(rng).expect("some");
    TokenFacts {
        tenant: TENANT.into(),
        issuer: "https://writ.example/t/acme".into(),
        audience: resource.clone(),
        jti: format!("tok_{}", rng.random_range(0..30)),
        session: format!("ses_{subject}_{}", rng.random_range(0..6)),
        lineage: format!("lin_{subject}_{client}_{}", rng.random_range(0..4)),
        subject_kind: SubjectKind::User,
        client_class: "ide".into(),
        grants,
        scope: SCOPES.map(str::to_owned).into(),
        roles: ROLES.iter().filter(|_| rng.random_bool(0.6)).map(|role| (*role).to_owned()).collect(),
        acr: None,
        auth_time: Some(iat),
        iat,
        exp: now + *[25, 300, 3_600, 200_000].choose(rng).expect("some"),
        seq,
        subject,
        client,
        agent,
        inner_actors,
    }
}

/// What is asked: mostly a tool, each of which needs the scope of its name.
pub fn method(rng: &mut ChaCha8Rng) -> MethodOwned {
    match rng.random_range(0..8) {
        0 | 1 => MethodOwned::Stream,
        2 => MethodOwned::Other("tools/list".into()),
        _ => MethodOwned::CallTool(pick(&SCOPES, rng)),
    }
}

/// Something to take away: of every kind, and seldom everything. Most of the time it is something of a token by which something is under way.
pub fn target(under_way: &[&TokenFacts], rng: &mut ChaCha8Rng) -> Target {
    let aimed = under_way.choose(rng).filter(|_| rng.random_bool(0.7)).map(|token| (*token).clone());
    let TokenFacts { jti, session, lineage, subject, client, audience, agent, roles, grants, .. } =
        aimed.unwrap_or_else(|| someone(0, 0, rng));
    let agent = agent.map_or_else(|| pick(&AGENTS, rng), |agent| agent.id);
    let grant = grants.choose(rng).map_or_else(|| grant_id(rng), |grant| grant.id.clone());
    let role = roles.choose(rng).cloned().unwrap_or_else(|| pick(&ROLES, rng));
    match rng.random_range(0..24) {
        0 | 1 => Target::Token(jti),
        2 | 3 => Target::Session(session),
        4 | 5 => Target::Lineage(lineage),
        6..=10 => Target::Grant(grant),
        11 | 12 => Target::Subject(subject),
        13 => Target::User(subject),
        14 => Target::Client(client),
        15..=17 => Target::Agent(agent),
        18..=21 => Target::RoleScope { role, scope: pick(&SCOPES, rng) },
        22 => Target::Server(audience),
        _ => Target::Tenant,
    }
}
