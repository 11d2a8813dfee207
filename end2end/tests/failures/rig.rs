//! A whole system of its own: folders, free ports, processes. Everything ends with it.

use super::proxy::Proxy;
use anyhow::{Context as _, Result, bail};
use end2end::{console::Person, places::Places, wait};
use ports::Lease;
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;

const READY: Duration = Duration::from_secs(60);
/// The secret that Writ has at the identity provider of one test.
const SECRET: &str = "only-for-this-test";
/// The token that it has at the key management service.
const VAULT_TOKEN: &str = "hvs.only-for-this-test";

/// A program of the system.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The identity provider.
    Idp,
    /// The MCP server *incident*.
    Incident,
    /// The control plane.
    Writ,
    /// Another control plane over the same database; only where that is PostgreSQL.
    Replica,
    /// The gateway.
    Gateway,
    /// A gateway in its place that knows no control plane: it reads `follower.toml`.
    Follower,
    /// Another one, labelled `stage=canary`.
    Canary,
    /// What stands in for a key management service.
    KeyService,
}

/// The running system.
pub struct Rig {
    /// Where everything is.
    pub places: Places,
    /// Stands between the control plane and everybody who calls it.
    pub proxy: Proxy,
    folder: TempDir,
    ports: [Lease; 7],
    database: Database,
    key_service: bool,
    running: Vec<(Part, Child)>,
}

impl Rig {
    /// Identity provider and control plane, with the tenant and its admins.
    pub async fn start() -> Result<Self> {
        let mut rig = Self::prepared().await?;
        rig.start_part(Part::Idp).await?;
        rig.start_part(Part::Writ).await?;
        Ok(rig)
    }

    /// All parts; roles, groups, server, client are made and published, and the gateway runs them. Returns the client's id with it.
    pub async fn complete() -> Result<(Self, Complete)> {
        Self::start().await?.furnished().await
    }

    /// The same over PostgreSQL, with a replica beside the control plane; none if no PostgreSQL was named. Everybody who connects is led
    /// to the first of the two: see [`Rig::lead_to`]. `test` names the database.
    pub async fn replicated(test: &str) -> Result<Option<Self>> {
        let Some(database) = Database::postgres(test).await? else { return Ok(None) };
        let mut rig = Self::over(database).await?;
        rig.start_part(Part::Idp).await?;
        rig.start_part(Part::Writ).await?;
        rig.start_part(Part::Replica).await?;
        Ok(Some(rig))
    }

    /// New connections go to this control plane.
    pub fn lead_to(&self, part: Part) {
        self.proxy.route(self.ports[if part == Part::Replica { 4 } else { 0 }].port());
    }

    /// Starts what is missing and sets up what [`Rig::complete`] promises.
    pub async fn furnished(self) -> Result<(Self, Complete)> {
        let mut rig = self;
        rig.start_part(Part::Incident).await?;
        let token = rig.writ(&["admin", "enrol-gateway", "--tenant", "acme", "--name", "gw-1"])?;
        rig.private("enrol-token", token.trim())?;
        rig.start_part(Part::Gateway).await?;
        let mut ada = rig.person("ada")?;
        ada.import_roles(end2end::walk::ROLE_FILE).await?;
        ada.assign("engineering", "developer").await?;
        ada.assign("sre", "sre").await?;
        let server = ada.register_server("incident", &rig.places.resource("incident"), &rig.places.incident).await?;
        for tool in ["logs.read", "logs.debug.write", "incidents.trigger"] {
            ada.bind(&server, tool, Some(tool)).await?;
        }
        let client = ada.register_client("Test IDE", end2end::walk::REDIRECT).await?;
        ada.publish("for the test").await?;
        ada.converged("gw-1").await?;
        Ok((rig, Complete { ada, server: server.id, client }))
    }

    /// Starts a key management service with these keys, and the control plane anew so that it knows of it.
    pub async fn with_key_service(&mut self, keys: &[String]) -> Result<()> {
        self.private("vault-token", VAULT_TOKEN)?;
        self.start_part(Part::KeyService).await?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        for key in keys {
            let url = format!("{}/v1/transit/keys/{key}", self.vault());
            http.post(url).header("x-vault-token", VAULT_TOKEN).send().await?.error_for_status()?;
        }
        self.key_service = true;
        self.kill(Part::Writ)?;
        self.start_part(Part::Writ).await
    }

