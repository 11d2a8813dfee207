//! Whatever can be asked: every method, every kind of revocation, ladders and limits of any shape, names that need escaping.
//!
//! A policy is drawn once and asked many questions, so that what is slow to make is made seldom.

use crate::{NOW, RESOURCE, agent, key, mostly, policies, targets, tokens};
use policy::{
    Actor, Effect, Entry, GrantFact, Issuer, Limits, McpServer, Method, PolicySet, RateLimit, Revocations, Risk, Rung, Target, TokenFacts,
    VerifiedCall,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// A tool whose name has to be escaped in every format.
pub const ODD_TOOL: &str = "tool:<b>&\"\\\u{2028}\u{1f512}";
/// A server with no tools that anybody may call.
const OTHER: &str = "http://gw/mcp/other";

/// One call, as a caller puts it.
#[derive(Debug, Clone)]
pub struct Question {
    /// The revocations that are known.
    pub revocations: Revocations,
    /// Who calls.
    pub token: TokenFacts,
    /// What is called.
    pub resource: String,
    /// The JSON-RPC method.
    pub method: String,
    /// `params.name` of a `tools/call`.
    pub tool: Option<String>,
    /// The tool's live definition, where it is known.
    pub digest: Option<String>,
    /// For how many seconds the enforcement point has been stale.
    pub stale_for: i64,
}

impl Question {
    /// The question as policy takes it.
    pub fn call(&self) -> VerifiedCall<'_> {
        VerifiedCall {
            token: &self.token,
            resource: &self.resource,
            method: Method::of(&self.method, self.tool.as_deref()),
            tool_digest: self.digest.as_deref(),
            stale_for: self.stale_for,
        }
    }
}

fn ladder() -> impl Strategy<Value = Vec<Rung>> {
    let effect =
        prop_oneof![Just(Effect::Alarm), (0i64..8000).prop_map(Effect::CapTokenAge), Just(Effect::DenyHighRisk), Just(Effect::DenyAll)];
    let rung = (select(vec![0i64, 1, 3600, 14_400, 86_400]), effect).prop_map(|(after, effect)| Rung { after, effect });
    prop_oneof![1 => Just(Rung::default_ladder()), 2 => vec(rung, 0..5)]
}

fn limit() -> impl Strategy<Value = Option<RateLimit>> {
    prop::option::of((1u32..100).prop_map(|per_minute| RateLimit { per_minute }))
}

fn schema() -> impl Strategy<Value = Option<Value>> {
    let schemas = vec![
        json!({"type": "object"}),
        json!({"type": "object", "properties": {"q": {"type": "string", "description": "two\nlines, a tab\t and \u{2029}<i>&"}}}),
        json!({"type": "object", "properties": {"share": {"type": "number", "multipleOf": 0.25, "maximum": -0.5}}, "required": ["share"]}),
        json!({"$defs": {"é\u{1f512}": {"enum": [1, true, null, "x", [], {}]}}, "unevaluatedProperties": false}),
    ];
    prop::option::weighted(0.4, select(schemas))
}

/// A policy of any shape.
pub fn policy() -> impl Strategy<Value = PolicySet> {
    let extras = vec((schema(), limit()), 4);
    (policies(), ladder(), [limit(), limit(), limit()], extras, any::<bool>(), any::<[bool; 3]>()).prop_map(
        |(mut policy, ladder, [subject, client, agent], extras, second_issuer, strong)| {
            policy.ladder = ladder;
            policy.limits = Limits { subject, client, agent };
            if second_issuer {
                policy.issuers.push(Issuer { issuer: "https://old/t/acme".into(), jwks: json!({"keys": []}) });
            }
            if let Some(server) = policy.servers.get_mut(RESOURCE) {
                if let Some(one) = server.tools.get("one").cloned() {
                    server.tools.insert(ODD_TOOL.into(), one);
                }
                for (tool, (arguments, limit)) in server.tools.values_mut().zip(extras) {
                    (tool.arguments, tool.limit) = (arguments.map(Into::into), limit);
                }
            }
            let nothing = McpServer { name: "other".into(), upstream: "http://up/other".into(), tools: [].into() };
            policy.servers.insert(OTHER.to_owned(), nothing);
            for (rules, strong) in policy.scopes.values_mut().zip(strong) {
                rules.acr = strong.then(|| "mfa".to_owned());
            }
            // Some scopes lose their rules: one without any is judged by the strictest.
            policy.scopes.retain(|name, rules| rules.risk < Risk::High || name.len() % 2 == 0);
            policy
        },
    )
}

fn revocations() -> impl Strategy<Value = Revocations> {
    let entries = prop_oneof![5 => Just(Vec::new()), 3 => targets()];
    (entries, 3u64..9, mostly("acme", select(vec!["", "", "", "other"]))).prop_map(|(targets, seq, tenant)| {
        let entry = |(at, target): (usize, _)| Entry::new(&key(), format!("rev_{at}"), (at as u64 * 2).min(seq), &target, None);
        Revocations::new(tenant.to_owned(), seq, targets.into_iter().enumerate().map(entry).collect())
    })
}

