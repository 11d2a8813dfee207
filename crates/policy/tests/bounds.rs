//! Where one second, one sequence or one name makes the difference.

use policy::{
    Actor, Ceiling, Class, Counted, Decision, Effect, Entry, GrantFact, Issuer, Limits, McpServer, Method, Obligation, PolicySet,
    RateLimit, Reason, RevocationKey, Revocations, Risk, Rung, Scope, SubjectKind, Supply, Target, TokenFacts, Tool, VerifiedCall, decide,
};
use std::collections::BTreeMap;

const NOW: i64 = 1_800_000_000;
const RESOURCE: &str = "http://gw/mcp/incident";
const WRITE: &str = "logs.debug.write";

fn key() -> RevocationKey {
    RevocationKey::of([7; 32])
}

fn policy() -> PolicySet {
    let scope = |name: &str, risk| (name.into(), Scope { sentence: String::new(), risk, max_auth_age: None, acr: None });
    let tool = |name: &str| (name.into(), Tool { scope: Some(name.into()), digest: Some("d1".into()), arguments: None, limit: None });
    let any = |name: &str| BTreeMap::from([(name.to_owned(), Class { ceiling: Ceiling::Any })]);
    PolicySet {
        tenant: "acme".into(),
        version: 1,
        issuers: vec![Issuer { issuer: "iss".into(), jwks: serde_json::json!({"keys": []}) }],
        servers: [(
            RESOURCE.to_owned(),
            McpServer { name: "incident".into(), upstream: "http://up".into(), tools: [tool("logs.read"), tool(WRITE)].into() },
        )]
        .into(),
        scopes: [scope("logs.read", Risk::Low), scope(WRITE, Risk::High)].into(),
        roles: [("developer".into(), ["logs.read"].into())].into(),
        client_classes: any("ide"),
        agent_classes: any("assistant"),
        narrowed: BTreeMap::new(),
        ladder: Rung::default_ladder(),
        limits: Limits::default(),
        revocation_key: key(),
        audit_log: String::new(),
    }
}

fn grant() -> GrantFact {
    GrantFact {
        id: "grt_1".into(),
        scopes: [WRITE.to_owned()].into(),
        resource: RESOURCE.into(),
        client: "cli_a".into(),
        agent: None,
        exp: NOW + 10,
    }
}

fn token() -> TokenFacts {
    TokenFacts {
        tenant: "acme".into(),
        issuer: "iss".into(),
        audience: RESOURCE.into(),
        jti: "jti".into(),
        subject: "usr_a".into(),
        subject_kind: SubjectKind::User,
        client: "cli_a".into(),
        client_class: "ide".into(),
        agent: None,
        inner_actors: Vec::new(),
        session: "ses".into(),
        lineage: "lin".into(),
        scope: ["logs.read".to_owned(), WRITE.to_owned()].into(),
        roles: vec!["developer".into()],
        grants: vec![grant()],
        acr: None,
        auth_time: Some(NOW - 100),
        iat: NOW - 100,
        exp: NOW + 600,
        seq: 3,
    }
}

fn list(targets: impl IntoIterator<Item = (u64, Target)>) -> Revocations {
    let entry = |(seq, target): (u64, Target)| Entry::new(&key(), "rev", seq, &target, None);
    Revocations::new("acme".into(), 3, targets.into_iter().map(entry).collect())
}

/// The reason of a denial, `None` for an allow.
fn denied(policy: &PolicySet, list: &Revocations, token: &TokenFacts, tool: &str, stale_for: i64, now: i64) -> Option<Reason> {
    let call = VerifiedCall { token, resource: RESOURCE, method: Method::CallTool(tool), tool_digest: None, stale_for };
    match decide(policy, list, &call, now) {
        Decision::Allow(_) => None,
        Decision::Deny(deny) => Some(deny.reason),
    }
}

#[test]
fn a_grant_counts_until_the_second_it_ends_and_takes_its_scope_along_only() {
    let (policy, none, token) = (policy(), list([]), token());
    assert_eq!(denied(&policy, &none, &token, WRITE, 0, NOW + 9), None);
    assert_eq!(denied(&policy, &none, &token, WRITE, 0, NOW + 10), Some(Reason::GrantExpired));
    assert_eq!(denied(&policy, &none, &token, "logs.read", 0, NOW + 10), None);
}

