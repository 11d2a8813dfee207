//! Two tenants with one of everything, and a browser for everybody in them.

use crate::samples::encoded;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use bundle::Role;
use control::config::{
    self, BindTool, ImportRoleFile, ImportedTool, MapGroup, RefreshTools, RegisterAgent, RegisterClient, RegisterServer, SetIdp,
};
use control::delivery::opa::EnrolOpa;
use control::delivery::rollout::{self, ArrangeRings, HaltRollout, NewMembers, NewRing, PinGateway, RevertRollout};
use control::delivery::{self, CreateEnrolment, Enrol, Publish};
use control::evidence::{self, AuditFilter};
use control::governance::{self, Block, Decide, Decided, InvalidateToken, Page, RequestAccess, RevokeGrant};
use control::keys::{KeyChange, ProposeRoot, SubmitRoot};
use control::signin::{Profile, RecordSignIn, SaveSession, actor};
use control::tenancy::{CreateTenant, GrantAdmin, Holder};
use control::{Actor, AdminRole, Chance, Clock, Control, Ctx, MasterKey, Parts, Vault, sha256_hex};
use outbound::http::{Guarded, Limits, Reach};
use policy::Target;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use store::{Session, Settings, Store};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower_sessions::session::Id;
use writ::app::App;
use writ::site::Site;

const PUBLIC_URL: &str = "http://127.0.0.1:7400";
const ISSUER: &str = "http://127.0.0.1:7600";
/// The client secret at the identity provider, which no page may show.
pub const SECRET: &str = "this-secret-stays-sealed";
const NOW_MS: i64 = 1_795_424_400_000;

struct Still;

impl Clock for Still {
    fn now_ms(&self) -> i64 {
        NOW_MS
    }
}

/// One of everything that a tenant has, by id.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    pub opa: String,
    pub role: String,
    pub role_version: String,
    pub role_file: String,
    pub import_digest: String,
    pub group: String,
    pub scope: String,
    pub server: String,
    pub tool: String,
    pub definition: String,
    pub tool_version: String,
    pub server_version: String,
    pub removal: String,
    pub limits: String,
    pub rolled_out: String,
    pub gateway: String,
    pub rings: String,
    pub client: String,
    pub client_version: String,
    pub agent: String,
    pub agent_version: String,
    pub person: String,
    pub operator: String,
    pub asked: String,
    pub request: String,
    pub request_digest: String,
    pub grant: String,
    pub seq: String,
    pub event: String,
    pub draft: String,
    pub candidate: String,
    pub signature: String,
}

/// A browser that somebody is signed in with.
#[derive(Clone, Debug)]
pub struct Browser {
    cookie: String,
    csrf: String,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub location: String,
    pub body: String,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = self.body.find("<main").unwrap_or(0);
        let shown: String = self.body[at..].chars().take(600).collect();
        write!(f, "{} {} {shown}", self.status, self.location)
    }
}

/// A control plane with the tenants `acme` and `beta`.
pub struct World {
    control: Control,
    router: Router,
    ids: BTreeMap<String, Ids>,
    sessions: BTreeMap<(String, String), Browser>,
    folder: TempDir,
}

