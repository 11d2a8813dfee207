//! The server *incident*: production logs and incidents.

use crate::idp::Clock;
use rmcp::{
    ErrorData, ServerHandler,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    model::{CallToolResult, ContentBlock, Implementation, ServerCapabilities, ServerConfig},
    schemars::JsonSchema,
    tool, tool_handler, tool_router,
};
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const FIRST_INCIDENT: u32 = 1042;
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
const SEVERITIES: [&str; 4] = ["sev1", "sev2", "sev3", "sev4"];

/// Every clone shares one memory, as the requests to one server must.
#[derive(Clone)]
pub(super) struct Incident {
    tool_router: ToolRouter<Self>,
    clock: Clock,
    next_incident: Arc<AtomicU32>,
    levels: Arc<Mutex<BTreeMap<String, String>>>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars", deny_unknown_fields)]
struct ReadLogs {
    /// The service whose log to read, for example `checkout`.
    service: String,
    /// How far back to read, in minutes: 1 to 1440, 15 when left out.
    #[schemars(range(min = 1, max = 1440))]
    since_minutes: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars", deny_unknown_fields)]
struct SetLevel {
    /// The service whose level to set.
    service: String,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    level: String,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars", deny_unknown_fields)]
struct TriggerIncident {
    /// What is wrong, in one line.
    title: String,
    /// `sev1` (worst) to `sev4`.
    severity: String,
}

/// Minutes ago, level, message.
const STORY: [(u32, &str, &str); 9] = [
    (1, "ERROR", "payment provider answered 503 after 3 attempts order=84121 trace=7f3a09"),
    (2, "WARN", "retrying payment provider attempt=3 order=84121 trace=7f3a09"),
    (3, "ERROR", "connection pool exhausted waiting=41 limit=32"),
    (6, "WARN", "p99 latency 2140 ms over the objective of 800 ms"),
    (9, "INFO", "deployed version 2026.11.3 by pipeline 5517"),
    (14, "INFO", "configuration reloaded"),
    (22, "INFO", "cache warmed entries=18204"),
    (47, "WARN", "slow query 812 ms table=orders"),
    (90, "INFO", "health check ok"),
];

#[tool_router]
impl Incident {
    pub(super) fn new(clock: Clock) -> Self {
        Self { tool_router: Self::tool_router(), clock, next_incident: Arc::new(AtomicU32::new(FIRST_INCIDENT)), levels: Arc::default() }
    }

    /// Reads the newest log lines of a service, newest first.
    #[tool(
        name = "logs.read",
        annotations(title = "Read logs", read_only_hint = true, destructive_hint = false, idempotent_hint = true, open_world_hint = false)
    )]
    async fn read_logs(&self, Parameters(ask): Parameters<ReadLogs>) -> Result<CallToolResult, ErrorData> {
        let service = named("service", &ask.service)?;
        let since = ask.since_minutes.unwrap_or(15);
        if !(1..=1440).contains(&since) {
            return Err(ErrorData::invalid_params("since_minutes is from 1 to 1440", None));
        }
        let lines: Vec<String> = STORY
            .iter()
            .filter(|(ago, _, _)| *ago <= since)
            .map(|(ago, level, message)| format!("{} {level:<5} {service}: {message}", self.minutes_ago(*ago)))
            .collect();
        Ok(CallToolResult::success(vec![ContentBlock::text(lines.join("\n"))]))
    }

    /// Sets how much a service logs. Debug lines can hold personal data; set the level back when done.
    #[tool(
        name = "logs.debug.write",
        annotations(
            title = "Set log level",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn set_level(&self, Parameters(ask): Parameters<SetLevel>) -> Result<CallToolResult, ErrorData> {
        let service = named("service", &ask.service)?;
        let level = one_of("level", &ask.level, &LEVELS)?;
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let before = levels.insert(service.to_owned(), level.to_owned()).unwrap_or_else(|| "info".to_owned());
        Ok(CallToolResult::structured(json!({ "service": service, "level": level, "before": before })))
    }

    /// Opens an incident and pages whoever is on call.
    #[tool(
        name = "incidents.trigger",
        annotations(
            title = "Trigger incident",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = false,
            open_world_hint = true
        )
    )]
    async fn trigger(&self, Parameters(ask): Parameters<TriggerIncident>) -> Result<CallToolResult, ErrorData> {
        let title = named("title", &ask.title)?;
        let severity = one_of("severity", &ask.severity, &SEVERITIES)?;
        let number = self.next_incident.fetch_add(1, Ordering::Relaxed);
        Ok(CallToolResult::structured(json!({
            "incident": format!("INC-{number}"),
            "title": title,
            "severity": severity,
            "opened_at": self.minutes_ago(0),
        })))
    }

    fn minutes_ago(&self, minutes: u32) -> String {
        OffsetDateTime::from_unix_timestamp(self.clock.now() - i64::from(minutes) * 60)
            .ok()
            .and_then(|at| at.format(&Rfc3339).ok())
            .unwrap_or_else(|| "-".to_owned())
    }
}

fn named<'a>(parameter: &str, value: &'a str) -> Result<&'a str, ErrorData> {
    let fits = !value.trim().is_empty() && value.chars().count() <= 200 && !value.chars().any(char::is_control);
    fits.then_some(value).ok_or_else(|| ErrorData::invalid_params(format!("{parameter} is one line of 1 to 200 characters"), None))
}

fn one_of<'a>(parameter: &str, value: &'a str, allowed: &[&str]) -> Result<&'a str, ErrorData> {
    allowed
        .contains(&value)
        .then_some(value)
        .ok_or_else(|| ErrorData::invalid_params(format!("{parameter} is one of {}", allowed.join(", ")), None))
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Incident {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("incident", env!("CARGO_PKG_VERSION")))
            .with_instructions("Production logs and incidents of a made-up shop.")
    }
}