#[test]
fn a_token_counts_until_the_second_it_ends() {
    let (policy, none, token) = (policy(), list([]), token());
    assert_eq!(denied(&policy, &none, &token, "logs.read", 0, NOW + 599), None);
    assert_eq!(denied(&policy, &none, &token, "logs.read", 0, NOW + 600), Some(Reason::TokenExpired));
}

#[test]
fn a_grant_is_good_for_its_combination_only() {
    let (policy, none) = (policy(), list([]));
    let agent = Actor { id: "agt_1".into(), class: "assistant".into() };
    for (what, change) in [
        ("resource", GrantFact { resource: "http://gw/mcp/other".into(), ..grant() }),
        ("client", GrantFact { client: "cli_b".into(), ..grant() }),
        ("agent", GrantFact { agent: Some("agt_1".into()), ..grant() }),
    ] {
        let token = TokenFacts { grants: vec![change], ..token() };
        assert_eq!(denied(&policy, &none, &token, WRITE, 0, NOW), Some(Reason::GrantElsewhere), "{what}");
    }
    let by_agent = TokenFacts { agent: Some(agent), ..token() };
    assert_eq!(denied(&policy, &none, &by_agent, WRITE, 0, NOW), Some(Reason::GrantElsewhere), "given to the person, not to the agent");
    let matching = TokenFacts { grants: vec![GrantFact { agent: Some("agt_1".into()), ..grant() }], ..by_agent };
    assert_eq!(denied(&policy, &none, &matching, WRITE, 0, NOW), None);
}

#[test]
fn cut_offs_compare_sequences() {
    let (policy, token) = (policy(), token());
    let cut = |seq| list([(seq, Target::Subject("usr_a".into()))]);
    assert_eq!(denied(&policy, &cut(3), &token, "logs.read", 0, NOW), None, "issued in the very state that the cut-off made");
    let older = TokenFacts { seq: 2, ..token.clone() };
    assert_eq!(denied(&policy, &cut(3), &older, "logs.read", 0, NOW), Some(Reason::SubjectRevoked));
    let ahead = TokenFacts { seq: 4, ..token };
    assert_eq!(denied(&policy, &list([]), &ahead, "logs.read", 0, NOW), Some(Reason::BehindRevocations));
}

#[test]
fn each_target_takes_away_what_it_names() {
    let (policy, token) = (policy(), TokenFacts { inner_actors: vec![Actor { id: "agt_2".into(), class: "assistant".into() }], ..token() });
    let role_scope = Target::RoleScope { role: "developer".into(), scope: "logs.read".into() };
    for (target, tool, reason) in [
        (Target::Token("jti".into()), "logs.read", Reason::TokenRevoked),
        (Target::Session("ses".into()), "logs.read", Reason::SessionRevoked),
        (Target::Grant("grt_1".into()), WRITE, Reason::GrantRevoked),
        (Target::User("usr_a".into()), "logs.read", Reason::UserBlocked),
        (Target::Client("cli_a".into()), "logs.read", Reason::ClientBlocked),
        (Target::Agent("agt_2".into()), "logs.read", Reason::AgentBlocked),
        (Target::Server(RESOURCE.into()), "logs.read", Reason::ServerBlocked),
        (role_scope, "logs.read", Reason::RoleScopeBlocked),
        (Target::Tenant, "logs.read", Reason::TenantBlocked),
    ] {
        assert_eq!(denied(&policy, &list([(1, target.clone())]), &token, tool, 0, NOW), Some(reason), "{target:?}");
    }
    let grant = list([(1, Target::Grant("grt_1".into()))]);
    assert_eq!(denied(&policy, &grant, &token, "logs.read", 0, NOW), None, "the token keeps its other scopes");
}

