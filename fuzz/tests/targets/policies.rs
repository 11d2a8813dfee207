//! `policy`: the role file, the policy set, the revocation list.

use fuzz::samples::NOW;
use fuzz::samples::policy::{RESOURCE, policy_set, policy_text, revocations, revocations_text};
use fuzz::samples::tokens::{issuers, tokens};
use fuzz::{Choices, edited_text, target};
use policy::{Decision, Method, PolicySet, Revocations, TokenFacts, VerifiedCall, decide, diff, explain, lint, role_file, visible_tools};
use token::VerifyingKeys;

const ROLES: [&str; 4] = [
    "roles:\n  developer: [logs.read, analytics.query]\n  sre: [logs.read, logs.debug.write, incidents.trigger]\n",
    "# who may what\nroles:\n  developer:\n    - logs.read\n    - \"analytics.query\"\n  'sre': []\n",
    "---\n{roles: {developer: [logs.read], sre: [logs.read]}}\n...\n",
    "roles:\n  a: &anchor [x]\n  b: *anchor\n  ? c\n  : !!seq [!!str \"y\", |\n   z\n   ]\n",
];

#[test]
fn role_files() {
    target!(3_000, |mut choices: Choices<'_>| {
        let text = edited_text(&mut choices, &ROLES);
        match role_file::parse(&text) {
            Ok(roles) => {
                let lists = roles.iter().map(|(role, scopes)| {
                    format!("  {role}: [{}]\n", scopes.iter().map(|scope| format!("'{scope}'")).collect::<Vec<_>>().join(", "))
                });
                let written = if roles.is_empty() {
                    "roles: {}\n".to_owned()
                } else {
                    format!("roles:\n{}", lists.map(|line| line.replacen("  ", "  '", 1).replacen(':', "':", 1)).collect::<String>())
                };
                assert_eq!(role_file::parse(&written).as_ref(), Ok(&roles), "{written}");
                assert!(!text.contains('*') || text.contains('#') || text.contains(['"', '\'']), "an alias was followed: {text}");
            }
            Err(malformed) => {
                assert!(malformed.line >= 1 && malformed.line <= text.split(['\n', '\r']).count() + 1, "{malformed} in {text:?}");
                assert!(!malformed.reason.is_empty());
            }
        }
    });
}

fn facts() -> Vec<TokenFacts> {
    let keys = VerifyingKeys::from_issuers(&issuers());
    tokens().iter().map(|token| keys.verify(token, NOW).expect("a good token")).collect()
}

/// Whatever the policy says, what is allowed is what the token asked for and the resource has.
fn judges_soundly(set: &PolicySet, list: &Revocations, facts: &[TokenFacts], choices: &mut Choices<'_>) {
    let token = choices.pick(facts);
    let method = match choices.below(5) {
        0 => Method::CallTool("logs.read"),
        1 => Method::CallTool("logs.debug.write"),
        2 => Method::CallTool("incidents.trigger"),
        3 => Method::CallTool("unbound"),
        _ => Method::ListTools,
    };
    let (digest, now) = ("0a".repeat(32), if choices.below(2) == 0 { NOW } else { choices.number() });
    let call = VerifiedCall { token, resource: RESOURCE, method, tool_digest: Some(&digest), stale_for: choices.number() };
    let decision = decide(set, list, &call, now);
    if let (Decision::Allow(allow), Method::CallTool(tool)) = (&decision, method) {
        let scope = allow.scope.expect("a tool needs a scope");
        assert!(token.scope.contains(scope) && set.tenant == token.tenant && now < token.exp);
        assert_eq!(set.servers[RESOURCE].tools[tool].scope.as_deref(), Some(scope));
    }
    let (explained, _) = explain(set, list, &call, now);
    assert_eq!(explained, decision);
    for tool in visible_tools(set, list, &call, now) {
        assert!(set.servers[RESOURCE].tools.contains_key(tool));
    }
}

#[test]
fn policy_sets() {
    let (samples, facts, list, other) = ([policy_text(3), policy_text(u64::MAX)], facts(), revocations(1), policy_set(2));
    target!(2_000, |mut choices: Choices<'_>| {
        let Ok(set) = serde_json::from_str::<PolicySet>(&edited_text(&mut choices, &samples)) else { return };
        let written = serde_json::to_string(&set).expect("serialises");
        assert_eq!(serde_json::from_str::<PolicySet>(&written).expect("reads its own"), set);
        judges_soundly(&set, &list, &facts, &mut choices);
        let _findings = lint(&set);
        let _changes = (diff(&other, &set), diff(&set, &other));
        assert!(diff(&set, &set).is_empty());
    });
}

#[test]
fn revocation_lists() {
    let (samples, facts, set) = ([revocations_text(2), revocations_text(0)], facts(), policy_set(3));
    target!(3_000, |mut choices: Choices<'_>| {
        let Ok(list) = serde_json::from_str::<Revocations>(&edited_text(&mut choices, &samples)) else { return };
        let written = serde_json::to_string(&list).expect("serialises");
        let again = serde_json::from_str::<Revocations>(&written).expect("reads its own");
        assert_eq!((again.tenant(), again.seq(), again.entries()), (list.tenant(), list.seq(), list.entries()));
        judges_soundly(&set, &list, &facts, &mut choices);
    });
}
