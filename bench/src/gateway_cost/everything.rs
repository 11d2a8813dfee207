//! A gateway with everything on that it has, beside the demo's: TLS, rate limits of every kind, an argument schema, a strong and recent
//! sign-in, entries in the revocation list, an agent that acts for a person. It is set up in the console and at the host's shell. Before
//! anything is measured, what it has in force is read from what it keeps, and calls that each part has to stop are made.

use super::lane::{CALLS, TOOL};
use crate::clock::clock;
use crate::world::World;
use anyhow::{Context as _, Result, ensure};
use bundle::{Pin, Trusted};
use control::config::EditScope;
use control::governance;
use end2end::agent::Agent;
use end2end::ask;
use end2end::console::Person;
use end2end::oauth::{self, Exchange};
use gateway::data::{self, Identity};
use policy::{Kind, PolicySet, Revocations, Risk, Target};
use ports::Lease;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::{Child, Command};

const NAME: &str = "bench-everything";
/// A scope of its own, so that the demo's tool stays as it is.
const SCOPE: &str = "logs.restricted.read";
const ROLES: &str = "roles:\n  developer: [logs.read, analytics.query, logs.restricted.read]\n  nobody: [logs.read]\n";
/// The class that the demo's identity provider gives to who is asked for a second factor.
const ACR: &str = "aal2";
/// The oldest sign-in, seconds.
const MAX_AUTH_AGE: i64 = 3_600;
/// Sessions, connections and tokens that are revoked, of each so many.
const REVOKED: usize = 300;
/// Kinds of entries in that list: all but grants, which the call has none of, and the whole tenant.
const KINDS: usize = 9;
/// Calls a minute, of each kind: as many as can be set, and more than can be made.
const PER_MINUTE: u32 = 1_000_000;

/// Running until it is dropped.
pub struct Everything {
    /// The tool's server, as clients call it.
    pub resource: String,
    /// The agent's.
    pub token: String,
    /// The person's, who signed in without a second factor.
    weak: String,
    metrics: String,
    cert: PathBuf,
    key: PathBuf,
    folder: TempDir,
    _process: Child,
    _ports: [Lease; 2],
}

impl Everything {
    /// Sets it up, starts it, and waits until it has in force what it should.
    pub async fn start(world: &mut World) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("writ-bench-gateway-").tempdir()?;
        let ports: [Lease; 2] = Lease::take_many()?;
        let address = |n: usize| format!("127.0.0.1:{}", ports[n].port());
        let (public_url, metrics) = (format!("https://{}", address(0)), format!("http://{}/metrics", address(1)));
        let resource = format!("{public_url}/mcp/incident");
        let agent = configure(world, &resource).await?;
        revoke(world).await?;
        world.ada.publish("everything on").await?;

        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let (cert_file, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        private(&cert_file, &cert.pem())?;
        private(&key_file, &signing_key.serialize_pem())?;
        private(&folder.path().join("enrol-token"), &world.enrolment_token(NAME)?)?;
        let settings = format!(
            "data = \"data\"\nlisten = \"{}\"\npublic_url = \"{public_url}\"\ncontrol_plane = \"{}\"\nname = \"{NAME}\"\nenrol_token_file = \"enrol-token\"\n\n[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n\n[metrics]\nlisten = \"{}\"\n\n[decisions]\nwhen_unavailable = \"deny_all\"\n",
            address(0),
            world.places.issuer(),
            address(1),
        );
        let config = folder.path().join("gateway.toml");
        fs::write(&config, settings)?;
        let log = File::create(folder.path().join("log"))?;
        let program = world.places.writ.with_file_name("writ-gateway");
        let mut command = Command::new(&program);
        command.args(["run", "--config"]).arg(&config).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let process = command.spawn().with_context(|| format!("starting {}", program.display()))?;
        if let Err(error) = world.ada.converged(NAME).await {
            let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            return Err(error.context(format!("the gateway with everything on says:\n{log}")));
        }

        // Without a second factor first: the session is made anew for the other.
        let weak = world.authorized(&resource, SCOPE, None).await?.token()?;
        let strong = world.authorized(&resource, SCOPE, Some(ACR)).await?.token()?;
        let proof = agent.proof(&world.places)?;
        let ask = Exchange { client_id: &world.client, subject_token: &strong, actor_token: &proof, resource: &resource, scope: SCOPE };
        let token = oauth::exchange(&world.places, ask).await?.token()?;
        let claims = oauth::claims(&token)?;
        ensure!(claims["act"]["sub"] == agent.id && claims["acr"] == ACR && claims["scope"] == SCOPE, "not the agent's token: {claims}");
        Ok(Self { resource, token, weak, metrics, cert: cert_file, key: key_file, folder, _process: process, _ports: ports })
    }

