//! The server *analytics*: numbers of a made-up shop.

use rmcp::{
    ErrorData, ServerHandler,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    model::{CallToolResult, Implementation, ServerCapabilities, ServerConfig},
    schemars::JsonSchema,
    tool, tool_handler, tool_router,
};
use serde::Deserialize;
use serde_json::json;

#[derive(Clone)]
pub(super) struct Analytics {
    tool_router: ToolRouter<Self>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars", deny_unknown_fields)]
struct Query {
    /// `cost`, `error_rate`, `latency_p99` or `orders`.
    metric: String,
    /// `1h`, `24h` or `7d`.
    window: String,
}

/// Name, unit, value in an hour, and whether a longer window adds up.
const METRICS: [(&str, &str, f64, bool); 4] = [
    ("cost", "EUR", 41.7, true),
    ("error_rate", "percent", 3.4, false),
    ("latency_p99", "ms", 2140.0, false),
    ("orders", "count", 1260.0, true),
];
const WINDOWS: [(&str, f64); 3] = [("1h", 1.0), ("24h", 24.0), ("7d", 168.0)];

#[tool_router]
impl Analytics {
    pub(super) fn new() -> Self {
        Self { tool_router: Self::tool_router() }
    }

    /// Answers with one number over a window of time.
    #[tool(
        name = "analytics.query",
        annotations(
            title = "Query analytics",
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn query(&self, Parameters(ask): Parameters<Query>) -> Result<CallToolResult, ErrorData> {
        let found = METRICS.iter().find(|metric| metric.0 == ask.metric).zip(WINDOWS.iter().find(|window| window.0 == ask.window));
        let Some(((metric, unit, hourly, adds_up), (window, hours))) = found else {
            let said = "metric is one of cost, error_rate, latency_p99, orders; window is one of 1h, 24h, 7d";
            return Err(ErrorData::invalid_params(said, None));
        };
        let value = if *adds_up { hourly * hours } else { *hourly };
        Ok(CallToolResult::structured(json!({ "metric": metric, "window": window, "value": value, "unit": unit })))
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Analytics {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("analytics", env!("CARGO_PKG_VERSION")))
            .with_instructions("Cost, errors, latency and orders of a made-up shop.")
    }
}
