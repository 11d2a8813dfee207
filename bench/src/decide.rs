//! `policy::decide` on a large policy: 1,000 roles, 10,000 tools on 100 servers, 10,000 revocations.

use crate::report::{Figure, Report, quantiles};
use policy::{
    Ceiling, Class, Entry, GrantFact, Issuer, Limits, McpServer, Method, PolicySet, RevocationKey, Revocations, Risk, Rung, Scope,
    SubjectKind, Target, TokenFacts, Tool, VerifiedCall, decide,
};
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::time::Instant;

const CALLS: usize = 200_000;
const NOW: i64 = 1_800_000_000;

/// Adds the figure.
pub fn measure(report: &mut Report) {
    let policy = policy();
    let revocations = revocations();
    let tokens: Vec<TokenFacts> = (0..1_000).map(token).collect();
    let resources: Vec<String> = (0..100).map(resource).collect();
    let tools: Vec<String> = (0..100).map(tool).collect();
    let mut samples = Vec::with_capacity(CALLS);
    let mut allowed = 0usize;
    for n in 0..CALLS {
        // A cheap, fixed scatter over tokens and tools: neighbours are not asked in a row.
        let pick = n.wrapping_mul(2_654_435_761);
        let token = &tokens[pick % tokens.len()];
        let resource = &resources[(pick >> 8) % resources.len()];
        let mut token = token.clone();
        token.audience.clone_from(resource);
        let call = VerifiedCall {
            token: &token,
            resource,
            method: Method::CallTool(&tools[(pick >> 16) % tools.len()]),
            tool_digest: None,
            stale_for: 0,
        };
        let start = Instant::now();
        let decision = black_box(decide(black_box(&policy), black_box(&revocations), black_box(&call), NOW));
        samples.push(start.elapsed().as_nanos() as f64 / 1000.0);
        allowed += usize::from(decision.is_allowed());
    }
    let (median, p99) = quantiles(&mut samples);
    let how = format!("{CALLS} calls on 1,000 roles, 10,000 tools, 10,000 revocations; {allowed} allowed");
    report.add(Figure { what: "decide", unit: "µs", median, p99: Some(p99), budget: "p99 ≤ 20 µs", met: Some(p99 <= 20.0), how });
}

fn resource(n: usize) -> String {
    format!("https://gateway.example.com/mcp/server-{n}")
}

fn tool(n: usize) -> String {
    format!("tool-{n}.run")
}

fn scope(n: usize) -> String {
    format!("scope-{n}.use")
}

fn policy() -> PolicySet {
    let tools = |server: usize| {
        (0..100).map(move |n| (tool(n), Tool { scope: Some(scope((server * 7 + n) % 500)), digest: None, arguments: None, limit: None }))
    };
    PolicySet {
        tenant: "acme".into(),
        version: 1,
        issuers: vec![Issuer { issuer: "https://writ.example.com/t/acme".into(), jwks: serde_json::json!({ "keys": [] }) }],
        servers: (0..100)
            .map(|n| {
                (
                    resource(n),
                    McpServer { name: format!("server-{n}"), upstream: "https://upstream.example.com".into(), tools: tools(n).collect() },
                )
            })
            .collect(),
        scopes: (0..500)
            .map(|n| (scope(n), Scope { sentence: "Use it".into(), risk: Risk::Moderate, max_auth_age: None, acr: None }))
            .collect(),
        roles: (0..1_000).map(|n| (format!("role-{n}"), (0..20).map(|k| scope((n * 3 + k) % 500)).collect::<BTreeSet<_>>())).collect(),
        client_classes: BTreeMap::from([("ide".to_owned(), Class { ceiling: Ceiling::Any })]),
        agent_classes: BTreeMap::new(),
        narrowed: BTreeMap::new(),
        ladder: Rung::default_ladder(),
        limits: Limits::default(),
        revocation_key: RevocationKey::of([7; 32]),
        audit_log: String::new(),
    }
}

fn revocations() -> Revocations {
    let key = RevocationKey::of([7; 32]);
    let entries =
        (0..10_000).map(|n| Entry::new(&key, format!("rev_{n}"), n, &Target::Token(format!("gone_{n}")), Some(NOW + 600))).collect();
    Revocations::new("acme".into(), 10_000, entries)
}

fn token(n: usize) -> TokenFacts {
    TokenFacts {
        tenant: "acme".into(),
        issuer: "https://writ.example.com/t/acme".into(),
        audience: String::new(),
        jti: format!("jti_{n}"),
        subject: format!("usr_{n}"),
        subject_kind: SubjectKind::User,
        client: "cli_1".into(),
        client_class: "ide".into(),
        agent: None,
        inner_actors: Vec::new(),
        session: format!("ses_{n}"),
        lineage: format!("lin_{n}"),
        scope: (0..500).map(scope).collect(),
        roles: (0..10).map(|k| format!("role-{}", (n * 13 + k * 97) % 1_000)).collect(),
        grants: vec![GrantFact {
            id: format!("grt_{n}"),
            scopes: BTreeSet::from([scope(n % 500)]),
            resource: resource(n % 100),
            client: "cli_1".into(),
            agent: None,
            exp: NOW + 60,
        }],
        acr: None,
        auth_time: Some(NOW - 60),
        iat: NOW - 60,
        exp: NOW + 600,
        seq: 9_000,
    }
}
