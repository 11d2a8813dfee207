//! What the operator says, in a file and on the command line, checked once and completely before anything starts.

mod check;
pub mod file;
mod problem;
pub mod secret;
pub mod settings;

pub use problem::{Problem, Problems};

use crate::link::Patience;
use http::HeaderName;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The settings of one gateway, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where its key, identity, verified state and decision log lie.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// How clients reach it, without a slash at the end: resource URIs start with it.
    pub public_url: String,
    /// The tenant at the control plane, without a slash at the end: `https://writ.example/t/acme`.
    pub control_plane: String,
    /// Where to follow the files alone, without a control plane; then `control_plane` is empty.
    pub repository: Option<Repository>,
    /// Its name in the fleet.
    pub name: String,
    /// The enrolment token, for the first start.
    pub enrol_token: Option<String>,
    /// What its operator labels it with; rings may go by it.
    pub labels: BTreeMap<String, String>,
    /// TLS of its own listener.
    pub tls: Option<TlsFiles>,
    /// Bounds on what clients may take up.
    pub limits: Limits,
    /// The decision log.
    pub decisions: Decisions,
    /// How often MCP servers are asked for their tools; `None`: only when something asks.
    pub drift_check: Option<Duration>,
    /// What is particular to an MCP server, by its resource URI.
    pub upstreams: BTreeMap<String, Upstream>,
    /// How long whoever it follows may take to answer. Nothing that an operator sets.
    pub patience: Patience,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::new(),
            listen: ([127, 0, 0, 1], 7500).into(),
            public_url: "http://127.0.0.1:7500".into(),
            control_plane: String::new(),
            repository: None,
            name: "gw-1".into(),
            enrol_token: None,
            labels: BTreeMap::new(),
            tls: None,
            limits: Limits::default(),
            decisions: Decisions::default(),
            drift_check: Some(Duration::from_secs(300)),
            upstreams: BTreeMap::new(),
            patience: Patience::default(),
        }
    }
}

/// A repository that is followed without a control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// A directory, or an http(s) URL without its last slash.
    pub at: String,
    /// The tenant's slug.
    pub tenant: String,
    /// SHA-256 of the first root, hex.
    pub root_sha256: String,
    /// How often to ask for the files.
    pub every: Duration,
}

impl Repository {
    /// How often the files are asked for unless told otherwise. A timestamp is signed for at least ten minutes.
    pub const EVERY: Duration = Duration::from_secs(10);
}

/// PEM files of a certificate chain and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain.
    pub cert: PathBuf,
    /// The key, its owner's only.
    pub key: PathBuf,
}

/// Bounds on what clients may take up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. Standing streams count.
    pub connections: usize,
    /// Of these from one address; 0: no bound.
    pub connections_per_peer: usize,
    /// Requests of one caller at once.
    pub requests_per_caller: usize,
    /// Standing streams of one caller.
    pub streams_per_caller: usize,
    /// Largest message.
    pub body_bytes: usize,
    /// Largest head of a request.
    pub head_bytes: usize,
    /// How long the head of a request may take, and a connection may idle between two.
    pub head: Duration,
    /// How long a message may take.
    pub body: Duration,
    /// How long a client may leave bytes of an answer lying.
    pub write: Duration,
    /// How long calls may take to end when the gateway stops.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_peer: 2048,
            requests_per_caller: 256,
            streams_per_caller: 32,
            body_bytes: enforce::rpc::LARGEST,
            head_bytes: 64 * 1024,
            head: Duration::from_secs(30),
            body: Duration::from_secs(30),
            write: Duration::from_secs(60),
            stop: Duration::from_secs(5),
        }
    }
}

/// The decision log's bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decisions {
    /// Most that unsent decisions may take on disk, in bytes.
    pub disk_bytes: u64,
    /// What happens to calls that cannot be written down.
    pub when_unavailable: WhenUnavailable,
}

impl Default for Decisions {
    fn default() -> Self {
        Self { disk_bytes: 1 << 30, when_unavailable: WhenUnavailable::DenyHighRisk }
    }
}

/// What happens to calls that cannot be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenUnavailable {
    /// Those of high risk are denied; others go on and are counted as lost.
    DenyHighRisk,
    /// All are denied.
    DenyAll,
}

