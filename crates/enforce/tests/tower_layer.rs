//! The example server, run as it is shown.

#[path = "../examples/tower_layer.rs"]
#[expect(dead_code, reason = "its main is not called here")]
mod example;

use enforce::definition_digest;
use policy::{Ceiling, Class, Issuer, McpServer, PolicySet, RevocationKey, Revocations, Risk, Rung, Scope, SubjectKind, Tool};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, SystemTime};
use token::{Claims, SigningKey};

const NOW: i64 = 1_800_000_000;
const RESOURCE: &str = "http://127.0.0.1:7800/mcp";

fn now_ms() -> i64 {
    NOW * 1000
}

fn policy(key: &SigningKey, version: u64, digest: String) -> PolicySet {
    let tool = Tool { scope: Some("logs.read".into()), digest: Some(digest.into()), arguments: None, limit: None };
    PolicySet {
        tenant: "acme".into(),
        version,
        issuers: vec![Issuer { issuer: "iss".into(), jwks: json!({"keys": [key.public()]}) }],
        servers: [(
            RESOURCE.to_owned(),
            McpServer { name: "logs".into(), upstream: RESOURCE.into(), tools: [("logs.read".into(), tool)].into() },
        )]
        .into(),
        scopes: [("logs.read".into(), Scope { sentence: String::new(), risk: Risk::High, max_auth_age: None, acr: None })].into(),
        roles: [("sre".into(), ["logs.read"].into())].into(),
        client_classes: [("ide".to_owned(), Class { ceiling: Ceiling::Any })].into(),
        ladder: Rung::default_ladder(),
        revocation_key: RevocationKey::of([7; 32]),
        ..PolicySet::default()
    }
}

fn token(key: &SigningKey, role: &str) -> String {
    let claims = Claims {
        iss: "iss".into(),
        aud: RESOURCE.into(),
        sub: "usr_a".into(),
        sub_profile: SubjectKind::User,
        client_id: "cli_a".into(),
        client_class: "ide".into(),
        scope: "logs.read".into(),
        iat: NOW,
        exp: NOW + 600,
        jti: "jti".into(),
        sid: "ses".into(),
        lineage: "lin".into(),
        tenant: "acme".into(),
        roles: vec![role.into()],
        grants: Vec::new(),
        act: None,
        acr: None,
        amr: Vec::new(),
        auth_time: None,
        seq: 0,
    };
    claims.sign(key).expect("signs")
}

#[tokio::test]
async fn the_example_enforces_over_a_real_socket() {
    let (key, folder) = (SigningKey::generate().expect("randomness").0, tempfile::tempdir().expect("a folder"));
    let written_at = |unix_s: i64| {
        let file = fs::File::options().append(true).open(folder.path().join("revocations.json")).expect("a file");
        let since = Duration::from_secs(u64::try_from(unix_s).expect("after 1970"));
        file.set_modified(SystemTime::UNIX_EPOCH + since).expect("set");
    };
    let write = |policy: &PolicySet| {
        fs::write(folder.path().join("policy.json"), serde_json::to_string(policy).expect("JSON")).expect("written");
        let list = Revocations::new("acme".into(), 0, Vec::new());
        fs::write(folder.path().join("revocations.json"), serde_json::to_string(&list).expect("JSON")).expect("written");
        written_at(NOW);
    };
    let enforce = example::Enforce::new(RESOURCE, now_ms);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    let router = example::router(&enforce);
    tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let call = async |token: Option<String>, body: &str| {
        let mut request = http.post(&url).header("content-type", "application/json").body(body.to_owned());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.expect("an answer");
        let (status, challenge) = (response.status().as_u16(), response.headers().get("www-authenticate").cloned());
        (status, response.json::<Value>().await.expect("JSON"), challenge)
    };
    let read = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.read"}}"#;
    assert_eq!(call(Some(token(&key, "sre")), read).await.1["error"]["data"]["reason"], "gateway_closed");

    let digest = definition_digest(&example::definition("logs.read").expect("a tool"));
    write(&policy(&key, 1, digest));
    enforce.read("acme", folder.path()).expect("in force");
    let (status, answer, _) = call(Some(token(&key, "sre")), read).await;
    assert_eq!((status, &answer["result"]["content"][0]["text"]), (200, &json!("all is well")));
    let (status, answer, challenge) = call(None, read).await;
    assert_eq!((status, &answer["error"]["data"]["reason"]), (401, &json!("token_missing")));
    assert!(challenge.is_some());
    let (status, _, challenge) = call(Some(token(&key, "developer")), read).await;
    assert_eq!(status, 403);
    assert!(challenge.expect("a challenge").to_str().expect("text").contains("insufficient_scope"));
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.read","name":"logs.delete"}}"#;
    assert_eq!(call(Some(token(&key, "sre")), twice).await.0, 400);

    // What this caller could not call is not listed.
    let list = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
    for (role, tools) in [("sre", 1), ("developer", 0)] {
        let (status, answer, _) = call(Some(token(&key, role)), list).await;
        assert_eq!((status, answer["result"]["tools"].as_array().map(Vec::len)), (200, Some(tools)), "{role}");
    }
    // A list that nobody writes any more ages, although it is read again and again.
    written_at(NOW - 24 * 3600 - 700);
    for _ in 0..2 {
        enforce.read("acme", folder.path()).expect("in force");
        assert_eq!(call(Some(token(&key, "sre")), read).await.1["error"]["data"]["reason"], "stale_all");
    }
    written_at(NOW);
    enforce.read("acme", folder.path()).expect("in force");

    // What cannot be enforced is refused, and what was in force stays.
    fs::write(folder.path().join("policy.json"), "{").expect("written");
    assert!(enforce.read("acme", folder.path()).is_err());
    assert_eq!(call(Some(token(&key, "sre")), read).await.0, 200);
    // The tool is not what was reviewed.
    write(&policy(&key, 2, "0".repeat(64)));
    enforce.read("acme", folder.path()).expect("in force");
    assert_eq!(call(Some(token(&key, "sre")), read).await.1["error"]["data"]["reason"], "tool_drifted");
}
