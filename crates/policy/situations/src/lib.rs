//! Generated situations, small enough that everything meets everything: three scopes, three tools, a few of each kind of principal.
//!
//! Only tests depend on this. [`situation`] draws calls of tools that mostly get far, for laws of the decision; [`every_kind`] draws
//! whatever can be asked at all, for comparing two implementations of it.

pub mod every_kind;

use policy::{
    Actor, Ceiling, Class, Entry, GrantFact, Issuer, Limits, McpServer, Method, Name, PolicySet, RevocationKey, Revocations, Risk, Rung,
    Scope, SubjectKind, Target, TokenFacts, Tool, VerifiedCall,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::{BTreeMap, BTreeSet};

/// When every situation happens, Unix seconds.
pub const NOW: i64 = 1_800_000_000;
/// The one MCP server.
pub const RESOURCE: &str = "http://gw/mcp/incident";

/// Under which all generated lists are hashed.
pub fn key() -> RevocationKey {
    RevocationKey::of([7; 32])
}

/// All scopes that there are.
pub const SCOPES: [&str; 3] = ["logs.read", "logs.debug.write", "incidents.trigger"];

/// One policy, one list, one token, one tool.
#[derive(Debug, Clone)]
pub struct Situation {
    /// The policy.
    pub policy: PolicySet,
    /// The list.
    pub revocations: Revocations,
    /// Who calls.
    pub token: TokenFacts,
    /// The tool that is called.
    pub tool: String,
    /// The tool's live definition, where it is known.
    pub digest: Option<String>,
    /// For how many seconds the enforcement point has been stale.
    pub stale_for: i64,
}

impl Situation {
    /// What is asked.
    pub fn method(&self) -> Method<'_> {
        Method::CallTool(&self.tool)
    }
}

/// The call of a situation.
pub fn call(at: &Situation) -> VerifiedCall<'_> {
    VerifiedCall { token: &at.token, resource: RESOURCE, method: at.method(), tool_digest: at.digest.as_deref(), stale_for: at.stale_for }
}

pub(crate) fn scopes(most: usize) -> impl Strategy<Value = BTreeSet<String>> {
    btree_set(select(SCOPES.to_vec()).prop_map(str::to_owned), 0..=most)
}

/// Mostly yes, so that most generated calls get far.
pub(crate) fn mostly<T: Clone + std::fmt::Debug + 'static>(
    likely: T,
    other: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = T> {
    prop_oneof![6 => Just(likely), 1 => other]
}

pub(crate) fn ceiling() -> impl Strategy<Value = Ceiling> {
    prop_oneof![Just(Ceiling::Any), scopes(3).prop_map(Ceiling::Only)]
}

fn client() -> impl Strategy<Value = String> {
    select(vec!["cli_a", "cli_b"]).prop_map(str::to_owned)
}

pub(crate) fn agent() -> impl Strategy<Value = Actor> {
    (select(vec!["agt_a", "agt_b"]), mostly("assistant", select(vec!["autonomous", "unknown"])))
        .prop_map(|(id, class)| Actor { id: id.into(), class: class.into() })
}