/// What is particular to one MCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Who may have signed its certificate.
    pub ca: Option<PathBuf>,
    /// What the gateway shows it.
    pub mtls: Option<MutualTls>,
    /// A credential of the gateway's.
    pub credential: Option<Credential>,
    /// How long connecting may take.
    pub connect: Duration,
    /// How long it may take to begin its answer.
    pub answer: Duration,
    /// Largest message, if less than for all.
    pub body_bytes: Option<usize>,
}

impl Default for Upstream {
    fn default() -> Self {
        let (connect, answer) = (Duration::from_secs(5), Duration::from_secs(300));
        Self { ca: None, mtls: None, credential: None, connect, answer, body_bytes: None }
    }
}

/// A client certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutualTls {
    /// The chain, PEM.
    pub cert: PathBuf,
    /// The key, PEM, its owner's only.
    pub key: PathBuf,
}

/// A credential in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Which header carries it.
    pub header: HeaderName,
    /// Where it lies.
    pub file: PathBuf,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where metrics are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// Nowhere.
    Off,
    /// On a listener of their own.
    At(SocketAddr),
}

/// What was said, as far as it was said: a file's content, over which the command line goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// See [`Config::data`].
    pub data: Option<PathBuf>,
    /// See [`Config::control_plane`].
    pub control_plane: Option<String>,
    /// See [`Repository::at`].
    pub repository_at: Option<String>,
    /// See [`Repository::tenant`].
    pub repository_tenant: Option<String>,
    /// See [`Repository::root_sha256`].
    pub repository_root_sha256: Option<String>,
    /// See [`Repository::every`].
    pub repository_every: Option<Duration>,
    /// See [`Config::public_url`].
    pub public_url: Option<String>,
    /// See [`Config::listen`].
    pub listen: Option<SocketAddr>,
    /// See [`Config::name`].
    pub name: Option<String>,
    /// See [`Config::labels`].
    pub labels: Option<BTreeMap<String, String>>,
    /// Where the enrolment token lies.
    pub enrol_token_file: Option<PathBuf>,
    /// The form of log lines.
    pub log: Option<LogFormat>,
    /// See [`Config::tls`].
    pub tls: Option<TlsFiles>,
    /// Where metrics are served.
    pub metrics: Option<Metrics>,
    /// See [`Config::limits`].
    pub limits: Limits,
    /// See [`Decisions::disk_bytes`].
    pub disk_bytes: Option<u64>,
    /// See [`Decisions::when_unavailable`].
    pub when_unavailable: Option<WhenUnavailable>,
    /// See [`Config::drift_check`]; zero is never.
    pub drift_check: Option<Duration>,
    /// See [`Config::upstreams`].
    pub upstreams: BTreeMap<String, Upstream>,
    /// Where in the file each setting and section stands.
    pub places: BTreeMap<String, String>,
}