    fn vault(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[6].port())
    }

    /// Nothing runs yet, but the tenant is made.
    pub async fn prepared() -> Result<Self> {
        Self::over(Database::Sqlite).await
    }

    async fn over(database: Database) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("writ-failures-").tempdir()?;
        let ports: [Lease; 7] = Lease::take_many()?;
        let proxy = Proxy::start(ports[0].port()).await?;
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let at = |part: usize| url(ports[part].port());
        let places = Places {
            console: url(proxy.port()),
            tenant: "acme".to_owned(),
            gateway: at(3),
            gateway_name: "gw-1".to_owned(),
            idp: at(1),
            incident: at(2) + "/mcp",
            analytics: String::new(),
            data: folder.path().to_owned(),
            writ: binary("writ")?,
            control: None,
        };
        let rig = Self { places, proxy, folder, ports, database, key_service: false, running: Vec::new() };
        rig.private("master.key", &"5a".repeat(32))?;
        let redirect = rig.places.at("/signin/callback");
        let clients = json!({ "clients": [{ "client_id": "writ", "client_secret": SECRET, "redirect_uris": [redirect], "post_logout_redirect_uris": [] }] });
        rig.private("idp.json", &clients.to_string())?;
        rig.private("secret", SECRET)?;
        rig.writ(&["admin", "create-tenant", "acme", "--name", "Acme"])?;
        let secret = rig.path("secret");
        let secret = secret.to_str().context("the temporary folder has a name that is not text")?;
        rig.writ(&[
            "admin",
            "set-idp",
            "--tenant",
            "acme",
            "--issuer",
            &rig.places.idp,
            "--client-id",
            "writ",
            "--client-secret-file",
            secret,
        ])?;
        for (group, role) in [("iam-admins", "owner"), ("sre", "approver"), ("audit", "auditor")] {
            rig.writ(&["admin", "grant", "--tenant", "acme", "--group", group, "--role", role])?;
        }
        Ok(rig)
    }

    /// Someone with a fresh browser.
    pub fn person(&self, username: &'static str) -> Result<Person> {
        Person::new(username, &self.places)
    }

    /// Where the canary answers.
    pub fn canary(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[5].port())
    }

    /// Starts the canary with an enrolment of its own.
    pub async fn start_canary(&mut self) -> Result<()> {
        let token = self.writ(&["admin", "enrol-gateway", "--tenant", "acme", "--name", "gw-canary"])?;
        self.private("canary-token", token.trim())?;
        self.start_part(Part::Canary).await
    }

    /// A path in the test's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a part and waits until it answers.
    pub async fn start_part(&mut self, part: Part) -> Result<()> {
        let log = self.path(&format!("{part:?}.log"));
        let output = File::options().create(true).append(true).open(&log)?;
        let mut command = self.command(part)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {part:?}"))?;
        self.running.push((part, child));
        let probe = self.probe(part);
        let at = self.running.len() - 1;
        wait::until(&format!("{part:?} answers"), READY, async || {
            if let Some(status) = self.running[at].1.try_wait()? {
                bail!("{part:?} ended ({status}); its log: {}", fs::read_to_string(&log).unwrap_or_default());
            }
            Ok(reqwest::get(&probe).await.ok())
        })
        .await?;
        Ok(())
    }

    /// Ends a part as a power cut would.
    pub fn kill(&mut self, part: Part) -> Result<()> {
        let at = self.running.iter().position(|(running, _)| *running == part).with_context(|| format!("{part:?} does not run"))?;
        let (_, mut child) = self.running.remove(at);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Runs `writ` on the data folder and returns what it printed.
    pub fn writ(&self, words: &[&str]) -> Result<String> {
        let output = self.try_writ(words)?;
        if !output.status.success() {
            bail!("writ {} failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs `writ` on the data folder, with nobody there to answer; returns how it ended.
    pub fn try_writ(&self, words: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.places.writ);
        Ok(self.on_data(command.args(words)).args(["--public-url", &self.places.console]).stdin(Stdio::null()).output()?)
    }

    fn on_data<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        if self.key_service {
            command.args(["--vault-address", &self.vault(), "--vault-token-file"]).arg(self.path("vault-token"));
        }
        match &self.database {
            Database::Sqlite => command.arg("--data").arg(self.path("writ")),
            Database::Postgres(url) => command.args(["--database-url", url, "--master-key-file"]).arg(self.path("master.key")),
        }
    }

    fn private(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(())
    }

    fn probe(&self, part: Part) -> String {
        match part {
            Part::Idp => format!("{}/.well-known/openid-configuration", self.places.idp),
            Part::Incident => self.places.incident.replace("/mcp", "/healthz"),
            Part::Writ => format!("http://127.0.0.1:{}/healthz", self.ports[0].port()),
            Part::Replica => format!("http://127.0.0.1:{}/healthz", self.ports[4].port()),
            Part::Gateway | Part::Follower => format!("{}/healthz", self.places.gateway),
            Part::Canary => format!("{}/healthz", self.canary()),
            Part::KeyService => self.vault(),
        }
    }

    fn command(&self, part: Part) -> Result<Command> {
        let listen = |at: usize| format!("127.0.0.1:{}", self.ports[at].port());
        let mut command = Command::new(binary(match part {
            Part::Idp => "demo-idp",
            Part::Incident => "demo-mcp",
            Part::Writ | Part::Replica => "writ",
            Part::Gateway | Part::Follower | Part::Canary => "writ-gateway",
            Part::KeyService => "demo-transit",
        })?);
        match part {
            Part::Idp => command
                .args(["--listen", &listen(1), "--issuer", &self.places.idp, "--config"])
                .arg(self.path("idp.json"))
                .arg("--data")
                .arg(self.path("idp")),
            Part::Incident => command.args(["--kind", "incident", "--listen", &listen(2)]),
            Part::Writ | Part::Replica => {
                let at = if part == Part::Replica { 4 } else { 0 };
                let command = command.args(["serve", "--listen", &listen(at), "--public-url", &self.places.console, "--allow-loopback"]);
                self.on_data(command)
            }
            Part::KeyService => command.args(["--listen", &listen(6), "--token-file"]).arg(self.path("vault-token")),
            Part::Follower => command
                .args(["run", "--listen", &listen(3), "--public-url", &self.places.gateway, "--data"])
                .arg(self.path("follower"))
                .arg("--config")
                .arg(self.path("follower.toml")),
            Part::Gateway => self.gateway(&mut command, "gw-1", &listen(3), &self.places.gateway, "gateway", "enrol-token"),
            Part::Canary => {
                let command = self.gateway(&mut command, "gw-canary", &listen(5), &self.canary(), "canary", "canary-token");
                command.args(["--label", "stage=canary"])
            }
        };
        Ok(command)
    }

    fn gateway<'c>(&self, command: &'c mut Command, name: &str, listen: &str, url: &str, data: &str, token: &str) -> &'c mut Command {
        command
            .args(["run", "--listen", listen, "--public-url", url, "--control-plane", &self.places.issuer(), "--name", name])
            .args(["--metrics-listen", "off"])
            .arg("--data")
            .arg(self.path(data))
            .arg("--enrol-token-file")
            .arg(self.path(token))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            // Whatever ended already needs no ending.
            let _gone = child.kill().and_then(|()| child.wait());
        }
    }
}