#[test]
fn the_ladder_takes_effect_at_its_second() {
    let (policy, none, token) =
        (policy(), list([]), TokenFacts { grants: vec![GrantFact { exp: NOW * 2, ..grant() }], exp: NOW * 2, ..token() });
    let at = |stale, age, tool| denied(&policy, &none, &TokenFacts { iat: NOW - age, ..token.clone() }, tool, stale, NOW);
    assert_eq!(at(3599, 90_000, "logs.read"), None);
    assert_eq!(at(3600, 3600, "logs.read"), None);
    assert_eq!(at(3600, 3601, "logs.read"), Some(Reason::StaleTokenAge));
    assert_eq!(at(14_399, 0, WRITE), None);
    assert_eq!(at(14_400, 0, WRITE), Some(Reason::StaleHighRisk));
    assert_eq!(at(14_400, 0, "logs.read"), None);
    assert_eq!(at(86_400, 0, "logs.read"), Some(Reason::StaleAll));
}

#[test]
fn times_at_the_ends_of_the_scale_are_only_times() {
    let mut policy = policy();
    policy.scopes.get_mut(WRITE).expect("a scope").max_auth_age = Some(100);
    let ancient = TokenFacts { iat: i64::MIN, auth_time: Some(i64::MIN), ..token() };
    assert_eq!(denied(&policy, &list([]), &ancient, WRITE, 0, NOW), Some(Reason::AuthenticationTooOld));
    assert_eq!(denied(&policy, &list([]), &ancient, "logs.read", 3600, NOW), Some(Reason::StaleTokenAge));
}

#[test]
fn a_rung_at_zero_waits_until_something_is_stale() {
    let mut policy = policy();
    policy.ladder = vec![Rung { after: 0, effect: Effect::DenyAll }];
    assert_eq!(denied(&policy, &list([]), &token(), "logs.read", 0, NOW), None);
    assert_eq!(denied(&policy, &list([]), &token(), "logs.read", 1, NOW), Some(Reason::StaleAll));
}

#[test]
fn a_sign_in_is_judged_by_its_age_and_class() {
    let mut policy = policy();
    let rules = policy.scopes.get_mut(WRITE).expect("a scope");
    (rules.max_auth_age, rules.acr) = (Some(100), Some("mfa".into()));
    let token = TokenFacts { acr: Some("mfa".into()), ..token() };
    assert_eq!(denied(&policy, &list([]), &token, WRITE, 0, NOW), None);
    assert_eq!(denied(&policy, &list([]), &token, WRITE, 0, NOW + 1), Some(Reason::AuthenticationTooOld));
    let never = TokenFacts { auth_time: None, ..token.clone() };
    assert_eq!(denied(&policy, &list([]), &never, WRITE, 0, NOW), Some(Reason::AuthenticationTooOld));
    let weak = TokenFacts { acr: None, ..token };
    assert_eq!(denied(&policy, &list([]), &weak, WRITE, 0, NOW), Some(Reason::AuthenticationTooWeak));
}

#[test]
fn what_gives_the_scope_and_what_is_owed_are_named() {
    let mut policy = policy();
    let tool = policy.servers.get_mut(RESOURCE).and_then(|server| server.tools.get_mut(WRITE)).expect("a tool");
    (tool.limit, tool.arguments) = (Some(RateLimit { per_minute: 3 }), Some(serde_json::json!({"type": "object"}).into()));
    let (token, none) = (token(), list([]));
    let call = VerifiedCall { token: &token, resource: RESOURCE, method: Method::CallTool(WRITE), tool_digest: Some("d1"), stale_for: 0 };
    let Decision::Allow(allow) = decide(&policy, &none, &call, NOW) else { panic!("allowed") };
    assert_eq!((allow.scope, allow.supply), (Some(WRITE), Some(Supply::Grant("grt_1"))));
    assert!(matches!(
        allow.obligations.as_slice(),
        [Obligation::ToolDigest("d1"), Obligation::Arguments(_), Obligation::RateLimit(Counted::Tool, RateLimit { per_minute: 3 })]
    ));
    let drifted = VerifiedCall { tool_digest: Some("d2"), ..call };
    assert!(matches!(decide(&policy, &none, &drifted, NOW), Decision::Deny(deny) if deny.reason == Reason::ToolDrifted));
}

#[test]
fn codes_are_stable_distinct_and_explained() {
    let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Reason::ALL.len());
    for reason in Reason::ALL {
        assert!(reason.remedy().ends_with('.') && reason.code().chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{reason}");
        assert!(
            u8::from(reason.is_insufficient_scope()) + u8::from(reason.is_invalid_token()) + u8::from(reason.is_step_up()) <= 1,
            "{reason}"
        );
    }
}
