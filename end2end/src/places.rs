//! Where everything is: given by whoever started it.

use clap::Args;
use std::path::PathBuf;

/// The addresses and files of one running system.
#[derive(Args, Clone, Debug)]
pub struct Places {
    /// The control plane's address, without the tenant.
    #[arg(long, env = "WRIT_DEMO_CONSOLE", default_value = "http://127.0.0.1:7400")]
    pub console: String,
    /// The tenant's slug.
    #[arg(long, env = "WRIT_DEMO_TENANT", default_value = "acme")]
    pub tenant: String,
    /// The gateway's address.
    #[arg(long, env = "WRIT_DEMO_GATEWAY", default_value = "http://127.0.0.1:7500")]
    pub gateway: String,
    /// The gateway's name in the fleet.
    #[arg(long, env = "WRIT_DEMO_GATEWAY_NAME", default_value = "gw-1")]
    pub gateway_name: String,
    /// The identity provider's issuer.
    #[arg(long, env = "WRIT_DEMO_IDP", default_value = "http://127.0.0.1:7600")]
    pub idp: String,
    /// The real MCP server *incident*.
    #[arg(long, env = "WRIT_DEMO_INCIDENT", default_value = "http://127.0.0.1:7701/mcp")]
    pub incident: String,
    /// The real MCP server *analytics*.
    #[arg(long, env = "WRIT_DEMO_ANALYTICS", default_value = "http://127.0.0.1:7702/mcp")]
    pub analytics: String,
    /// A folder for what is downloaded.
    #[arg(long, env = "WRIT_DEMO_DATA", default_value = "demo-data")]
    pub data: PathBuf,
    /// The `writ` program, to verify exports with.
    #[arg(long, env = "WRIT_DEMO_WRIT", default_value = "target/debug/writ")]
    pub writ: PathBuf,
    /// The socket at which the supervisor takes requests to stop and start parts.
    #[arg(long, env = "WRIT_DEMO_CONTROL")]
    pub control: Option<PathBuf>,
}

impl Places {
    /// The tenant's base, which is also its OAuth issuer.
    pub fn issuer(&self) -> String {
        format!("{}/t/{}", self.console, self.tenant)
    }

    /// A page of the tenant's console.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer())
    }

    /// The resource URI of a server behind the gateway.
    pub fn resource(&self, server: &str) -> String {
        format!("{}/mcp/{server}", self.gateway)
    }
}
