//! `policy::decide` on a large policy: 1,000 roles, 10,000 tools on 100 servers, 10,000 revocations.

mod cedar;
mod rego;

use crate::report::{Figure, Report, quantiles};
use anyhow::{Result, ensure};
use cedar::Cedar;
use policy::{
    Ceiling, Class, Entry, GrantFact, Issuer, Limits, McpServer, Method, PolicySet, RevocationKey, Revocations, Risk, Rung, Scope,
    SubjectKind, Target, TokenFacts, Tool, VerifiedCall, decide,
};
use rego::Rego;
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::time::Instant;

const CALLS: usize = 200_000;
/// How many of them peers are asked, too.
const PEER_CALLS: usize = 2_000;
const REVOKED: usize = 10_000;
/// So many times as long as ours the generated Rego is to take.
const REGORUS_SLOWER: f64 = 5.0;
const NOW: i64 = 1_800_000_000;

/// A question that all are asked.
pub struct Question<'a> {
    pub token: &'a TokenFacts,
    pub resource: &'a str,
    pub tool: &'a str,
}

/// What is asked about.
struct Facts {
    policy: PolicySet,
    revocations: Revocations,
    tokens: Vec<TokenFacts>,
    resources: Vec<String>,
    tools: Vec<String>,
}

impl Facts {
    fn new() -> Self {
        Self {
            policy: policy().packed(),
            revocations: revocations(),
            tokens: (0..1_000).map(token).collect(),
            resources: (0..100).map(resource).collect(),
            tools: (0..100).map(tool).collect(),
        }
    }

    /// A cheap, fixed scatter over tokens and tools: neighbours are not asked in a row.
    fn question(&self, n: usize) -> Question<'_> {
        let pick = n.wrapping_mul(2_654_435_761);
        Question {
            token: &self.tokens[pick % self.tokens.len()],
            resource: &self.resources[(pick >> 8) % self.resources.len()],
            tool: &self.tools[(pick >> 16) % self.tools.len()],
        }
    }

    /// The question's token, meant for the question's resource.
    fn token(question: &Question<'_>) -> TokenFacts {
        TokenFacts { audience: question.resource.to_owned(), ..question.token.clone() }
    }

    /// Decides, and answers with how long that took, microseconds.
    fn decided(&self, question: &Question<'_>, token: &TokenFacts) -> (bool, f64) {
        let call =
            VerifiedCall { token, resource: question.resource, method: Method::CallTool(question.tool), tool_digest: None, stale_for: 0 };
        let start = Instant::now();
        let decision = black_box(decide(black_box(&self.policy), black_box(&self.revocations), black_box(&call), NOW));
        (decision.is_allowed(), micros(start))
    }
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64 / 1000.0
}

/// Adds the figures.
pub fn measure(report: &mut Report) -> Result<()> {
    let mut facts = Facts::new();
    let mut samples = Vec::with_capacity(CALLS);
    let mut allowed = 0usize;
    for n in 0..CALLS {
        let question = facts.question(n);
        let (allows, took) = facts.decided(&question, &Facts::token(&question));
        samples.push(took);
        allowed += usize::from(allows);
    }
    let (median, p99) = quantiles(&mut samples);
    let how = format!("{CALLS} calls on 1,000 roles, 10,000 tools, 10,000 revocations; {allowed} allowed");
    report.add(Figure { what: "decide", unit: "µs", median, p99: Some(p99), budget: "p99 ≤ 20 µs", met: Some(p99 <= 20.0), how });
    // Grants are left out here: Cedar has no way to ask for one element of a set that fits.
    for token in &mut facts.tokens {
        token.grants.clear();
    }
    beside(report, &facts)
}

/// The same questions to all three, which have to agree on each.
fn beside(report: &mut Report, facts: &Facts) -> Result<()> {
    let revoked: Vec<String> = (0..REVOKED).map(gone).collect();
    let cedar = Cedar::new(&facts.policy, &revoked, &facts.tokens)?;
    let mut rego = Rego::new(&facts.policy, &facts.revocations, NOW)?;
    let (mut ours, mut cedars, mut regos) = (Vec::new(), Vec::new(), Vec::new());
    let mut allowed = 0usize;
    for n in 0..PEER_CALLS {
        let question = facts.question(n);
        let token = Facts::token(&question);
        let (allows, took) = facts.decided(&question, &token);
        ours.push(took);
        allowed += usize::from(allows);
        let asked = Cedar::asked(&question, Cedar::context(&token, question.resource, NOW)?)?;
        let start = Instant::now();
        let cedar_allows = black_box(cedar.allows(black_box(&asked)));
        cedars.push(micros(start));
        let asked = Rego::asked(&Question { token: &token, ..question }, NOW);
        let start = Instant::now();
        let rego_allows = black_box(rego.allows(black_box(&asked))?);
        regos.push(micros(start));
        ensure!(allows == cedar_allows && allows == rego_allows, "question {n}: {allows}, Cedar {cedar_allows}, Rego {rego_allows}");
    }
    let (median, p99) = quantiles(&mut ours);
    let how = format!("{PEER_CALLS} of the same calls, each after the peers below have had theirs and the processor's caches");
    report.add(Figure {
        what: "decide, caches cold",
        unit: "µs",
        median,
        p99: Some(p99),
        budget: "p99 ≤ 20 µs",
        met: Some(p99 <= 20.0),
        how,
    });
    for (what, samples, form, times) in [
        ("decide in cedar-policy", &mut cedars, "two policies, facts as entities; its request is made before the clock starts", None),
        ("decide in regorus", &mut regos, "the Rego that Writ generates for an OPA, both bundles", Some(REGORUS_SLOWER)),
    ] {
        let (peer, p99) = quantiles(samples);
        let ratio = peer / median;
        let how = format!(
            "{PEER_CALLS} of the same calls without grants, {allowed} allowed, all three agree; {form}; ours {median:.2} µs beside it, ratio {ratio:.1}"
        );
        let budget = if times.is_some() { "≥ 5× slower" } else { "" };
        report.add(Figure { what, unit: "µs", median: peer, p99: Some(p99), budget, met: times.map(|times| ratio >= times), how });
    }
    Ok(())
}

fn gone(n: usize) -> String {
    format!("gone_{n}")
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

/// The large policy.
pub fn policy() -> PolicySet {
    let tools = |server: usize| {
        (0..100).map(move |n| {
            (tool(n).into(), Tool { scope: Some(scope((server * 7 + n) % 500).into()), digest: None, arguments: None, limit: None })
        })
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
            .map(|n| (scope(n).into(), Scope { sentence: "Use it".into(), risk: Risk::Moderate, max_auth_age: None, acr: None }))
            .collect(),
        roles: (0..1_000).map(|n| (format!("role-{n}").into(), (0..20).map(|k| scope((n * 3 + k) % 500)).collect())).collect(),
        client_classes: BTreeMap::from([("ide".to_owned(), Class { ceiling: Ceiling::Any })]),
        agent_classes: BTreeMap::new(),
        narrowed: BTreeMap::new(),
        ladder: Rung::default_ladder(),
        limits: Limits::default(),
        revocation_key: RevocationKey::of([7; 32]),
        audit_log: String::new(),
    }
}

/// The large revocation list.
pub fn revocations() -> Revocations {
    let key = RevocationKey::of([7; 32]);
    let entries = (0..REVOKED).map(|n| Entry::new(&key, format!("rev_{n}"), n as u64, &Target::Token(gone(n)), Some(NOW + 600))).collect();
    Revocations::new("acme".into(), REVOKED as u64, entries)
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