impl Settings {
    /// The command line, over the file. Each is an option and what was given to it.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn overridden(mut self, given: &[(&'static str, String)], labels: &[String]) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        for (option, value) in given {
            let done = self.set(option, value);
            if let Err(why) = done {
                problems.add(*option, *option, why);
            }
        }
        if !labels.is_empty() {
            match check::labels(labels) {
                Ok(labels) => self.labels = Some(labels),
                Err(why) => problems.add("--label", "--label", why),
            }
        }
        if problems.0.is_empty() { Ok(self) } else { Err(problems) }
    }

    fn set(&mut self, option: &str, value: &str) -> Result<(), String> {
        match option {
            "--data" => self.data = Some(value.into()),
            "--control-plane" => self.control_plane = Some(check::control_plane(value)?),
            "--repository" => self.repository_at = Some(check::repository(value)?),
            "--tenant" => self.repository_tenant = Some(check::name(value)?),
            "--root-sha256" => self.repository_root_sha256 = Some(check::sha256(value)?),
            "--public-url" => self.public_url = Some(check::base(value)?),
            "--listen" => self.listen = Some(check::address(value)?),
            "--name" => self.name = Some(check::name(value)?),
            "--enrol-token-file" => self.enrol_token_file = Some(value.into()),
            "--metrics-listen" if value == "off" => self.metrics = Some(Metrics::Off),
            "--metrics-listen" => self.metrics = Some(Metrics::At(check::address(value)?)),
            _ => return Err("there is no such option".into()),
        }
        Ok(())
    }

    /// The whole configuration, with the files that it names looked at. `place` is where a missing setting belongs.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn finish(self, place: &str) -> Result<Config, Problems> {
        let (mut problems, default) = (Problems::default(), Config::default());
        let at = |setting: &str| self.places.get(setting).map_or(place, String::as_str).to_owned();
        if self.data.is_none() {
            problems.add(place, "data", "it is not set: name a folder here, or give --data");
        }
        let repository = (self.repository_at.clone(), self.repository_tenant.clone(), self.repository_root_sha256.clone());
        let repository = match (repository, &self.control_plane) {
            ((None, None, None), Some(_)) => None,
            ((None, None, None), None) => {
                problems.add(place, "control_plane", "it is not set: give the tenant's address here, or with --control-plane");
                None
            }
            (_, Some(_)) => {
                problems.add(at("repository"), "repository", "a gateway follows either a control plane or a repository: leave one out");
                None
            }
            ((Some(at), Some(tenant), Some(root_sha256)), None) => {
                let every = self.repository_every.unwrap_or(Repository::EVERY);
                Some(Repository { at, tenant, root_sha256, every })
            }
            (_, None) => {
                problems.add(at("repository"), "repository", "set all of `at`, `tenant` and `root_sha256`; `writ export-repo` prints them");
                None
            }
        };
        let public_url = self.public_url.clone().unwrap_or(default.public_url);
        if let Some(tls) = &self.tls
            && let Err(why) = crate::tls::server_config(tls)
        {
            problems.add(at("tls"), "tls", why);
        }
        if self.tls.is_some() && !public_url.starts_with("https://") {
            problems.add(at("public_url"), "public_url", "with `tls` clients reach the gateway by https: let it begin with https://");
        }
        for (resource, upstream) in &self.upstreams {
            let setting = format!("upstreams.\"{resource}\"");
            if !(resource.starts_with(&public_url) && matches!(resource.as_bytes().get(public_url.len()), None | Some(b'/'))) {
                problems.add(at(&setting), &setting, format!("the resource URIs of this gateway begin with its public_url, {public_url}"));
            }
            if upstream.body_bytes.is_some_and(|bytes| bytes > self.limits.body_bytes) {
                problems.add(
                    at(&setting),
                    format!("{setting}.body_bytes"),
                    "it is more than limits.body_bytes allows for all: raise that one",
                );
            }
            for why in crate::proxy::upstream_problems(upstream) {
                problems.add(at(&setting), &setting, why);
            }
        }
        if !problems.0.is_empty() {
            return Err(problems);
        }
        Ok(Config {
            data: self.data.unwrap_or_default(),
            control_plane: self.control_plane.unwrap_or_default(),
            repository,
            public_url,
            listen: self.listen.unwrap_or(default.listen),
            name: self.name.unwrap_or(default.name),
            labels: self.labels.unwrap_or_default(),
            enrol_token: None,
            tls: self.tls,
            limits: self.limits,
            decisions: Decisions {
                disk_bytes: self.disk_bytes.unwrap_or(default.decisions.disk_bytes),
                when_unavailable: self.when_unavailable.unwrap_or(default.decisions.when_unavailable),
            },
            drift_check: self.drift_check.or(default.drift_check).filter(|every| !every.is_zero()),
            upstreams: self.upstreams,
            patience: default.patience,
        })
    }
}

impl Config {
    /// Checks the addresses and takes their last slash off.
    ///
    /// # Errors
    /// Says which setting is wrong.
    pub fn checked(mut self) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut take = |setting: &str, checked: Result<String, String>, into: &mut String| match checked {
            Ok(value) => *into = value,
            Err(why) => problems.add(setting, setting, why),
        };
        take("public_url", check::base(&self.public_url), &mut self.public_url);
        if self.repository.is_none() {
            take("control_plane", check::control_plane(&self.control_plane), &mut self.control_plane);
        }
        take("name", check::name(&self.name), &mut self.name);
        if problems.0.is_empty() { Ok(self) } else { Err(problems) }
    }

    /// The tenant's slug: the repository's, or the end of the control plane's address.
    ///
    /// # Errors
    /// When the address does not end in `/t/{tenant}`.
    pub fn tenant(&self) -> Result<&str, Problems> {
        if let Some(repository) = &self.repository {
            return Ok(&repository.tenant);
        }
        let wrong = |what| Problems(vec![Problem { place: "control_plane".into(), setting: "control_plane".into(), what }]);
        check::tenant_of(&self.control_plane).map_err(wrong)
    }
}
