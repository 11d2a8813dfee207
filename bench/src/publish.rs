//! Publishing a large configuration: 10,000 clients, 1,000 roles, 10,000 tools on 100 servers, over SQLite on disk.

use crate::report::{Figure, Report, quantiles};
use anyhow::{Result, ensure};
use control::config::{BindTool, ImportRoleFile, ImportedTool, RegisterClient, RegisterServer};
use control::delivery::{Publish, draft};
use control::tenancy::CreateTenant;
use control::{Actor, Control, Ctx};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::fmt::Write as _;
use std::time::Instant;
use writ::compose::{self, DataArgs};
use writ::key_service::KeyServiceArgs;

const CLIENTS: usize = 10_000;
const ROLES: usize = 1_000;
const SERVERS: usize = 100;
const TOOLS: usize = 100;
const ROUNDS: usize = 7;
/// How many use cases are under way at once while the configuration is made.
const TOGETHER: usize = 64;

fn scope(n: usize) -> String {
    format!("scope-{}.use", n % 500)
}

fn roles(round: usize) -> String {
    let mut file = "roles:\n".to_owned();
    for role in 0..ROLES {
        let scopes: Vec<String> = (0..20).map(|k| scope(role * 3 + k + usize::from(role == 0) * round)).collect();
        let _infallible = writeln!(file, "  role-{role}: [{}]", scopes.join(", "));
    }
    file
}

/// Adds the figure.
pub async fn measure(report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let args = DataArgs {
        data: folder.path().to_owned(),
        database_url: None,
        master_key_file: None,
        public_url: "http://127.0.0.1:7400".to_owned(),
        key_service: KeyServiceArgs::default(),
    };
    let control = compose::control(&args).await?;
    control.create_tenant("acme", CreateTenant { name: "Acme".to_owned() }).await?;
    let cx = || control.ctx("acme", Actor::Host, "benchmark");
    configure(&control, &cx().await?).await?;
    let (mut published, mut drafted, mut bytes) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        let cx = cx().await?;
        control.run(&cx, ImportRoleFile { yaml: roles(round + 1), digest: None }).await?;
        let start = Instant::now();
        let shown = draft(&control, &cx).await?;
        drafted.push(start.elapsed().as_secs_f64() * 1000.0);
        bytes = serde_json::to_vec(&shown.policy)?.len();
        let publish = Publish { note: String::new(), expected_draft: shown.draft };
        let start = Instant::now();
        control.run(&cx, publish).await?;
        published.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let (draft_median, _) = quantiles(&mut drafted);
    let (median, p99) = quantiles(&mut published);
    let how = format!(
        "{ROUNDS} publishes of {CLIENTS} clients, {ROLES} roles, {} tools, a policy of {:.1} MB: compile, compare with the live one, sign, commit; showing the draft takes {draft_median:.0} ms",
        SERVERS * TOOLS,
        bytes as f64 / 1e6
    );
    report.add(Figure { what: "publish", unit: "ms", median, p99: Some(p99), budget: "≤ 1 s", met: Some(p99 <= 1_000.0), how });
    Ok(())
}

async fn configure(control: &Control, cx: &Ctx) -> Result<()> {
    control.run(cx, ImportRoleFile { yaml: roles(0), digest: None }).await?;
    let client = |n: usize| RegisterClient {
        name: format!("Client {n}"),
        redirect_uris: vec![format!("https://client-{n}.example.com/callback")],
        class: "ide".to_owned(),
        ceiling: None,
    };
    stream::iter(0..CLIENTS).map(|n| control.run(cx, client(n))).buffer_unordered(TOGETHER).try_for_each(|_| async { Ok(()) }).await?;
    for server in 0..SERVERS {
        let tools = (0..TOOLS).map(|tool| ImportedTool {
            name: format!("tool-{tool}.run"),
            description: format!("Does the {tool}th thing on server {server}."),
            description_chars: 0,
            description_unread: 0,
            input_schema: r#"{"type":"object","properties":{"what":{"type":"string"}},"required":["what"]}"#.to_owned(),
            annotations: "{}".to_owned(),
            digest: format!("{:064x}", server * TOOLS + tool),
        });
        let register = RegisterServer {
            name: format!("server-{server}"),
            resource: format!("http://127.0.0.1:7500/mcp/server-{server}"),
            upstream: format!("http://127.0.0.1:9000/server-{server}"),
            tools: tools.collect(),
        };
        let id = control.run(cx, register).await?;
        let bind = |tool: usize| BindTool {
            server: id.clone(),
            tool: format!("tool-{tool}.run"),
            scope: Some(scope(server * 7 + tool)),
            definition: format!("{:064x}", server * TOOLS + tool),
            accept_unread: false,
        };
        stream::iter(0..TOOLS)
            .map(|tool| control.run(cx, bind(tool)))
            .buffer_unordered(TOGETHER)
            .try_for_each(|()| async { Ok(()) })
            .await?;
    }
    let shown = draft(control, cx).await?.policy;
    let tools: usize = shown.servers.values().map(|server| server.tools.values().filter(|tool| tool.scope.is_some()).count()).sum();
    ensure!(tools == SERVERS * TOOLS && shown.roles.len() == ROLES, "{tools} tools and {} roles were made", shown.roles.len());
    Ok(())
}
