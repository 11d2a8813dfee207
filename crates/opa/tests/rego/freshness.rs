//! What the Rego makes of manifests and clock: nothing that is absent, foreign, ended or rolled back allows anything.

use crate::support::{LATER, engines, with_both, with_policy};
use opa::{Lane, RevocationTerms};
use opa_engines::question;
use opa_engines::world::World;
use policy::{
    Ceiling, Class, Effect, Entry, Issuer, Limits, McpServer, PolicySet, RevocationKey, Revocations, Risk, Rung, Scope, SubjectKind,
    Target, TokenFacts, Tool,
};
use serde_json::{Value, json};
use situations::every_kind::Question;
use situations::{NOW, RESOURCE, key};

const SECOND: i64 = 1_000_000_000;

/// Anybody with the role may call `read`, at low risk, and `write`, at high risk.
fn policy() -> PolicySet {
    let tool = |scope: &str| (scope.into(), Tool { scope: Some(scope.into()), digest: None, arguments: None, limit: None });
    let scope = |name: &str, risk| (name.into(), Scope { sentence: String::new(), risk, max_auth_age: None, acr: None });
    PolicySet {
        tenant: "acme".into(),
        version: 12,
        issuers: vec![Issuer { issuer: "iss".into(), jwks: json!({ "keys": [] }) }],
        servers: [(
            RESOURCE.to_owned(),
            McpServer { name: "incident".into(), upstream: "http://up".into(), tools: [tool("read"), tool("write")].into() },
        )]
        .into(),
        scopes: [scope("read", Risk::Low), scope("write", Risk::High)].into(),
        roles: [("developer".into(), ["read", "write"].into())].into(),
        client_classes: [("ide".to_owned(), Class { ceiling: Ceiling::Any })].into(),
        agent_classes: [].into(),
        narrowed: [].into(),
        ladder: Rung::default_ladder(),
        limits: Limits::default(),
        revocation_key: key(),
        audit_log: String::new(),
    }
}

fn token(iat: i64) -> TokenFacts {
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
        scope: ["read".to_owned(), "write".to_owned()].into(),
        roles: vec!["developer".into()],
        grants: Vec::new(),
        acr: None,
        auth_time: None,
        iat,
        exp: LATER,
        seq: 3,
    }
}

/// A call of `tool` with a token that was issued then, at the time that the engine says it is.
fn call(tool: &str, iat: i64) -> Value {
    let question = Question {
        revocations: Revocations::default(),
        token: token(iat),
        resource: RESOURCE.into(),
        method: "tools/call".into(),
        tool: Some(tool.into()),
        digest: None,
        stale_for: 0,
    };
    let mut input = question::input(&question, NOW);
    input.as_object_mut().expect("an object").remove("now");
    input
}

fn list(entries: Vec<Entry>) -> Revocations {
    Revocations::new("acme".into(), 3, entries)
}

const TERMS: RevocationTerms = RevocationTerms { floor: 3, signed: NOW, fresh_until: NOW + 600, expires: NOW + 600 + 86_400 };

/// The reason in each engine that there is, which has to be the same.
fn reason(world: &World, now_ns: i64, input: &Value) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for mut engine in engines(world, now_ns) {
        let decision = engine.document("data.writ.decision", input).expect("a decision is never undefined");
        let reason = decision["reason"].as_str().expect("a reason").to_owned();
        assert_eq!(decision["allow"], json!(reason == "allowed"), "{}", engine.name());
        reasons.push(reason);
    }
    reasons.dedup();
    assert_eq!(reasons.len(), 1, "engines differ: {reasons:?}");
    reasons.remove(0)
}

#[test]
fn the_ladder_counts_from_the_end_of_freshness_by_the_clock_of_the_opa() {
    let world = with_both(&policy(), LATER, &list(Vec::new()), TERMS);
    let end = NOW + 600;
    for (after, tool, iat, wanted) in [
        (-1, "write", NOW, "allowed"),
        (0, "write", NOW, "allowed"),
        (3599, "write", NOW - 90_000, "allowed"),
        (3600, "read", NOW - 90_000, "stale_token_age"),
        (3600, "read", NOW + 600, "allowed"),
        (14_399, "write", end + 14_000, "allowed"),
        (14_400, "write", end + 14_000, "stale_high_risk"),
        (14_400, "read", end + 14_000, "allowed"),
        (86_399, "read", end + 86_000, "allowed"),
        (86_400, "read", end + 86_000, "stale_all"),
    ] {
        // The last nanosecond of the second counts as the second.
        for ns in [0, SECOND - 1] {
            assert_eq!(
                reason(&world, (end + after) * SECOND + ns, &call(tool, iat)),
                wanted,
                "{after} s and {ns} ns after the end, {tool}"
            );
        }
    }
}