async fn open(folder: &Path, seed: u64) -> (Control, Router) {
    let store = Store::open(&Settings::Sqlite(folder.join("writ.db"))).await.expect("opens");
    let parts = Parts {
        clock: Arc::new(Still),
        chance: Chance::new(StdRng::seed_from_u64(seed)),
        vault: Vault::new(&MasterKey::new([7; 32])).expect("a vault"),
        public_url: PUBLIC_URL.to_owned(),
        key_service: None,
    };
    let control = Control::new(store, parts);
    let outbound = Guarded::new(Reach { allow_loopback: false, allow_private: false }, Limits::default()).expect("a client");
    let app = App::new(control.clone(), outbound, Site::load(None).expect("no site"), CancellationToken::new());
    (control, writ::serve::service(app))
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (control, router) = open(folder.path(), 1).await;
        let mut world = Self { control, router, ids: BTreeMap::new(), sessions: BTreeMap::new(), folder };
        for tenant in ["acme", "beta"] {
            let ids = world.furnish(tenant).await;
            world.ids.insert(tenant.to_owned(), ids);
        }
        world
    }

    /// Another world that is as this one was when it was made.
    pub async fn copy(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for file in fs::read_dir(self.folder.path()).expect("a folder").flatten() {
            fs::copy(file.path(), folder.path().join(file.file_name())).expect("copies");
        }
        let (control, router) = open(folder.path(), 2).await;
        Self { control, router, ids: self.ids.clone(), sessions: self.sessions.clone(), folder }
    }

    pub fn ids(&self, tenant: &str) -> &Ids {
        &self.ids[tenant]
    }

    /// The browser of somebody in a tenant; none for nobody.
    pub fn session(&self, tenant: &str, name: &str) -> Option<&Browser> {
        self.sessions.get(&(tenant.to_owned(), name.to_owned()))
    }

    /// How many changes the tenant's log knows of. Refusals are no changes.
    pub async fn events(&self, tenant: &str) -> usize {
        let cx = self.control.ctx(tenant, Actor::Host, "test").await.expect("a tenant");
        let found = evidence::audit(&self.control, &cx, &AuditFilter::default(), &Page::first(10_000)).await.expect("a log");
        found.events.iter().filter(|event| event.action != "access.denied").count()
    }

    async fn furnish(&mut self, tenant: &str) -> Ids {
        let create = CreateTenant { name: tenant.to_owned() };
        let (host, ()) = self.control.create_tenant(tenant, create).await.expect("a tenant");
        let control = self.control.clone();
        let own = |word: &str| format!("{tenant}-{word}");
        let secret = Some(SECRET.to_owned());
        let idp =
            SetIdp { issuer: ISSUER.into(), client_id: "writ".into(), client_secret: secret, groups_claim: "groups".into(), version: 0 };
        control.run(&host, idp).await.expect("an idp");
        let mut people = BTreeMap::new();
        for name in ["dev"].into_iter().chain(AdminRole::ALL.map(AdminRole::as_str)) {
            people.insert(name, self.sign_in(&host, name, if name == "dev" { own("engineering") } else { own("staff") }).await);
            if let Some(role) = AdminRole::parse(name) {
                control.run(&host, GrantAdmin { holder: Holder::Subject(own(name)), role }).await.expect("an admin");
            }
        }
        let (role, group) = (own("developer"), own("engineering"));
        let (low, high, other) = (own("logs.read"), own("incidents.trigger"), own("analytics.query"));
        let role_file = format!("roles:\n  {role}: [{low}]\n  {tenant}-sre: [{high}, {other}]\n");
        control.run(&host, ImportRoleFile { yaml: role_file, digest: None }).await.expect("roles");
        control.run(&host, MapGroup { group: group.clone(), role: role.clone() }).await.expect("a mapping");
        let (drifting, gone) = ("drifting".to_owned(), "gone".to_owned());
        let tools: Vec<ImportedTool> = [&low, &high, &other, &drifting, &gone].map(|name| imported(name)).to_vec();
        let resource = format!("http://127.0.0.1:7500/mcp/{tenant}-incident");
        let register = RegisterServer { name: own("incident"), resource, upstream: "http://127.0.0.1:9/mcp".into(), tools };
        let server = control.run(&host, register).await.expect("a server");
        for (tool, scope) in [(&low, &low), (&high, &high), (&other, &other), (&drifting, &low)] {
            let bind = BindTool {
                server: server.clone(),
                tool: tool.clone(),
                scope: Some(scope.clone()),
                definition: sha256_hex(tool),
                accept_unread: false,
            };
            control.run(&host, bind).await.expect("bound");
        }
        // One tool changed after its review, and has more to say than is kept; one is gone.
        let drifted = ImportedTool {
            digest: sha256_hex("drifted"),
            description: "Something else".into(),
            description_chars: 1_000_000,
            description_unread: 999_986,
            ..imported("drifting")
        };
        let tools = [&low, &high, &other].map(|name| imported(name)).into_iter().chain([drifted]).collect();
        control.run(&host, RefreshTools { server: server.clone(), tools }).await.expect("read again");
        let client = RegisterClient {
            name: format!("{tenant}'s IDE"),
            redirect_uris: vec!["http://127.0.0.1/cb".into()],
            class: "ide".into(),
            ceiling: None,
        };
        let client = control.run(&host, client).await.expect("a client");
        let (key, _) = token::SigningKey::generate().expect("randomness");
        let jwks = serde_json::to_string(key.public()).expect("a key");
        let dev = people["dev"].clone();
        let agent = RegisterAgent {
            name: format!("{tenant}'s agent"),
            class: "assistant".into(),
            owners: [dev.clone()].into(),
            jwks,
            ceiling: None,
        };
        let agent = control.run(&host, agent).await.expect("an agent");
        let draft = delivery::draft(&control, &host).await.expect("a draft").draft;
        control.run(&host, Publish { note: String::new(), expected_draft: draft }).await.expect("published");
        let (rolled_out, gateway, rings) = self.rolled_out(&host, &role, &low).await;
        // Sequences are counted by tenant: one that only the other has is made by counting on.
        for n in 0..if tenant == "beta" { 10 } else { 0 } {
            control.run(&host, InvalidateToken { jti: format!("jti-{n}"), reason: "for the walk".into() }).await.expect("revoked");
        }
        let block = Block { target: Target::Agent(agent.clone()), reason: "for the walk".into() };
        control.run(&host, block).await.expect("blocked");

        let asks = |scope: &str| RequestAccess {
            client: client.clone(),
            agent: None,
            server: server.clone(),
            scopes: BTreeSet::from([scope.to_owned()]),
            duration_s: 3600,
            reason: format!("{tenant}'s reason"),
        };
        let (dev_cx, approver) = (self.cx(tenant, &dev).await, self.cx(tenant, &people["approver"]).await);
        let (first, second) = (self.granted(&dev_cx, &approver, asks(&high)).await, self.granted(&dev_cx, &approver, asks(&high)).await);
        let seq = control.run(&host, RevokeGrant { grant: first, reason: "for the walk".into() }).await.expect("revoked").seq;
        let request = control.run(&dev_cx, asks(&other)).await.expect("asked");
        let request_digest = governance::request(&control, &approver, &request).await.expect("a request").view_digest;
        // The policy key lies elsewhere, and something awaits its signature.
        let (candidate, signature) = self.offered(&host).await;
        // Something is left for a publish.
        control.run(&host, MapGroup { group: own("more"), role: role.clone() }).await.expect("a mapping");
        let role_file = format!("roles:\n  {tenant}-sre: [{high}, {low}]\n");
        control.run(&host, ImportRoleFile { yaml: role_file, digest: None }).await.expect("roles");
        let role_file = format!("roles:\n  {tenant}-sre: [{high}]\n");
        let import_digest = config::preview(&control, &host, &role_file).await.expect("a preview").digest;

        let newest = evidence::audit(&control, &host, &AuditFilter::default(), &Page::first(1)).await.expect("a log");
        let role_version = config::role(&control, &host, &role).await.expect("a role").role.version.to_string();
        let client_version = config::client_version(&config::client(&control, &host, &client).await.expect("a client").client).to_string();
        let agent_version = config::agent_version(&config::agent(&control, &host, &agent).await.expect("an agent").agent).to_string();
        let tools = config::server(&control, &host, &server).await.expect("a server").tools;
        let tool_version = tools.iter().find(|view| view.tool.name == low).expect("a tool").tool.version.to_string();
        let server_version = config::server_version(&config::server(&control, &host, &server).await.expect("a server").server).to_string();
        let removal = config::server_removal(&control, &host, &server).await.expect("a server").version.to_string();
        let limits = config::limits_version(&config::limits(&control, &host).await.expect("limits")).to_string();
        let opa = control.run(&host, EnrolOpa { name: own("opa") }).await.expect("an OPA").id;
        Ids {
            opa,
            rolled_out,
            gateway,
            rings,
            tool_version,
            server_version,
            removal,
            limits,
            definition: sha256_hex(&low),
            tool: low.clone(),
            scope: low,
            asked: high,
            operator: people["operator"].clone(),
            person: dev,
            grant: second,
            seq: seq.to_string(),
            event: newest.events[0].id.clone(),
            draft: delivery::draft(&control, &host).await.expect("a draft").draft.to_string(),
            candidate,
            signature,
            role,
            role_version,
            role_file,
            import_digest,
            group,
            server,
            client,
            client_version,
            agent,
            agent_version,
            request,
            request_digest,
        }
    }

    /// Rings, a policy on its way through them, and a gateway that is pinned: version, gateway, digest of the rings.
    async fn rolled_out(&self, host: &Ctx, role: &str, scope: &str) -> (String, String, String) {
        let control = &self.control;
        let digest = rollout::rings(control, host).await.expect("rings").digest;
        let canary = NewRing { name: "canary".to_owned(), members: NewMembers::Share(1_000) };
        control.run(host, ArrangeRings { rings: vec![canary], digest }).await.expect("arranged");
        let gateway = self.enrolled(host.tenant.as_str(), &format!("{}-gw", host.tenant)).await;
        // Versions are counted by tenant, too.
        let mut version = 0;
        for n in 0..if host.tenant.as_str() == "beta" { 8 } else { 1 } {
            let scopes = if n % 2 == 0 { format!("{scope}, {scope}.more") } else { scope.to_owned() };
            control.run(host, ImportRoleFile { yaml: format!("roles:\n  {role}: [{scopes}]\n"), digest: None }).await.expect("roles");
            let draft = delivery::draft(control, host).await.expect("a draft").draft;
            version = control.run(host, Publish { note: String::new(), expected_draft: draft }).await.expect("published").version();
        }
        let until_s = NOW_MS / 1000 + 3600;
        let pin = PinGateway { gateway: gateway.clone(), version: 1, until_s, reason: format!("{}'s reason", host.tenant) };
        control.run(host, pin).await.expect("pinned");
        let digest = rollout::rings(control, host).await.expect("rings").digest;
        (version.to_string(), gateway, digest)
    }

    /// Brings a tenant to where a form can be sent that makes no sense otherwise.
    pub async fn prepare(&self, tenant: &str, template: &str) {
        let host = self.control.ctx(tenant, Actor::Host, "test").await.expect("a tenant");
        let version = self.ids(tenant).rolled_out.parse().expect("a version");
        let reason = String::new();
        match template {
            "/t/{tenant}/rings" => self.control.run(&host, RevertRollout { version, reason }).await.expect("reverted"),
            "/t/{tenant}/bundles/{version}/resume" => self.control.run(&host, HaltRollout { version, reason }).await.expect("halted"),
            _ => {}
        }
    }

    /// Number and signature of a candidate.
    async fn offered(&self, host: &Ctx) -> (String, String) {
        let (control, policy) = (&self.control, bundle::Key::generate().expect("randomness"));
        let changes = vec![KeyChange::Elsewhere { role: Role::Targets, key: policy.public().clone() }];
        let mut proposal = control.run(host, ProposeRoot { changes }).await.expect("written down");
        proposal.sign(&policy).expect("signs");
        control.run(host, SubmitRoot { copies: vec![proposal] }).await.expect("taken");
        control
            .run(host, MapGroup { group: format!("{}-waiting", host.tenant), role: format!("{}-developer", host.tenant) })
            .await
            .expect("a mapping");
        let role_file = format!("roles:\n  {}-waiting: [{}-logs.read]\n", host.tenant, host.tenant);
        control.run(host, ImportRoleFile { yaml: role_file, digest: None }).await.expect("roles");
        let draft = delivery::draft(control, host).await.expect("a draft").draft;
        control.run(host, Publish { note: String::new(), expected_draft: draft }).await.expect("asked for");
        let candidate = delivery::export_candidate(control, host, None).await.expect("awaits");
        let root = control::keys::keys(control, host).await.expect("listed").root_sha256;
        let examined = candidate.examine(&root).expect("holds");
        let mut signature = candidate.sign(&examined, &policy).expect("signs");
        signature.for_opas = opa::countersign(&candidate, &examined, &policy).expect("signs");
        (candidate.number.to_string(), signature.to_json())
    }

    async fn granted(&self, dev: &Ctx, approver: &Ctx, asks: RequestAccess) -> String {
        let request = self.control.run(dev, asks).await.expect("asked");
        let digest = governance::request(&self.control, approver, &request).await.expect("a request").view_digest;
        let decide = Decide { request, approve: true, reason: "yes".into(), view_digest: digest, duration_s: None };
        match self.control.run(approver, decide).await.expect("decided") {
            Decided::Approved { grant } => grant,
            other => panic!("{other:?}"),
        }
    }

    async fn cx(&self, tenant: &str, user: &str) -> Ctx {
        let mut cx = self.control.ctx(tenant, Actor::Anonymous, "test").await.expect("a tenant");
        cx.actor = actor(&self.control, &cx, user).await.expect("the database answers").expect("a person").0;
        cx
    }

    /// Signs somebody in and keeps their browser.
    async fn sign_in(&mut self, host: &Ctx, name: &str, group: String) -> String {
        let tenant = host.tenant.as_str();
        let profile = Profile {
            issuer: ISSUER.into(),
            subject: format!("{tenant}-{name}"),
            email: Some(format!("{name}@{tenant}.example")),
            email_verified: true,
            name: format!("{tenant}'s {name}"),
            groups: vec![group],
        };
        let user = self.control.run(host, RecordSignIn { profile }).await.expect("a person");
        let id = Id(i128::from(self.sessions.len() as u64) + 1_000_000);
        let csrf = format!("csrf-of-{tenant}-{name}");
        let data = serde_json::json!({ "user": user, "csrf": csrf, "sid": format!("ses_{tenant}_{name}"), "auth_ms": NOW_MS });
        let row = Session {
            id: sha256_hex(id.to_string()),
            user_id: Some(user.clone()),
            data: data.to_string(),
            idp_sid: None,
            sid: Some(format!("ses_{tenant}_{name}")),
            auth_ms: NOW_MS,
            seen_ms: NOW_MS,
            expires_ms: NOW_MS + 3_600_000,
        };
        self.control.keep(&host.tenant, SaveSession(row)).await.expect("a session");
        // The browser carries the cookie under both tenants' names, as a thief of one would.
        let cookie = format!("writ-acme={id}; writ-beta={id}");
        self.sessions.insert((tenant.to_owned(), name.to_owned()), Browser { cookie, csrf });
        user
    }

    pub async fn get(&self, target: &str, browser: Option<&Browser>) -> Answer {
        self.send(Request::get(target), browser, Body::empty()).await
    }

    /// Without a session, with these headers.
    pub async fn get_with(&self, target: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
        let request = headers.iter().fold(Request::get(target), |request, (name, value)| request.header(name, *value));
        self.send(request, None, Body::empty()).await
    }

    /// Enrols a gateway; its id.
    pub async fn enrolled(&self, tenant: &str, name: &str) -> String {
        let host = self.control.ctx(tenant, Actor::Host, "test").await.expect("a tenant");
        let token = self.control.run(&host, CreateEnrolment { name: name.to_owned() }).await.expect("a token");
        let (key, _) = token::SigningKey::generate().expect("randomness");
        let enrol = Enrol { token, name: name.to_owned(), public_key: key.public().clone() };
        delivery::enrol(&self.control, &host, enrol).await.expect("enrols").gateway_id
    }

    /// Has a gateway confirm what is live now.
    pub async fn acknowledge(&self, tenant: &str, gateway: &str) {
        let cx = self.control.ctx(tenant, Actor::Gateway(gateway.to_owned()), "test").await.expect("a tenant");
        let row = self.control.read(&cx).this_tenant().await.expect("the database answers").expect("a tenant");
        let number = |n: i64| u64::try_from(n).expect("not below zero");
        let ack = delivery::Ack {
            policy_version: Some(number(row.policy_version)),
            revocation_seq: Some(number(row.revocation_seq)),
            timestamp: 1,
            version: "test".to_owned(),
            ..delivery::Ack::default()
        };
        delivery::acknowledge(&self.control, &cx, ack).await.expect("taken");
    }

    pub async fn post(&self, target: &str, browser: Option<&Browser>, form: &[(&str, &str)]) -> Answer {
        let mut form = form.to_vec();
        if let Some(browser) = browser {
            form.push(("csrf", &browser.csrf));
        }
        let request = Request::post(target).header("sec-fetch-site", "same-origin");
        self.send(request, browser, Body::from(encoded(&form))).await
    }

    pub async fn post_without_token(&self, target: &str, browser: Option<&Browser>, form: &[(&str, &str)]) -> Answer {
        self.send(Request::post(target).header("sec-fetch-site", "same-origin"), browser, Body::from(encoded(form))).await
    }

    pub async fn post_from_elsewhere(&self, target: &str, browser: Option<&Browser>, form: &[(&str, &str)]) -> Answer {
        let mut form = form.to_vec();
        form.extend(browser.map(|browser| ("csrf", browser.csrf.as_str())));
        let request = Request::post(target).header("sec-fetch-site", "cross-site").header(header::ORIGIN, "https://elsewhere.example");
        self.send(request, browser, Body::from(encoded(&form))).await
    }

    async fn send(&self, mut request: axum::http::request::Builder, browser: Option<&Browser>, body: Body) -> Answer {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(browser) = browser {
            request = request.header(header::COOKIE, &browser.cookie);
        }
        let response = self.router.clone().oneshot(request.body(body).expect("a request")).await.expect("answers");
        let status = response.status();
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let body = to_bytes(response.into_body(), 8 << 20).await.expect("a body");
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(!status.is_server_error() || status == StatusCode::BAD_GATEWAY, "{status} {body}");
        Answer { status, location, body }
    }
}

fn imported(name: &str) -> ImportedTool {
    ImportedTool {
        name: name.to_owned(),
        description: format!("What {name} does"),
        description_chars: 0,
        description_unread: 0,
        input_schema: r#"{"type":"object","properties":{"query":{"type":"string"}}}"#.to_owned(),
        annotations: r#"{"read_only":true,"destructive":null,"idempotent":null,"open_world":false}"#.to_owned(),
        digest: sha256_hex(name),
    }
}