/// Where the control planes keep their data.
enum Database {
    Sqlite,
    Postgres(String),
}

impl Database {
    /// A new database on the server that `WRIT_TEST_POSTGRES` names, if it names one.
    async fn postgres(test: &str) -> Result<Option<Self>> {
        let Some(server) = std::env::var("WRIT_TEST_POSTGRES").ok().filter(|url| !url.is_empty()) else { return Ok(None) };
        let name = format!("writ_end2end_{test}");
        let admin = sea_orm::Database::connect(&server).await.context("WRIT_TEST_POSTGRES can not be reached")?;
        admin.execute_unprepared(&format!("drop database if exists {name} with (force)")).await?;
        admin.execute_unprepared(&format!("create database {name} template template0")).await?;
        admin.close().await?;
        let mut url = url::Url::parse(&server)?;
        url.set_path(&name);
        Ok(Some(Self::Postgres(url.to_string())))
    }
}

/// What [`Rig::complete`] made.
pub struct Complete {
    /// The admin, signed in.
    pub ada: Person,
    /// The id of *incident*.
    pub server: String,
    /// The client's id.
    pub client: String,
}

/// A program of the workspace, beside this test's own.
pub fn binary(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.parent().and_then(Path::parent).context("this test lies in no target folder")?.join(name);
    if !path.is_file() {
        bail!("{} is not built: run `cargo build` first", path.display());
    }
    Ok(path)
}
