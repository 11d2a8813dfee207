//! The reverse proxy that does nothing, as a process beside.

use anyhow::{Context as _, Result};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Running until it is dropped.
pub struct Floor {
    /// How clients reach the MCP server through it.
    pub url: String,
    _process: Child,
}

impl Floor {
    /// Starts one in front of an MCP server. With certificate and key, clients speak TLS with it.
    pub async fn start(upstream: &str, tls: Option<(&Path, &Path)>) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("bench-floor");
        let mut command = Command::new(&program);
        command.args(["--upstream", upstream]).stdout(Stdio::piped()).kill_on_drop(true);
        if let Some((cert, key)) = tls {
            command.arg("--cert").arg(cert).arg("--key").arg(key);
        }
        let mut process = command.spawn().with_context(|| format!("starting {}", program.display()))?;
        let told = process.stdout.take().context("it has no output")?;
        let address = BufReader::new(told).lines().next_line().await?.context("the proxy ended before it listened")?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        Ok(Self { url: format!("{scheme}://{address}/mcp"), _process: process })
    }
}
