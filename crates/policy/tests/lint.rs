//! What is found in a policy before it is published, and how bad it is.

use policy::{Issuer, McpServer, PolicySet, Risk, Scope, ScopeSet, Severity, Tool, lint};
use serde_json::json;

/// A policy in which nothing is to be found.
fn sound() -> PolicySet {
    let tool = Tool { scope: Some("logs.read".into()), digest: None, arguments: Some(json!({ "type": "object" }).into()), limit: None };
    let server = McpServer { name: "incident".into(), upstream: "http://up".into(), tools: [("logs.read".into(), tool)].into() };
    let scope = Scope { sentence: String::new(), risk: Risk::Low, max_auth_age: None, acr: None };
    PolicySet {
        tenant: "acme".into(),
        issuers: vec![Issuer { issuer: "iss".into(), jwks: json!({ "keys": [] }) }],
        servers: [("http://gw/mcp/incident".to_owned(), server)].into(),
        scopes: [("logs.read".into(), scope)].into(),
        roles: [("developer".into(), ["logs.read"].into())].into(),
        ..PolicySet::default()
    }
}

fn server(policy: &mut PolicySet) -> &mut McpServer {
    policy.servers.values_mut().next().expect("one")
}

fn tool(policy: &mut PolicySet) -> &mut Tool {
    server(policy).tools.values_mut().next().expect("one")
}

#[test]
fn each_fault_is_found_alone_and_a_sound_policy_has_none() {
    assert_eq!(lint(&sound()), []);
    let alternatives = |of: &serde_json::Value| (0..10).map(|_| of.clone()).collect::<Vec<_>>();
    let unbounded = json!({ "anyOf": alternatives(&json!({ "items": { "$ref": "#" } })) });
    type Fault<'a> = &'a dyn Fn(&mut PolicySet);
    let faults: [(&str, Severity, Fault<'_>); 8] = [
        ("role_empty", Severity::Note, &|policy| drop(policy.roles.insert("intern".into(), ScopeSet::default()))),
        ("scope_undefined", Severity::Error, &|policy| drop(policy.roles.insert("intern".into(), ["x"].into()))),
        ("tool_unbound", Severity::Warning, &|policy| {
            let unbound = Tool { scope: None, ..tool(policy).clone() };
            server(policy).tools.insert("odd".into(), unbound);
        }),
        ("schema_unbounded", Severity::Error, &|policy| tool(policy).arguments = Some((&unbounded).into())),
        ("server_empty", Severity::Warning, &|policy| {
            let empty = McpServer { tools: [].into(), ..server(policy).clone() };
            policy.servers.insert("http://gw/mcp/other".into(), empty);
        }),
        ("scope_unused", Severity::Note, &|policy| {
            let scope = policy.scopes["logs.read"].clone();
            policy.scopes.insert("spare".into(), scope);
        }),
        ("scope_ungiven", Severity::Note, &|policy| policy.roles.clear()),
        ("no_issuer", Severity::Error, &|policy| policy.issuers.clear()),
    ];
    for (code, severity, fault) in faults {
        let mut policy = sound();
        fault(&mut policy);
        let found = lint(&policy);
        assert_eq!(found.iter().map(|finding| (finding.code, finding.severity)).collect::<Vec<_>>(), [(code, severity)], "{found:?}");
    }
}
