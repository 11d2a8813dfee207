//! Enforcement as a library: verify → decide → discharge → record.
//!
//! [`Enforcer`] holds what is in force and answers calls from it; [`rpc`] reads the bytes of a call so that policy and the server
//! behind it cannot understand two different things. Nothing here does IO or reads a clock: whoever serves requests brings bytes and
//! the time, so any Rust MCP server can enforce for itself what `writ-gateway` enforces in front of others.
//!
//! Times are Unix milliseconds as `i64` at the edge ([`Ask::now_ms`], [`Record::at_ms`]) and Unix seconds where policy and tokens are
//! concerned.
//!
//! # Enforcing in your own server
//!
//! 1. Keep one [`Enforcer`] for the process. It is closed until something is in force: every call is refused.
//! 2. Whenever a policy or revocation list arrives, make an [`Active`] of it and [`Enforcer::activate`] it. Bytes from a verified repository
//!    go through [`Active::build`], which holds them to the numbers that were signed; files that you trust for another reason go through
//!    [`Active::from_files`]. What cannot be enforced is an [`Unusable`] and changes nothing.
//! 3. For each request read the message with [`rpc::read`], hold it against its headers with [`rpc::agree`], and ask [`Enforcer::authorize`].
//! 4. Write [`Answer::record`] down, then do what [`Answer::outcome`] says. An [`Outcome::Challenge`] is a 401, an [`Outcome::Forbidden`] a 403
//!    `insufficient_scope`; both carry what their `WWW-Authenticate` needs.
//! 5. Filter what `tools/list` shows with [`Active::visible_tools`]. After a new revocation list or policy, and every few seconds since tokens
//!    end by themselves, end what [`Enforcer::ends`] and [`Enforcer::ends_session`] say: calls and standing streams that are under way, and
//!    sessions.
//!
//! `examples/tower_layer.rs` is all of that as a tower layer around an axum server that answers at once, so that nothing is under way.
//!
//! ```
//! use enforce::{Active, Ask, Enforcer, Freshness, MethodOwned, Outcome, rpc};
//! use std::sync::Arc;
//! # use policy::*;
//! # let (key, _) = token::SigningKey::generate().unwrap();
//! # let resource = "https://mcp.example.com/mcp/logs";
//! # let tool = Tool { scope: Some("logs.read".into()), digest: None, arguments: None, limit: Some(RateLimit { per_minute: 1 }) };
//! # let set = PolicySet {
//! #     tenant: "acme".into(),
//! #     version: 1,
//! #     issuers: vec![Issuer { issuer: "https://writ.example/t/acme".into(), jwks: serde_json::json!({"keys": [key.public()]}) }],
//! #     servers: [(resource.into(), McpServer { name: "logs".into(), upstream: String::new(), tools: [("logs.read".into(), tool)].into() })].into(),
//! #     roles: [("sre".into(), ["logs.read"].into())].into(),
//! #     client_classes: [("ide".into(), Class { ceiling: Ceiling::Any })].into(),
//! #     scopes: [("logs.read".into(), Scope { sentence: String::new(), risk: Risk::Low, max_auth_age: None, acr: None })].into(),
//! #     ..PolicySet::default()
//! # };
//! # let policy_text = serde_json::to_string(&set).unwrap();
//! # let list_text = serde_json::to_string(&Revocations::new("acme".into(), 0, Vec::new())).unwrap();
//! # let token = token::Claims {
//! #     iss: "https://writ.example/t/acme".into(), aud: resource.into(), sub: "usr_sam".into(), sub_profile: SubjectKind::User,
//! #     client_id: "cli_ide".into(), client_class: "ide".into(), scope: "logs.read".into(), iat: 1_800_000_000, exp: 1_800_000_600,
//! #     jti: "t1".into(), sid: "s1".into(), lineage: "l1".into(), tenant: "acme".into(), roles: vec!["sre".into()], grants: vec![],
//! #     act: None, acr: None, amr: vec![], auth_time: None, seq: 0,
//! # }.sign(&key).unwrap();
//! let enforcer = Enforcer::closed();
//! let fresh = Freshness { timestamp: 1, fresh_until: 1_800_000_060 };
//! enforcer.activate(Arc::new(Active::from_files("acme", &policy_text, &list_text, fresh)?));
//!
//! let message = rpc::read(br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"logs.read"}}"#)?;
//! let ask = Ask {
//!     bearer: Some(&token),
//!     resource,
//!     method: &message.method,
//!     arguments: message.arguments.as_ref(),
//!     live_tool_digest: None,
//!     request_id: "req_1",
//!     trace_id: None,
//!     now_ms: 1_800_000_000_000,
//! };
//! let answer = enforcer.authorize(&ask);
//! assert!(matches!(answer.outcome, Outcome::Allow { .. }));
//! assert_eq!(answer.record.unwrap().sub, "usr_sam");
//! // The tool may be called once a minute.
//! assert_eq!(enforcer.authorize(&ask).outcome.cause().unwrap().code(), "rate_limited");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod active;
mod cause;
mod definition;
mod enforcer;
mod generations;
mod outcome;
mod rate;
mod record;
pub mod rpc;
mod schemas;
mod under_way;

pub use active::{Active, Freshness, Unusable};
pub use cause::Cause;
pub use definition::definition_digest;
pub use enforcer::{Answer, Ask, Enforcer};
pub use generations::Generations;
pub use outcome::{Challenge, ChallengeError, Outcome, StepUp};
pub use record::{Record, Rule};
pub use rpc::MethodOwned;