    /// A client that knows the certificate.
    pub fn http(&self) -> Result<Client> {
        let certificate = Certificate::from_pem(&fs::read(&self.cert)?)?;
        Ok(Client::builder().no_proxy().tls_certs_only([certificate]).build()?)
    }

    /// Certificate and key, for the proxy beside it.
    pub fn certificate(&self) -> (&Path, &Path) {
        (&self.cert, &self.key)
    }

    /// Says what is in force, by what the gateway keeps of it, and by calls that it has to refuse.
    ///
    /// # Errors
    /// When anything is not on.
    pub async fn checked(&self) -> Result<String> {
        let (policy, revocations) = self.in_force()?;
        let tool = policy.servers.get(&self.resource).and_then(|server| server.tools.get(TOOL)).context("the tool is not in force")?;
        let scope = policy.scopes.get(SCOPE).context("the scope is not in force")?;
        let limits = [policy.limits.subject, policy.limits.client, policy.limits.agent, tool.limit];
        ensure!(limits.iter().all(|limit| limit.is_some_and(|limit| limit.per_minute == PER_MINUTE)), "limits: {limits:?}");
        ensure!(tool.scope.as_deref() == Some(SCOPE) && tool.digest.is_some() && tool.arguments.is_some(), "the tool: {tool:?}");
        ensure!((scope.risk, scope.max_auth_age, scope.acr.as_deref()) == (Risk::High, Some(MAX_AUTH_AGE), Some(ACR)), "{scope:?}");
        let entries = revocations.entries().len();
        let kinds: HashSet<Kind> = revocations.entries().iter().map(|entry| entry.kind).collect();
        ensure!(entries >= 3 * REVOKED && kinds.len() == KINDS, "{entries} entries of {kinds:?} in the revocation list");

        let http = self.http()?;
        let call = async |token: &str, arguments: Value| ask::tool_by(&http, &self.resource, token, TOOL, arguments).await;
        ensure!(call(&self.token, ask::arguments(TOOL)).await?.worked(), "the agent's call does not work");
        let refused = [
            ("a sign-in that is too weak", call(&self.weak, ask::arguments(TOOL)).await?, "authentication_too_weak"),
            (
                "arguments that break the schema",
                call(&self.token, json!({ "service": "checkout", "everything": true })).await?,
                "arguments_refused",
            ),
        ];
        for (what, answer, reason) in refused {
            ensure!(answer.reason() == Some(reason), "{what}: {}", answer.shown());
        }
        Ok(format!(
            "TLS, an agent acting for a person, a second factor not older than an hour (the scope edited by its use case: no form asks for one), rate limits of person, client, agent and tool, an argument schema, {entries} revocations of {KINDS} kinds, definition, decision log without which nothing is let through, assertion; all of it checked to be on"
        ))
    }

    fn in_force(&self) -> Result<(PolicySet, Revocations)> {
        let kept = self.folder.path().join("data");
        let identity = data::identity(&kept)?.context("it is not enrolled")?;
        let document = data::kept(&kept)?.state.context("it has verified nothing")?;
        let Identity { tenant, gateway_id: gateway, root_sha256, .. } = identity;
        let (_, restored) = Trusted::open(Pin { tenant, gateway, root_sha256, labels: BTreeMap::new() }, &document, clock().now())?;
        let active = restored.activated.context("nothing is in force")?;
        Ok((serde_json::from_str(active.policy.text())?, serde_json::from_str(active.revocations.text())?))
    }