#[test]
fn an_end_is_an_end_whatever_the_ladder_says() {
    let policy = PolicySet { ladder: vec![Rung { after: 0, effect: Effect::Alarm }], ..policy() };
    let world = with_both(&policy, LATER, &list(Vec::new()), TERMS);
    let end = TERMS.expires * SECOND;
    assert_eq!(reason(&world, end - 1, &call("write", NOW)), "allowed");
    assert_eq!(reason(&world, end, &call("write", NOW)), "stale_all");
    let world = with_both(&policy, NOW + 60, &list(Vec::new()), TERMS);
    assert_eq!(reason(&world, (NOW + 60) * SECOND - 1, &call("read", NOW)), "allowed");
    assert_eq!(reason(&world, (NOW + 60) * SECOND, &call("read", NOW)), "stale_all");
}

#[test]
fn without_revocations_nothing_is_allowed() {
    let mut world = with_policy(&policy(), LATER);
    assert_eq!(reason(&world, NOW * SECOND, &call("read", NOW)), "behind_revocations");
    // Data without a manifest is not a bundle that was activated.
    let both = with_both(&policy(), LATER, &list(Vec::new()), TERMS);
    world.data["writ"]["revocations"] = both.data["writ"]["revocations"].clone();
    assert_eq!(reason(&world, NOW * SECOND, &call("read", NOW)), "behind_revocations");
    let mut under_another_name = both.clone();
    let manifest = under_another_name.data["system"]["bundles"][Lane::Revocations.bundle_name()].take();
    under_another_name.data["system"]["bundles"]["revocations"] = manifest;
    assert_eq!(reason(&under_another_name, NOW * SECOND, &call("read", NOW)), "behind_revocations");
    let mut without_policy_manifest = both;
    without_policy_manifest.data["system"]["bundles"][Lane::Policy.bundle_name()].take();
    assert_eq!(reason(&without_policy_manifest, NOW * SECOND, &call("read", NOW)), "stale_all");
}

#[test]
fn what_does_not_belong_together_denies() {
    let foreign = Revocations::new("beta".into(), 3, Vec::new());
    let world = with_both(&policy(), LATER, &foreign, TERMS);
    assert_eq!(reason(&world, NOW * SECOND, &call("read", NOW)), "wrong_tenant");
    // Data of one list under the manifest of another.
    let mut world = with_both(&policy(), LATER, &list(Vec::new()), TERMS);
    world.data["writ"]["revocations"]["seq"] = json!(2);
    assert_eq!(reason(&world, NOW * SECOND, &call("read", NOW)), "behind_revocations");
    let mut world = with_both(&policy(), LATER, &list(Vec::new()), TERMS);
    world.data["writ"]["policy"]["version"] = json!(13);
    assert_eq!(reason(&world, NOW * SECOND, &call("read", NOW)), "stale_all");
}

#[test]
fn a_policy_below_the_floor_is_rolled_back_and_denies() {
    for (floor, wanted) in [(11, "allowed"), (12, "allowed"), (13, "stale_all")] {
        let world = with_both(&policy(), LATER, &list(Vec::new()), RevocationTerms { floor, ..TERMS });
        assert_eq!(reason(&world, NOW * SECOND, &call("read", NOW)), wanted, "floor {floor}");
    }
}

#[test]
fn the_caller_may_know_of_staleness_and_never_of_freshness() {
    let world = with_both(&policy(), LATER, &list(Vec::new()), TERMS);
    let mut input = call("write", NOW);
    input["stale_for"] = json!(14_400);
    assert_eq!(reason(&world, NOW * SECOND, &input), "stale_high_risk");
    let mut input = call("write", NOW + 14_400);
    for claimed in [0, -1_000_000] {
        input["stale_for"] = json!(claimed);
        assert_eq!(reason(&world, (NOW + 600 + 14_400) * SECOND, &input), "stale_high_risk");
    }
    // Nor does a time of its own keep what has ended alive.
    input["now"] = json!(NOW);
    assert_eq!(reason(&world, TERMS.expires * SECOND, &input), "stale_all");
}

#[test]
fn a_key_that_is_missing_hides_no_revocation() {
    let blocked = Entry::new(&RevocationKey::of([7; 32]), "rev_1", 1, &Target::User("usr_a".into()), None);
    let world = with_both(&policy(), LATER, &list(vec![blocked.clone()]), TERMS);
    assert_eq!(reason(&world, NOW * SECOND, &call("read", NOW)), "user_blocked");
    let mut keyless = world.clone();
    keyless.data["writ"]["policy"].as_object_mut().expect("an object").remove("revocation_key");
    assert_eq!(reason(&keyless, NOW * SECOND, &call("read", NOW)), "stale_all");
    let mut unmarked = world;
    unmarked.data["writ"]["revocations"].as_object_mut().expect("an object").remove("marks");
    assert_eq!(reason(&unmarked, NOW * SECOND, &call("read", NOW)), "stale_all");
}