/// Up to three things to take away.
pub fn targets() -> impl Strategy<Value = Vec<Target>> {
    let name = |names: &[&'static str]| select(names.to_vec()).prop_map(str::to_owned);
    let target = prop_oneof![
        name(&["jti_a", "jti_b"]).prop_map(Target::Token),
        name(&["ses_a", "ses_b"]).prop_map(Target::Session),
        name(&["grt_a", "grt_b"]).prop_map(Target::Grant),
        name(&["lin_a", "lin_b"]).prop_map(Target::Lineage),
        name(&["usr_a", "usr_b"]).prop_map(Target::Subject),
        name(&["usr_a", "usr_b"]).prop_map(Target::User),
        name(&["cli_a", "cli_b"]).prop_map(Target::Client),
        name(&["agt_a", "agt_b"]).prop_map(Target::Agent),
        name(&[RESOURCE, "http://gw/mcp/other"]).prop_map(Target::Server),
        (name(&["developer", "sre"]), name(&SCOPES)).prop_map(|(role, scope)| Target::RoleScope { role, scope }),
        Just(Target::Tenant),
    ];
    vec(target, 0..4)
}

fn revocations() -> impl Strategy<Value = Revocations> {
    let entries = prop_oneof![3 => Just(Vec::new()), 2 => targets()];
    (entries, 5u64..9).prop_map(|(targets, seq)| {
        let entry = |(at, target): (usize, Target)| Entry::new(&key(), format!("rev_{at}"), (at as u64 * 2).min(seq), &target, None);
        Revocations::new("acme".into(), seq, targets.into_iter().enumerate().map(entry).collect())
    })
}

pub(crate) fn policies() -> impl Strategy<Value = PolicySet> {
    let rules = (
        select(vec![Risk::Low, Risk::Moderate, Risk::High, Risk::Critical]),
        prop::option::weighted(0.2, 0i64..2000),
        prop::option::weighted(0.1, Just("mfa".to_owned())),
    );
    let rules = rules.prop_map(|(risk, max_auth_age, acr)| Scope { sentence: String::new(), risk, max_auth_age, acr });
    let tool = (prop::option::weighted(0.9, select(SCOPES.to_vec()).prop_map(Name::from)), prop::option::of(Just("d1".into())));
    let tool = tool.prop_map(|(scope, digest)| Tool { scope, digest, arguments: None, limit: None });
    let scoped = btree_map(select(SCOPES.to_vec()).prop_map(Name::from), rules, 1..=3);
    let tools = [tool.clone(), tool.clone(), tool];
    let roles = [scopes(3), scopes(3)];
    let narrowed = btree_map(select(vec!["cli_a", "agt_a"]).prop_map(str::to_owned), ceiling(), 0..2);
    (scoped, tools, roles, [ceiling(), ceiling(), ceiling()], narrowed).prop_map(
        |(scopes, tools, [developer, sre], [ide, assistant, autonomous], narrowed)| PolicySet {
            tenant: "acme".into(),
            version: 1,
            issuers: vec![Issuer { issuer: "https://writ/t/acme".into(), jwks: serde_json::json!({"keys": []}) }],
            servers: BTreeMap::from([(
                RESOURCE.to_owned(),
                McpServer {
                    name: "incident".into(),
                    upstream: "http://up/mcp".into(),
                    tools: ["one", "two", "three"].map(Name::from).into_iter().zip(tools).collect(),
                },
            )]),
            scopes,
            roles: [("developer".into(), developer.iter().collect()), ("sre".into(), sre.iter().collect())].into(),
            client_classes: [("ide".to_owned(), Class { ceiling: ide })].into(),
            agent_classes: [
                ("assistant".to_owned(), Class { ceiling: assistant }),
                ("autonomous".to_owned(), Class { ceiling: autonomous }),
            ]
            .into(),
            narrowed,
            ladder: Rung::default_ladder(),
            limits: Limits::default(),
            revocation_key: key(),
            audit_log: String::new(),
        },
    )
}

fn grants() -> impl Strategy<Value = Vec<GrantFact>> {
    let grant = (
        select(vec!["grt_a", "grt_b"]),
        scopes(3),
        mostly(RESOURCE, Just("http://gw/mcp/other")),
        client(),
        prop::option::of(select(vec!["agt_a", "agt_b"])),
        -1i64..100,
    );
    let grant = grant.prop_map(|(id, scopes, resource, client, agent, left)| GrantFact {
        id: id.into(),
        scopes,
        resource: resource.into(),
        client,
        agent: agent.map(str::to_owned),
        exp: NOW + left,
    });
    vec(grant, 0..3)
}

pub(crate) fn tokens() -> impl Strategy<Value = TokenFacts> {
    let who = (client(), mostly("ide", Just("unknown")), prop::option::of(agent()), vec(agent(), 0..2));
    let what = (
        prop_oneof![3 => Just(SCOPES.map(str::to_owned).into()), 1 => scopes(3)],
        btree_set(select(vec!["developer", "sre", "ghost"]), 0..3),
        grants(),
    );
    let when = (mostly(600, -1i64..2), 0i64..8000, mostly(3, 0u64..12), prop::option::of(0i64..4000));
    (who, what, when).prop_map(|((client, client_class, agent, inner), (scope, roles, grants), (left, age, seq, auth_age))| TokenFacts {
        tenant: "acme".into(),
        issuer: "https://writ/t/acme".into(),
        audience: RESOURCE.into(),
        jti: "jti_a".into(),
        subject: "usr_a".into(),
        subject_kind: SubjectKind::User,
        client,
        client_class: client_class.into(),
        inner_actors: if agent.is_some() { inner } else { Vec::new() },
        agent,
        session: "ses_a".into(),
        lineage: "lin_a".into(),
        scope,
        roles: roles.into_iter().map(str::to_owned).collect(),
        grants,
        acr: None,
        auth_time: auth_age.map(|age| NOW - age),
        iat: NOW - age,
        exp: NOW + left,
        seq,
    })
}

/// One situation.
pub fn situation() -> impl Strategy<Value = Situation> {
    let digest = prop_oneof![3 => Just(None), 3 => Just(Some("d1".to_owned())), 1 => Just(Some("d2".to_owned()))];
    let stale = mostly(0, select(vec![1i64, 3599, 3600, 14_400, 86_400]));
    (policies(), revocations(), tokens(), select(vec!["one", "two", "three"]), digest, stale).prop_map(
        |(policy, revocations, token, tool, digest, stale_for)| Situation {
            policy,
            revocations,
            token,
            tool: tool.to_owned(),
            digest,
            stale_for,
        },
    )
}