    /// Says how the gateway has accounted for the calls.
    ///
    /// # Errors
    /// When it lost one.
    pub async fn accounted(&self) -> Result<String> {
        let text = Client::builder().no_proxy().build()?.get(&self.metrics).send().await?.text().await?;
        let number = |name: &str| -> Result<f64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name} in {text}"))?;
            Ok(line.trim().parse()?)
        };
        let allowed = number("writ_gateway_calls_total{decision=\"allow\",reason=\"allowed\"}")?;
        let lost = number("writ_gateway_decisions_lost")?;
        let within = number("writ_gateway_overhead_seconds_bucket{le=\"0.001\"}")? / number("writ_gateway_overhead_seconds_count")?;
        ensure!(allowed >= CALLS as f64 && lost == 0.0, "{allowed} calls were let through, {lost} decisions lost");
        Ok(format!("the gateway let {allowed} calls through and wrote down all; {:.2} % of them took itself at most 1 ms", 100.0 * within))
    }
}

/// Scope, server, limits, schema and agent, in the draft.
async fn configure(world: &mut World, resource: &str) -> Result<Agent> {
    let ada = &mut world.ada;
    ada.import_roles(ROLES).await?;
    let server = ada.register_server("incident-everything", resource, &world.places.incident).await?;
    ada.bind(&server, TOOL, Some(SCOPE)).await?;
    let path = format!("/servers/{}/limits", server.id);
    let form = ada.see(&format!("{path}?tool={TOOL}")).await?.form(&path)?;
    ada.send(form.choose("arguments", "reviewed")?.fill("per_minute", &PER_MINUTE.to_string())?).await?;
    let mut form = ada.see("/limits").await?.form("/limits")?;
    for whose in ["subject", "client", "agent"] {
        form = form.fill(whose, &PER_MINUTE.to_string())?;
    }
    ada.send(form).await?;
    let mut agent = Agent::new()?;
    agent.id = ada.register_agent("Bench agent", "Dev (developer)", &agent.jwks().to_string(), "").await?;
    // What sign-in a scope wants has no field in the console: the use case that the console's form ends in has it.
    let (control, cx) = world.host().await?;
    let edit = EditScope {
        name: SCOPE.to_owned(),
        sentence: "Read restricted logs".to_owned(),
        risk: Risk::High,
        max_auth_age: Some(MAX_AUTH_AGE),
        acr: Some(ACR.to_owned()),
        version: 1,
    };
    control.run(&cx, edit).await?;
    Ok(agent)
}

/// Entries of all nine kinds that such a call is looked up in, none of which it meets: a kind without an entry would cost nothing.
async fn revoke(world: &mut World) -> Result<()> {
    Person::new("olga", &world.places)?.see("/home").await.context("signing in as olga")?;
    let spare = world.places.resource("spare");
    world.ada.register_server("spare", &spare, &world.places.incident).await?;
    let client = world.ada.register_client("Bench blocked", "http://127.0.0.1/callback").await?;
    let key = Agent::new()?;
    let agent = world.ada.register_agent("Bench blocked", "Dev (developer)", &key.jwks().to_string(), "").await?;
    let (control, cx) = world.host().await?;
    let olga = governance::person_called(&control, &cx, "olga@acme.example").await?.id;
    let many = (0..REVOKED).flat_map(|n| {
        [Target::Session(format!("ses_gone_{n}")), Target::Lineage(format!("lin_gone_{n}")), Target::Token(format!("jti_gone_{n}"))]
    });
    let role_scope = Target::RoleScope { role: "nobody".to_owned(), scope: "logs.read".to_owned() };
    let one_each = [
        Target::Subject(olga.clone()),
        Target::User(olga),
        Target::Client(client),
        Target::Agent(agent),
        Target::Server(spare),
        role_scope,
    ];
    for target in many.chain(one_each) {
        governance::revoke(&control, &cx, target, "for measuring".to_owned()).await?;
    }
    Ok(())
}

/// Writes a file that only its owner can read.
fn private(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    Ok(fs::set_permissions(path, Permissions::from_mode(0o600))?)
}
