//! A small tenant's policy and revocations.

use policy::{
    Ceiling, Class, Effect, Entry, Issuer, Limits, McpServer, PolicySet, RateLimit, RevocationKey, Revocations, Risk, Rung, Scope, Target,
    Tool,
};
use serde_json::json;

use super::keys::token_key;
use super::{TENANT, tokens};

/// The one MCP server.
pub const RESOURCE: &str = "https://gw.example/mcp/incident";

/// Under which revocations are hashed.
#[must_use]
pub fn revocation_key() -> RevocationKey {
    RevocationKey::of([7; 32])
}

/// The policy of that version, in which every kind of field is used.
#[must_use]
pub fn policy_set(version: u64) -> PolicySet {
    let scope = |name: &str, risk, max_auth_age, acr: Option<&str>| {
        (name.into(), Scope { sentence: format!("May {name}"), risk, max_auth_age, acr: acr.map(str::to_owned) })
    };
    let tool = |name: &str, arguments, limit| {
        (name.into(), Tool { scope: Some(name.into()), digest: Some("0a".repeat(32).into()), arguments, limit })
    };
    let schema = json!({
        "type": "object", "required": ["service"], "additionalProperties": false,
        "properties": {
            "service": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 40},
            "limit": {"type": "integer", "minimum": 1, "maximum": 500},
            "labels": {"$ref": "#/$defs/labels"},
        },
        "$defs": {"labels": {"type": "array", "items": {"type": "string"}, "uniqueItems": true}},
    });
    let only = |scopes: &[&str]| Ceiling::Only(scopes.iter().map(|scope| (*scope).to_owned()).collect());
    PolicySet {
        tenant: TENANT.into(),
        version,
        issuers: vec![Issuer { issuer: tokens::ISSUER.into(), jwks: json!({"keys": [token_key(tokens::KEY).public()]}) }],
        servers: [(
            RESOURCE.to_owned(),
            McpServer {
                name: "incident".into(),
                upstream: "http://127.0.0.1:9000/mcp".into(),
                tools: [
                    tool("logs.read", Some(schema.into()), None),
                    tool("logs.debug.write", None, Some(RateLimit { per_minute: 1_000_000 })),
                    tool("incidents.trigger", None, None),
                    ("unbound".into(), Tool { scope: None, digest: None, arguments: None, limit: None }),
                ]
                .into(),
            },
        )]
        .into(),
        scopes: [
            scope("logs.read", Risk::Low, None, None),
            scope("logs.debug.write", Risk::Moderate, Some(3600), None),
            scope("incidents.trigger", Risk::High, Some(300), Some("mfa")),
        ]
        .into(),
        roles: [("developer".into(), ["logs.read"].into()), ("sre".into(), ["logs.read", "logs.debug.write", "incidents.trigger"].into())]
            .into(),
        client_classes: [("ide".to_owned(), Class { ceiling: Ceiling::Any })].into(),
        agent_classes: [("coding".to_owned(), Class { ceiling: only(&["logs.read", "logs.debug.write"]) })].into(),
        narrowed: [("cli_old".to_owned(), only(&["logs.read"]))].into(),
        ladder: vec![
            Rung { after: 0, effect: Effect::Alarm },
            Rung { after: 3600, effect: Effect::CapTokenAge(600) },
            Rung { after: 7200, effect: Effect::DenyHighRisk },
            Rung { after: 86_400, effect: Effect::DenyAll },
        ],
        limits: Limits { subject: Some(RateLimit { per_minute: 4_000_000_000 }), client: None, agent: None },
        revocation_key: revocation_key(),
        audit_log: String::new(),
    }
}

/// The policy as it is signed.
///
/// # Panics
/// Never: it always serialises.
#[must_use]
pub fn policy_text(version: u64) -> String {
    serde_json::to_string(&policy_set(version)).expect("serialises")
}

/// The list of that sequence: it takes somebody else's things away.
#[must_use]
pub fn revocations(seq: u64) -> Revocations {
    let key = revocation_key();
    let targets = [
        Target::Token("jti_other".into()),
        Target::Subject("usr_other".into()),
        Target::Client("cli_other".into()),
        Target::RoleScope { role: "intern".into(), scope: "logs.read".into() },
    ];
    let entry = |(at, target): (usize, &Target)| {
        let until = (!target.is_block()).then_some(super::NOW + 3600);
        Entry::new(&key, format!("rev_{at}"), seq, target, until)
    };
    Revocations::new(TENANT.into(), seq, targets.iter().enumerate().map(entry).collect())
}

/// The list as it is signed.
///
/// # Panics
/// Never: it always serialises.
#[must_use]
pub fn revocations_text(seq: u64) -> String {
    serde_json::to_string(&revocations(seq)).expect("serialises")
}
