//! Everything together, with people in it.

use crate::control::{ControlPlane, NOW};
use crate::upstream::{Upstream, definition};
use gateway::clock::{Clock, Random};
use gateway::config::Config;
use gateway::runtime::Listeners;
use http::{HeaderMap, StatusCode};
use policy::{Ceiling, Class, Issuer, Limits, McpServer, PolicySet, Risk, Rung, Scope, SubjectKind, Tool};
use rand::SeedableRng;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use token::{Claims, SigningKey};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const ISSUER: &str = "https://writ.example/t/acme";
/// So long a test waits for what has to come before it says that it did not.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct World {
    pub control: Arc<ControlPlane>,
    pub upstream: Arc<Upstream>,
    pub policy: PolicySet,
    pub issuer: SigningKey,
    pub now: Arc<AtomicI64>,
    pub http: reqwest::Client,
    pub dir: tempfile::TempDir,
    pub control_url: String,
    control_task: JoinHandle<()>,
    public_url: String,
    /// Keeps the gateway's port ours while no gateway runs.
    _port: ports::Lease,
    jti: AtomicU64,
    pub gateway: Option<Running>,
    /// What the next gateway is configured with, beside where things are.
    pub settings: Config,
    /// Where its metrics are, once it runs.
    pub ops_url: String,
}

pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Reply {
    pub fn reason(&self) -> &str {
        self.body["error"]["data"]["reason"].as_str().unwrap_or_default()
    }

    pub fn challenge(&self) -> &str {
        self.headers.get("www-authenticate").map_or("", |value| value.to_str().expect("text"))
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    (listener, url)
}

fn policy(issuer: &SigningKey, resource: &str, upstream: &str, annotated: bool) -> PolicySet {
    let tool = |name: &str| {
        let live = if annotated { crate::upstream::annotated(name) } else { definition(name, false) };
        let digest = enforce::definition_digest(&live);
        (name.into(), Tool { scope: Some(name.into()), digest: Some(digest.into()), arguments: None, limit: None })
    };
    let scope = |name: &str, risk| (name.into(), Scope { sentence: String::new(), risk, max_auth_age: None, acr: None });
    let any = |name: &str| BTreeMap::from([(name.to_owned(), Class { ceiling: Ceiling::Any })]);
    PolicySet {
        tenant: "acme".into(),
        version: 0,
        issuers: vec![Issuer { issuer: ISSUER.into(), jwks: json!({"keys": [issuer.public()]}) }],
        servers: BTreeMap::from([(
            resource.to_owned(),
            McpServer {
                name: "incident".into(),
                upstream: upstream.to_owned(),
                tools: ["logs.read", "logs.debug.write", "incidents.trigger"].map(tool).into(),
            },
        )]),
        scopes: [scope("logs.read", Risk::Low), scope("logs.debug.write", Risk::High), scope("incidents.trigger", Risk::High)].into(),
        roles: [("developer".into(), ["logs.read"].into()), ("sre".into(), ["logs.read", "logs.debug.write", "incidents.trigger"].into())]
            .into(),
        client_classes: any("ide"),
        agent_classes: any("assistant"),
        narrowed: BTreeMap::new(),
        ladder: Rung::default_ladder(),
        limits: Limits::default(),
        revocation_key: super::control::revocation_key(),
        audit_log: String::new(),
    }
}

impl World {
    /// A gateway that has enrolled and acknowledged the first policy.
    pub async fn start() -> Self {
        Self::started(|_| ()).await
    }

    /// The same, with changes made to the world before.
    pub async fn started(change: impl FnOnce(&mut Self)) -> Self {
        let mut world = Self::without_gateway().await;
        change(&mut world);
        if world.upstream.annotated.load(Ordering::Relaxed) {
            let upstream = world.policy.servers[&world.resource()].upstream.clone();
            world.policy = policy(&world.issuer, &world.resource(), &upstream, true);
        }
        world.control.publish(world.policy.clone());
        world.start_gateway(true).await;
        world.acked("the first policy", |ack| ack["policy_version"] == 1).await;
        world
    }

    /// Everything but a gateway and a published policy.
    pub async fn without_gateway() -> Self {
        let now = Arc::new(AtomicI64::new(NOW));
        let issuer = SigningKey::generate().expect("randomness").0;
        let upstream = Arc::new(Upstream::default());
        let (listener, upstream_url) = listen().await;
        let router = upstream.router();
        tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        let port = ports::Lease::take().expect("a port");
        let public_url = format!("http://127.0.0.1:{}", port.port());
        let policy = policy(&issuer, &format!("{public_url}/mcp/incident"), &format!("{upstream_url}/mcp"), false);
        let control = ControlPlane::new(Arc::clone(&now));
        let (listener, control_base) = listen().await;
        let control_url = format!("{control_base}/t/acme");
        control.base.lock().expect("lock").clone_from(&control_url);
        let router = control.router();
        let control_task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let dir = tempfile::tempdir().expect("a directory");
        Self {
            control,
            upstream,
            policy,
            issuer,
            now,
            http,
            dir,
            control_url,
            control_task,
            public_url,
            _port: port,
            jti: AtomicU64::new(0),
            gateway: None,
            settings: Config::default(),
            ops_url: String::new(),
        }
    }

    pub fn config(&self, enrol_token: Option<String>) -> Config {
        Config {
            data: PathBuf::from(self.dir.path()),
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: self.public_url.clone(),
            control_plane: self.control_url.clone(),
            name: "gw-1".into(),
            enrol_token,
            ..self.settings.clone()
        }
    }

    /// Lets the gateway's address begin with https, as its resources then do.
    pub fn over_tls(&mut self) {
        let (before, server) = self.policy.servers.pop_first().expect("a server");
        self.public_url = self.public_url.replace("http://", "https://");
        self.policy.servers.insert(before.replace("http://", "https://"), server);
    }

    /// The address of the gateway's own listener.
    pub fn address(&self) -> &str {
        self.public_url.split_once("://").map_or("", |(_, address)| address)
    }

    pub fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Clock::new(move || now.load(Ordering::Relaxed) * 1000)
    }

    pub async fn start_gateway(&mut self, enrol: bool) {
        let config = self.config(enrol.then(|| self.control.enrolment_token()));
        let clients = TcpListener::bind(self.address()).await.expect("the port is still free");
        let (operators, ops_url) = listen().await;
        self.ops_url = ops_url;
        let listener = Listeners { clients, operators: Some(operators) };
        let stop = CancellationToken::new();
        let random = Random::new(rand::rngs::StdRng::seed_from_u64(7));
        let task = tokio::spawn(gateway::runtime::run(config, self.clock(), random, listener, stop.clone()));
        self.gateway = Some(Running { stop, task });
    }

    pub fn tell_to_stop(&self) {
        self.gateway.as_ref().expect("it runs").stop.cancel();
    }

    pub async fn stop_gateway(&mut self) {
        let running = self.gateway.take().expect("it runs");
        running.stop.cancel();
        tokio::time::timeout(PATIENCE, running.task).await.expect("it stops").expect("no panic").expect("no error");
    }

    /// Takes the control plane away for good.
    pub fn cut_off(&self) {
        self.control_task.abort();
    }

    pub fn resource(&self) -> String {
        format!("{}/mcp/incident", self.public_url)
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }

    pub fn claims(&self, sub: &str, role: &str) -> Claims {
        let now = self.now.load(Ordering::Relaxed);
        Claims {
            iss: ISSUER.into(),
            aud: self.resource(),
            sub: sub.into(),
            sub_profile: SubjectKind::User,
            client_id: "cli_ide".into(),
            client_class: "ide".into(),
            scope: "logs.read logs.debug.write incidents.trigger".into(),
            iat: now,
            exp: now + 600,
            jti: format!("jti_{}", self.jti.fetch_add(1, Ordering::Relaxed)),
            sid: "ses_1".into(),
            lineage: "lin_1".into(),
            tenant: "acme".into(),
            roles: vec![role.into()],
            grants: Vec::new(),
            act: None,
            acr: None,
            amr: Vec::new(),
            auth_time: None,
            seq: 0,
        }
    }

    pub fn token(&self, claims: &Claims) -> String {
        claims.sign(&self.issuer).expect("signs")
    }

    pub fn sam(&self) -> String {
        self.token(&self.claims("usr_sam", "sre"))
    }

    pub async fn post(&self, token: Option<&str>, extra: &[(&str, &str)], body: &str) -> Reply {
        let mut request = self
            .http
            .post(self.resource())
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        self.reply(request.body(body.to_owned())).await
    }

    pub async fn call(&self, token: &str, tool: &str) -> Reply {
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": tool, "arguments": {}}});
        self.post(Some(token), &[], &body.to_string()).await
    }

    pub async fn list(&self, token: &str) -> Reply {
        self.post(Some(token), &[], r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await
    }

    pub async fn reply(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = tokio::time::timeout(PATIENCE, request.send()).await.expect("an answer in time").expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a body");
        Reply { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.reply(self.http.get(self.url(path))).await
    }

    /// A connection of which every byte is ours.
    pub async fn raw(&self) -> TcpStream {
        TcpStream::connect(self.address()).await.expect("connects")
    }

    /// The value of a line of `/metrics`; 0 if it is not there.
    pub async fn metric(&self, line: &str) -> f64 {
        let text = self.reply(self.http.get(format!("{}/metrics", self.ops_url))).await.text;
        let found = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' ')?.parse().ok());
        found.unwrap_or_default()
    }

    /// Waits for what nobody announces.
    pub async fn until(&self, what: &str, is: impl Fn() -> bool) {
        let waiting = async {
            while !is() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never came: {what}"));
    }

    /// The value once it has not changed for a while, which tells that whoever raises it waits.
    pub async fn still(&self, value: &watch::Receiver<usize>) -> usize {
        let mut value = value.clone();
        loop {
            let seen = *value.borrow_and_update();
            if tokio::time::timeout(Duration::from_millis(500), value.changed()).await.is_err() {
                return seen;
            }
        }
    }

    pub async fn acked(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        arrived(&self.control.acks, what, is).await
    }

    /// Gives the gateway something new to acknowledge, again and again, until an acknowledgement is such.
    pub async fn acked_at_last(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let beats = async {
            let mut acks = self.control.acks.subscribe();
            loop {
                let had = acks.borrow_and_update().len();
                self.control.revoke(policy::Target::Client("cli_other".into()));
                let all = acks.wait_for(|all| all.len() > had).await.expect("the sender lives");
                if let Some(found) = all[had..].iter().find(|ack| is(ack)) {
                    return found.clone();
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, beats).await;
        found.unwrap_or_else(|_| panic!("never acknowledged: {what}; last: {:?}", self.control.acks.borrow().last()))
    }

    /// Asks for the gateway's health until it is such.
    pub async fn healthy(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let asking = async {
            loop {
                last = self.get("/healthz").await.body;
                if is(&last) {
                    return last.clone();
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, asking).await;
        found.unwrap_or_else(|_| panic!("never healthy: {what}; last: {last}"))
    }

    pub async fn decided(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        arrived(&self.control.decisions, what, is).await
    }
}

async fn arrived(list: &watch::Sender<Vec<Value>>, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let mut arriving = list.subscribe();
    let found = tokio::time::timeout(PATIENCE, arriving.wait_for(|all| all.iter().any(&is))).await;
    match found {
        Ok(all) => all.expect("the sender lives").iter().rev().find(|one| is(one)).cloned().expect("found"),
        Err(_) => panic!("never arrived: {what}; last: {:?}", list.borrow().last()),
    }
}
