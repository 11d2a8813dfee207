//! From a token and a call to an outcome and a log line.

use enforce::{Active, Ask, Cause, Challenge, ChallengeError, Enforcer, Freshness, MethodOwned, Outcome, Record, Rule, StepUp, Unusable};
use policy::{
    CALL_OUTLIVES_TOKEN_S, Ceiling, Class, Effect, Entry, GrantFact, Issuer, LONGEST_TOKEN_LIFE_S, Limits, McpServer, Name, PolicySet,
    RateLimit, Reason, RevocationKey, Revocations, Risk, Rung, Scope, SubjectKind, Target, Tool,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use token::{Claims, Refused, SigningKey};

const NOW: i64 = 1_800_000_000;
const RESOURCE: &str = "http://gw/mcp/incident";

struct World {
    key: SigningKey,
    policy: PolicySet,
    entries: Vec<Entry>,
    enforcer: Enforcer,
}

fn entry(target: &Target) -> Entry {
    Entry::new(&RevocationKey::of([7; 32]), "rev", 2, target, None)
}

impl World {
    fn new() -> Self {
        let key = SigningKey::generate().expect("randomness").0;
        let scope = |name: &str, risk| (Name::from(name), Scope { sentence: String::new(), risk, max_auth_age: None, acr: None });
        let tool = |name: &str| (name.into(), Tool { scope: Some(name.into()), digest: None, arguments: None, limit: None });
        let mut admin = scope("admin", Risk::Critical);
        (admin.1.max_auth_age, admin.1.acr) = (Some(300), Some("mfa".into()));
        let policy = PolicySet {
            tenant: "acme".into(),
            version: 4,
            issuers: vec![Issuer { issuer: "iss".into(), jwks: json!({"keys": [key.public()]}) }],
            servers: [(
                RESOURCE.to_owned(),
                McpServer { name: "incident".into(), upstream: "http://up".into(), tools: ["read", "write", "admin"].map(tool).into() },
            )]
            .into(),
            scopes: [scope("read", Risk::Moderate), scope("write", Risk::High), admin].into(),
            roles: [("sre".into(), ["read", "admin"].into())].into(),
            client_classes: [("ide".to_owned(), Class { ceiling: Ceiling::Any })].into(),
            agent_classes: BTreeMap::new(),
            narrowed: BTreeMap::new(),
            ladder: Rung::default_ladder(),
            limits: Limits::default(),
            revocation_key: RevocationKey::of([7; 32]),
            audit_log: String::new(),
        };
        let world = Self { key, policy, entries: Vec::new(), enforcer: Enforcer::closed() };
        world.activate();
        world
    }

    fn active(&self, fresh_until: i64) -> Result<Active, Unusable> {
        let (policy, list) = (serde_json::to_string(&self.policy).expect("writes"), self.list());
        Active::build("acme", (&policy, self.policy.version, "sha"), (&list, 2), Freshness { timestamp: 9, fresh_until })
    }

    fn list(&self) -> String {
        serde_json::to_string(&Revocations::new("acme".into(), 2, self.entries.clone())).expect("writes")
    }

    fn activate(&self) {
        self.enforcer.activate(Arc::new(self.active(NOW + 60).expect("usable")));
    }

    fn tool(&mut self, name: &str) -> &mut Tool {
        self.policy.servers.get_mut(RESOURCE).and_then(|server| server.tools.get_mut(name)).expect("a tool")
    }

    fn claims(&self) -> Claims {
        Claims {
            iss: "iss".into(),
            aud: RESOURCE.into(),
            sub: "usr_a".into(),
            sub_profile: SubjectKind::User,
            client_id: "cli_a".into(),
            client_class: "ide".into(),
            scope: "read write admin".into(),
            iat: NOW,
            exp: NOW + 600,
            jti: "jti".into(),
            sid: "ses".into(),
            lineage: "lin".into(),
            tenant: "acme".into(),
            roles: vec!["sre".into()],
            grants: Vec::new(),
            act: None,
            acr: None,
            amr: Vec::new(),
            auth_time: Some(NOW),
            seq: 1,
        }
    }

    fn ask(
        &self,
        bearer: Option<&str>,
        method: &MethodOwned,
        arguments: Option<&Value>,
        digest: Option<&str>,
        now_ms: i64,
    ) -> (Outcome, Option<Record>) {
        let answer = self.enforcer.authorize(&Ask {
            bearer,
            resource: RESOURCE,
            method,
            arguments,
            live_tool_digest: digest,
            request_id: "req_1",
            trace_id: None,
            now_ms,
        });
        (answer.outcome, answer.record)
    }

    fn call(&self, claims: &Claims, tool: &str) -> (Outcome, Option<Record>) {
        let token = claims.sign(&self.key).expect("signs");
        self.ask(Some(&token), &MethodOwned::CallTool(tool.into()), None, None, NOW * 1000)
    }
}

#[test]
fn an_allow_names_its_rule_and_is_recorded() {
    let world = World::new();
    let (outcome, record) = world.call(&world.claims(), "read");
    let record = record.expect("recorded");
    assert!(
        matches!(&outcome, Outcome::Allow { scope: Some(scope), rule: Some(Rule::Role(role)), .. } if scope == "read" && role == "sre")
    );
    assert_eq!(
        serde_json::to_value(&record).expect("writes"),
        json!({
            "at_ms": NOW * 1000, "decision": "allow", "reason": "allowed", "method": "tools/call", "tool": "read", "resource": RESOURCE,
            "server": "incident", "scope": "read", "rule": {"role": "sre"}, "sub": "usr_a", "sub_profile": "user", "client_id": "cli_a",
            "agent": null, "jti": "jti", "sid": "ses", "grant_ids": [], "policy_version": 4, "revocation_seq": 2, "request_id": "req_1",
        })
    );
}

#[test]
fn outcomes_by_kind() {
    let world = World::new();
    let challenge = |error, cause, scope: &str| Outcome::Challenge(Challenge { error, cause, scopes: vec![scope.to_owned()] });
    let step_up = ChallengeError::StepUp(StepUp { max_age: Some(300), acr: Some("mfa".into()) });
    let invalid = Some(ChallengeError::InvalidToken);
    let claims = |change: fn(&mut Claims)| {
        let mut claims = world.claims();
        change(&mut claims);
        claims
    };
    for (what, claims, tool, outcome) in [
        ("no supply", claims(|_| ()), "write", Outcome::Forbidden { scope: "write".into(), cause: Cause::Policy(Reason::ScopeNotHeld) }),
        (
            "not asked for",
            claims(|c| c.scope = "write".into()),
            "read",
            Outcome::Forbidden { scope: "read".into(), cause: Cause::Policy(Reason::ScopeNotInToken) },
        ),
        ("weak sign-in", claims(|_| ()), "admin", challenge(Some(step_up.clone()), Cause::Policy(Reason::AuthenticationTooWeak), "admin")),
        (
            "old sign-in",
            claims(|c| c.auth_time = Some(NOW - 301)),
            "admin",
            challenge(Some(step_up), Cause::Policy(Reason::AuthenticationTooOld), "admin"),
        ),
        (
            "another audience",
            claims(|c| c.aud = "http://gw/mcp".into()),
            "read",
            challenge(invalid.clone(), Cause::Policy(Reason::WrongAudience), "read"),
        ),
        ("ended", claims(|c| c.exp = NOW), "read", challenge(invalid, Cause::Token(Refused::Expired), "read")),
        ("unknown tool", claims(|_| ()), "nope", Outcome::Denied(Cause::Policy(Reason::UnknownTool))),
        ("ahead of the list", claims(|c| c.seq = 3), "read", Outcome::Denied(Cause::Policy(Reason::BehindRevocations))),
    ] {
        assert_eq!(world.call(&claims, tool).0, outcome, "{what}");
    }
    let nobody = world.ask(None, &MethodOwned::CallTool("read".into()), None, None, NOW * 1000);
    assert_eq!(nobody, (challenge(None, Cause::TokenMissing, "read"), None));
}

#[test]
fn closed_until_something_is_in_force() {
    let world = World { enforcer: Enforcer::closed(), ..World::new() };
    assert_eq!(world.call(&world.claims(), "read"), (Outcome::Denied(Cause::Closed), None));
    assert!(world.enforcer.still_allows(&world.claims().into_facts().expect("facts"), RESOURCE, &MethodOwned::Stream, NOW).is_err());
}

/// Why a call of `read`, which a role gives, one of `write`, which a grant gives, a stream and a session end that began 400 s after their
/// token.
fn ended(world: &World, fresh_until: i64, now: i64) -> [Option<Reason>; 4] {
    let enforcer = Enforcer::closed();
    enforcer.activate(Arc::new(world.active(fresh_until).expect("usable")));
    let grant = GrantFact {
        id: "grt".into(),
        scopes: ["write".to_owned()].into(),
        resource: RESOURCE.into(),
        client: "cli_a".into(),
        agent: None,
        exp: NOW + 450,
    };
    let facts = Claims { grants: vec![grant], ..world.claims() }.into_facts().expect("facts");
    let ends = |method| enforcer.ends(&facts, RESOURCE, &method, NOW + 400, now);
    let call = |tool: &str| ends(MethodOwned::CallTool(tool.into()));
    [call("read"), call("write"), ends(MethodOwned::Stream), enforcer.ends_session(&facts, RESOURCE, now)]
}

#[test]
fn a_call_outlives_its_token_and_its_grant_and_nothing_outlives_what_is_taken_away() {
    use Reason::{GrantRevoked, RoleScopeBlocked, StaleAll, StaleHighRisk, StaleTokenAge, TokenExpired, UserBlocked};
    let (late, for_ever) = (NOW + 1000, i64::MAX);
    let user = || Target::User("usr_a".into());
    for (taken, now, expected) in [
        (None, NOW + 401, [None, None, None, None]),
        (None, late, [None, None, Some(TokenExpired), None]),
        (Some(user()), late, [Some(UserBlocked), Some(UserBlocked), Some(TokenExpired), Some(UserBlocked)]),
        (Some(Target::Grant("grt".into())), late, [None, Some(GrantRevoked), Some(TokenExpired), None]),
        (Some(Target::RoleScope { role: "sre".into(), scope: "read".into() }), NOW + 401, [Some(RoleScopeBlocked), None, None, None]),
        // A clock that goes back gives nothing and takes nothing.
        (None, NOW - 9000, [None, None, None, None]),
    ] {
        let mut world = World::new();
        world.entries.extend(taken.as_ref().map(entry));
        assert_eq!(ended(&world, for_ever, now), expected, "{taken:?} at {now}");
    }
    // That a gateway takes only young tokens, when it has heard nothing for an hour, keeps no call from ending for another reason.
    let mut world = World::new();
    world.policy.ladder[1].effect = Effect::CapTokenAge(300);
    let stale = |world: &World, hours: i64| ended(world, NOW + 500, NOW + 501 + hours * 3600);
    assert_eq!(stale(&world, 1), [None, None, Some(TokenExpired), None]);
    assert_eq!(stale(&world, 4), [Some(TokenExpired), Some(StaleHighRisk), Some(TokenExpired), None]);
    assert_eq!(stale(&world, 24), [Some(StaleAll), Some(StaleAll), Some(TokenExpired), None]);
    assert_eq!(ended(&world, NOW - 3600, NOW + 401), [None, None, Some(StaleTokenAge), None], "the stream's token is not young any more");
    world.entries.push(entry(&Target::Grant("grt".into())));
    assert_eq!(stale(&world, 1), [None, Some(GrantRevoked), Some(TokenExpired), None]);
    world.entries.push(entry(&user()));
    assert_eq!(stale(&world, 24), [Some(UserBlocked), Some(UserBlocked), Some(TokenExpired), Some(UserBlocked)]);
    // What is closed knows of nothing that was taken away, and lets nobody go on.
    let facts = world.claims().into_facts().expect("facts");
    let closed = Enforcer::closed();
    assert_eq!(closed.ends(&facts, RESOURCE, &MethodOwned::Other("tools/list".into()), NOW, NOW), Some(StaleAll));
    assert_eq!(closed.ends_session(&facts, RESOURCE, NOW), None);
}

/// The list that a gateway hears of may not hold any more what took a call away while it heard of nothing.
#[test]
fn no_call_goes_on_once_what_took_its_token_back_may_have_left_the_list() {
    let world = World::new();
    let exp = world.claims().exp;
    let last = exp + CALL_OUTLIVES_TOKEN_S;
    assert_eq!(ended(&world, i64::MAX, last - 1)[..2], [None, None]);
    assert_eq!(ended(&world, i64::MAX, last)[..2], [Some(Reason::TokenExpired); 2]);
    assert!(exp - world.claims().iat <= LONGEST_TOKEN_LIFE_S);
}

#[test]
fn a_schema_that_has_to_be_compiled_first_comes_after_the_limits() {
    let mut world = World::new();
    let tools: Vec<String> = (0..600).map(|n| format!("tool-{n:03}")).collect();
    let server = world.policy.servers.values_mut().next().expect("a server");
    for (n, name) in tools.iter().enumerate() {
        let arguments = json!({"properties": {"n": {"maximum": n}}}).into();
        let limit = Some(RateLimit { per_minute: 1 });
        server.tools.insert(name.into(), Tool { scope: Some("read".into()), digest: None, arguments: Some(arguments), limit });
    }
    world.activate();
    let token = world.claims().sign(&world.key).expect("signs");
    let call = |name: &str| {
        let method = MethodOwned::CallTool(name.into());
        let (outcome, _) = world.ask(Some(&token), &method, Some(&json!({"n": 1000})), None, NOW * 1000);
        outcome.cause().map(Cause::code).expect("the arguments are wrong")
    };
    // Compiled with the policy: wrong arguments cost next to nothing, and count as no call.
    assert_eq!([call("tool-000"), call("tool-000")], ["arguments_refused"; 2]);
    // Of so many not all stay compiled: the first call pays for it, and the next is one too many.
    assert_eq!(call("tool-599"), "arguments_refused");
    assert_eq!(call("tool-599"), "arguments_refused", "compiled by now");
    for name in &tools[1..599] {
        assert_eq!(call(name), "arguments_refused", "{name}");
    }
    assert_eq!(call("tool-599"), "rate_limited", "forgotten meanwhile");
}

#[test]
fn a_remembered_token_is_judged_anew_at_every_call() {
    let mut world = World::new();
    let token = world.claims().sign(&world.key).expect("signs");
    let read = MethodOwned::CallTool("read".into());
    let at = |world: &World, now| world.ask(Some(&token), &read, None, None, now * 1000).0;
    assert!(at(&world, NOW).cause().is_none());
    assert_eq!(at(&world, NOW + 600).cause(), Some(&Cause::Policy(Reason::TokenExpired)), "remembered, and ended");
    world.entries.push(entry(&Target::Token("jti".into())));
    let newer = world
        .enforcer
        .active()
        .expect("in force")
        .with((&world.list(), 2), Freshness { timestamp: 10, fresh_until: NOW + 60 })
        .expect("usable");
    world.enforcer.activate(Arc::new(newer));
    assert_eq!(at(&world, NOW).cause(), Some(&Cause::Policy(Reason::TokenRevoked)));
    // With its issuer gone, a token that verified before does not any more.
    world.entries.clear();
    world.policy.issuers[0].jwks = json!({"keys": []});
    world.activate();
    assert_eq!(at(&world, NOW).cause(), Some(&Cause::Token(Refused::UnknownKey)));
}

#[test]
fn obligations_are_discharged_or_the_call_is_denied() {
    let mut world = World::new();
    *world.tool("read") = Tool {
        scope: Some("read".into()),
        digest: Some("d1".into()),
        arguments: Some(
            json!({"type": "object", "required": ["q"], "properties": {"q": {"maxLength": 3}}, "additionalProperties": false}).into(),
        ),
        limit: Some(RateLimit { per_minute: 2 }),
    };
    world.activate();
    let token = world.claims().sign(&world.key).expect("signs");
    let read = MethodOwned::CallTool("read".into());
    let ask = |arguments: Option<Value>, digest, now_ms| world.ask(Some(&token), &read, arguments.as_ref(), digest, now_ms);
    let now = NOW * 1000;
    let (drifted, record) = ask(Some(json!({"q": "a"})), Some("d2"), now);
    assert_eq!(drifted, Outcome::Denied(Cause::Policy(Reason::ToolDrifted)));
    assert_eq!(record.map(|record| record.reason).as_deref(), Some("tool_drifted"));
    for bad in [None, Some(json!({})), Some(json!({"q": "secret"})), Some(json!({"q": "a", "x": 1}))] {
        let (outcome, record) = ask(bad.clone(), Some("d1"), now);
        let Outcome::Denied(Cause::ArgumentsRefused { what }) = outcome else { panic!("{bad:?}: {outcome:?}") };
        assert!(!what.contains("secret"), "{what}");
        assert_eq!(record.map(|record| (record.decision, record.reason)), Some(("deny".into(), "arguments_refused".into())));
    }
    let good = || Some(json!({"q": "abc"}));
    assert!(ask(good(), None, now).0.cause().is_none(), "unknown definitions do not deny");
    assert!(ask(good(), Some("d1"), now).0.cause().is_none());
    assert_eq!(
        ask(good(), Some("d1"), now).0,
        Outcome::Denied(Cause::RateLimited { counted: policy::Counted::Tool, retry_after_ms: 30_000 })
    );
    assert!(ask(good(), Some("d1"), now + 30_000).0.cause().is_none());
}

#[test]
fn lifecycle_is_recorded_only_when_denied() {
    let mut world = World::new();
    let token = world.claims().sign(&world.key).expect("signs");
    let begin = MethodOwned::Other("initialize".into());
    assert_eq!(world.ask(Some(&token), &begin, None, None, NOW * 1000).1, None);
    assert!(world.ask(Some(&token), &MethodOwned::Other("tools/list".into()), None, None, NOW * 1000).1.is_some());
    world.entries.push(entry(&Target::User("usr_a".into())));
    world.activate();
    let (outcome, record) = world.ask(Some(&token), &begin, None, None, NOW * 1000);
    assert_eq!(outcome, Outcome::Denied(Cause::Policy(Reason::UserBlocked)));
    assert_eq!(record.map(|record| record.method).as_deref(), Some("initialize"));
}

#[test]
fn staleness_is_what_is_left_of_the_timestamp() {
    let world = World::new();
    let active = world.active(NOW).expect("usable");
    assert_eq!((active.stale_for(NOW - 5), active.stale_for(NOW), active.stale_for(NOW + 7)), (0, 0, 7));
    world.enforcer.activate(Arc::new(world.active(NOW - 86_400).expect("usable")));
    assert_eq!(world.call(&world.claims(), "read").0.cause(), Some(&Cause::Policy(Reason::StaleAll)));
}

#[test]
fn what_was_signed_is_what_is_inside_or_it_is_not_used() {
    let mut world = World::new();
    let good = serde_json::to_string(&world.policy).expect("writes");
    let fresh = Freshness::default();
    let list = world.list();
    let code = |tenant: &str, policy: &str, version, list: &str, seq| {
        Active::build(tenant, (policy, version, "sha"), (list, seq), fresh).map(|_| ()).map_err(|why| why.code())
    };
    assert_eq!(code("acme", &good, 4, &list, 2), Ok(()));
    assert_eq!(code("other", &good, 4, &list, 2), Err("foreign_tenant"));
    assert_eq!(code("acme", &good, 5, &list, 2), Err("wrong_number"));
    assert_eq!(code("acme", &good, 4, &list, 3), Err("wrong_number"));
    assert_eq!(code("acme", &good, 4, &list.replace("acme", "evil"), 2), Err("foreign_tenant"));
    assert_eq!(
        code("acme", &good.replacen('{', "{\"new_rule\":1,", 1), 4, &list, 2),
        Err("policy_unreadable"),
        "a rule it does not know is not ignored"
    );
    assert_eq!(code("acme", &good, 4, "{}", 2), Err("revocations_unreadable"));
    for schema in [json!({"type": "no such type"}), json!({"pattern": "("}), json!({"$ref": "https://evil.example/schema.json"})] {
        world.tool("read").arguments = Some((&schema).into());
        assert_eq!(world.active(NOW).map(|_| ()).map_err(|why| why.code()), Err("schema_unusable"), "{schema}");
    }
}
