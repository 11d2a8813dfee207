//! Where the parts of the demo listen, and where they keep their data.

use crate::tree;
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use ports::Lease;
use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// The ports as they were asked for, each with the option that names it. The walk takes free ones in the place of these defaults.
#[derive(Args, Clone, Default)]
pub struct Wanted {
    /// Port of the control plane and its console [default: 7400].
    #[arg(long, env = "WRIT_DEMO_PORT", value_name = "PORT")]
    port: Option<u16>,
    /// Port of the gateway [default: 7500].
    #[arg(long, env = "WRIT_DEMO_GATEWAY_PORT", value_name = "PORT")]
    gateway_port: Option<u16>,
    /// Port of the demo identity provider [default: 7600].
    #[arg(long, env = "WRIT_DEMO_IDP_PORT", value_name = "PORT")]
    idp_port: Option<u16>,
    /// Port of the demo MCP server *incident* [default: 7701].
    #[arg(long, env = "WRIT_DEMO_INCIDENT_PORT", value_name = "PORT")]
    incident_port: Option<u16>,
    /// Port of the demo MCP server *analytics* [default: 7702].
    #[arg(long, env = "WRIT_DEMO_ANALYTICS_PORT", value_name = "PORT")]
    analytics_port: Option<u16>,
}

impl Wanted {
    /// What was asked for, and these ports otherwise.
    pub fn or(&self, others: &Ports) -> Ports {
        Ports {
            port: self.port.unwrap_or(others.port),
            gateway_port: self.gateway_port.unwrap_or(others.gateway_port),
            idp_port: self.idp_port.unwrap_or(others.idp_port),
            incident_port: self.incident_port.unwrap_or(others.incident_port),
            analytics_port: self.analytics_port.unwrap_or(others.analytics_port),
        }
    }
}

/// The ports, all on 127.0.0.1.
#[derive(Clone)]
pub struct Ports {
    /// Of the control plane and its console.
    pub port: u16,
    /// Of the gateway.
    pub gateway_port: u16,
    /// Of the demo identity provider.
    pub idp_port: u16,
    /// Of the demo MCP server *incident*.
    pub incident_port: u16,
    /// Of the demo MCP server *analytics*.
    pub analytics_port: u16,
}

impl Default for Ports {
    /// Those that the README speaks of.
    fn default() -> Self {
        Self { port: 7400, gateway_port: 7500, idp_port: 7600, incident_port: 7701, analytics_port: 7702 }
    }
}

impl Ports {
    /// Five ports for tests beside a running demo, nobody else's for as long as the leases are kept.
    pub fn leased() -> Result<(Self, [Lease; 5])> {
        let leases: [Lease; 5] = Lease::take_many().context("looking for free ports")?;
        let [port, gateway_port, idp_port, incident_port, analytics_port] = leases.each_ref().map(Lease::port);
        Ok((Self { port, gateway_port, idp_port, incident_port, analytics_port }, leases))
    }

    /// Each port with what listens there and the option that changes it.
    pub fn named(&self) -> [(u16, &'static str, &'static str, &'static str); 5] {
        [
            (self.port, "the control plane", "--port", "WRIT_DEMO_PORT"),
            (self.gateway_port, "the gateway", "--gateway-port", "WRIT_DEMO_GATEWAY_PORT"),
            (self.idp_port, "the demo identity provider", "--idp-port", "WRIT_DEMO_IDP_PORT"),
            (self.incident_port, "the demo MCP server incident", "--incident-port", "WRIT_DEMO_INCIDENT_PORT"),
            (self.analytics_port, "the demo MCP server analytics", "--analytics-port", "WRIT_DEMO_ANALYTICS_PORT"),
        ]
    }
}

/// Everything the command lines need to know.
#[derive(Clone)]
pub struct Places {
    /// The ports.
    pub ports: Ports,
    /// The folder of all data, absolute.
    pub data: PathBuf,
    /// The folder of the browser half, if it was built.
    pub site: Option<PathBuf>,
    /// Where the running supervisor takes requests.
    pub control_socket: PathBuf,
}

/// The demo's only tenant.
pub const TENANT: &str = "acme";
/// The demo's only gateway.
pub const GATEWAY: &str = "gw-1";

impl Places {
    /// The console's address.
    pub fn console(&self) -> String {
        url(self.ports.port)
    }

    /// The gateway's address.
    pub fn gateway(&self) -> String {
        url(self.ports.gateway_port)
    }

    /// The identity provider's issuer.
    pub fn idp(&self) -> String {
        url(self.ports.idp_port)
    }

    /// The real address of the MCP server *incident*.
    pub fn incident(&self) -> String {
        format!("{}/mcp", url(self.ports.incident_port))
    }

    /// The real address of the MCP server *analytics*.
    pub fn analytics(&self) -> String {
        format!("{}/mcp", url(self.ports.analytics_port))
    }

    /// The tenant's base, which is also its OAuth issuer.
    pub fn issuer(&self) -> String {
        format!("{}/t/{TENANT}", self.console())
    }

    /// A folder or file below the data folder.
    pub fn data(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    /// The log of one part.
    pub fn log(&self, part: &str) -> PathBuf {
        self.data.join("logs").join(format!("{part}.log"))
    }
}

/// `127.0.0.1:port`.
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// Marks a folder as the demo's own, whose content it may remove.
const OWNED: &str = ".writ-demo";

/// Makes the folder and returns its absolute path. A relative one is meant from where the person stands. A folder with
/// anything else in it is refused: starting over removes what lies there.
pub fn made(folder: &Path) -> Result<PathBuf> {
    let path = if folder.is_absolute() { folder.to_path_buf() } else { env::current_dir().unwrap_or_else(|_| tree::root()).join(folder) };
    fs::create_dir_all(&path).with_context(|| format!("making the data folder {}", path.display()))?;
    if !path.join(OWNED).is_file() {
        let empty = fs::read_dir(&path)?.next().is_none();
        ensure!(empty, "{} holds files that are not the demo's; choose an empty or a new folder with --data DIR", path.display());
        fs::write(path.join(OWNED), "Made by `cargo xtask demo`, which may remove this folder's content.\n")?;
    }
    fs::create_dir_all(path.join("logs"))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_has_ports_of_its_own_but_for_those_that_were_asked_for() -> Result<()> {
        let wanted = Wanted { gateway_port: Some(9), ..Wanted::default() };
        let demo = wanted.or(&Ports::default());
        let (free, _leases) = Ports::leased()?;
        let walk = wanted.or(&free);
        assert_eq!((demo.port, demo.gateway_port, walk.gateway_port, walk.port), (7400, 9, 9, free.port));
        assert!(walk.named().iter().zip(demo.named()).all(|(walk, demo)| walk.0 != demo.0 || walk.0 == 9));
        Ok(())
    }

    #[test]
    fn only_a_folder_of_its_own_becomes_the_demos() -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("precious"), "")?;
        assert!(made(folder.path()).is_err());
        let inner = folder.path().join("demo");
        made(&inner)?;
        fs::write(inner.join("made by the demo"), "")?;
        made(&inner)?;
        Ok(())
    }
}