fn rarely<T: Clone + std::fmt::Debug + 'static>(likely: T, other: T) -> impl Strategy<Value = T> {
    prop_oneof![40 => Just(likely), 1 => Just(other)]
}

fn token() -> impl Strategy<Value = TokenFacts> {
    let foreign = (
        rarely("acme", "beta"),
        rarely("https://writ/t/acme", "https://elsewhere"),
        rarely(RESOURCE, OTHER),
        prop::option::weighted(0.3, Just("mfa")),
        vec(agent(), 0..3),
    );
    (tokens(), foreign).prop_map(|(token, (tenant, issuer, audience, acr, more))| {
        let mut inner: Vec<Actor> = token.inner_actors;
        if token.agent.is_some() {
            inner.extend(more);
            inner.truncate(3);
        }
        TokenFacts {
            tenant: tenant.into(),
            issuer: issuer.into(),
            audience: audience.into(),
            acr: acr.map(str::to_owned),
            inner_actors: inner,
            ..token
        }
    })
}

/// Makes a token that stumbles over little before it comes to scopes: most of its grants are for this very call.
fn honest(token: TokenFacts, fits: bool) -> TokenFacts {
    let agent = token.agent.map(|agent| Actor { class: "assistant".into(), ..agent });
    let (client, id) = (token.client, agent.as_ref().map(|agent| agent.id.clone()));
    let fit = |mut grant: GrantFact| {
        if fits {
            (grant.resource, grant.client, grant.agent) = (RESOURCE.into(), client.clone(), id.clone());
        }
        if grant.exp % 5 == 0 {
            grant.exp = NOW;
        }
        grant
    };
    let grants = token.grants.into_iter().map(fit).collect();
    TokenFacts {
        tenant: "acme".into(),
        issuer: "https://writ/t/acme".into(),
        audience: RESOURCE.into(),
        client_class: "ide".into(),
        inner_actors: token.inner_actors.into_iter().map(|actor| Actor { class: "assistant".into(), ..actor }).take(1).collect(),
        exp: NOW + 600,
        seq: 3,
        agent,
        client,
        grants,
        ..token
    }
}

/// Any question about a policy drawn by [`policy()`], at [`NOW`]. Half of them get as far as to scopes.
pub fn question() -> impl Strategy<Value = Question> {
    let narrow = select(vec![
        Target::Grant("grt_a".into()),
        Target::Grant("grt_b".into()),
        Target::RoleScope { role: "developer".into(), scope: "logs.read".into() },
        Target::RoleScope { role: "sre".into(), scope: "logs.debug.write".into() },
        Target::RoleScope { role: "sre".into(), scope: "incidents.trigger".into() },
    ]);
    let far = (any_question(), vec(narrow, 0..4), mostly(true, Just(false)), select(vec!["one", "two", "three"])).prop_map(
        |(question, targets, fits, tool)| {
            let entry = |(at, target): (usize, Target)| Entry::new(&key(), format!("rev_{at}"), at as u64, &target, None);
            Question {
                revocations: Revocations::new("acme".into(), 9, targets.into_iter().enumerate().map(entry).collect()),
                token: honest(question.token, fits),
                resource: RESOURCE.into(),
                method: "tools/call".into(),
                tool: Some(tool.into()),
                ..question
            }
        },
    );
    prop_oneof![any_question(), far]
}

fn any_question() -> impl Strategy<Value = Question> {
    let tool = prop_oneof![8 => select(vec!["one", "two", "three"]), 1 => Just(ODD_TOOL), 1 => select(vec!["none", ""])];
    let asked = prop_oneof![
        12 => tool.prop_map(|tool| ("tools/call", Some(tool))),
        1 => select(vec![
            ("tools/call", None),
            ("tools/list", None),
            ("tools/list", Some("one")),
            ("initialize", None),
            ("ping", None),
            ("server/discover", None),
            ("notifications/cancelled", None),
            ("notifications", None),
            ("resources/read", Some("one")),
            ("", None),
        ]),
    ];
    let digest = prop_oneof![3 => Just(None), 3 => Just(Some("d1".to_owned())), 1 => Just(Some("d2".to_owned()))];
    let stale = mostly(0, select(vec![1i64, 3599, 3600, 14_400, 86_399, 86_400, 200_000]));
    let resource = mostly(RESOURCE, select(vec![RESOURCE, RESOURCE, OTHER, "http://gw/mcp/nothing"]));
    (revocations(), token(), resource, asked, digest, stale).prop_map(
        |(revocations, mut token, resource, (method, tool), digest, stale_for)| {
            // Where another server is called, most tokens are for that one.
            if resource != RESOURCE && token.exp % 3 != 0 {
                token.audience = resource.to_owned();
            }
            debug_assert!(token.iat <= NOW);
            Question {
                revocations,
                token,
                resource: resource.to_owned(),
                method: method.to_owned(),
                tool: tool.map(str::to_owned),
                digest,
                stale_for,
            }
        },
    )
}
