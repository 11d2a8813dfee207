//! Configuration: what is imported, bound, registered and edited, and what is refused whole.

use crate::support::*;
use crate::world;
use control::config::{self, *};
use control::tenancy::{GrantAdmin, Holder};
use control::{AdminRole, Ctx, Error, Permission, Result};
use store::{AdminBinding, Client, GroupRole, IdpConnection, Revocation, Role, Scope, Tool};

const FILE: &str = "roles:\n  developer: [logs.read, analytics.query]\n  sre: [logs.read, logs.debug.write, incidents.trigger]\n";

async fn admin(h: &Harness) -> Ctx {
    h.person("usr_ada", &[AdminRole::IamAdmin]).await
}

async fn draft(h: &Harness) -> i64 {
    let cx = h.host().await;
    h.control.read(&cx).this_tenant().await.expect("the database answers").expect("the tenant").draft
}

fn field(error: Error) -> (&'static str, String) {
    match error {
        Error::Invalid(fields) => (fields[0].field, fields[0].reason.clone()),
        other => panic!("{other:?}"),
    }
}

fn import(yaml: &str) -> ImportRoleFile {
    ImportRoleFile { yaml: yaml.to_owned(), digest: None }
}

fn offered(name: &str, version: u32) -> ImportedTool {
    ImportedTool {
        name: name.into(),
        description: format!("{name}, version {version}"),
        description_chars: 0,
        description_unread: 0,
        input_schema: "{}".into(),
        annotations: "{}".into(),
        digest: format!("{name}-{version}"),
    }
}

async fn register(h: &Harness, tools: Vec<ImportedTool>) -> Result<String> {
    let (name, resource, upstream) = ("incident".into(), "http://127.0.0.1:7500/mcp/incident".into(), "http://127.0.0.1:7701/mcp".into());
    h.control.run(&admin(h).await, RegisterServer { name, resource, upstream, tools }).await
}

fn binding(server: &str, scope: Option<&str>, definition: &str, accept_unread: bool) -> BindTool {
    let scope = scope.map(Into::into);
    BindTool { server: server.into(), tool: "logs.read".into(), scope, definition: definition.into(), accept_unread }
}

async fn bind(h: &Harness, server: &str, scope: Option<&str>, definition: &str) -> Result<()> {
    h.control.run(&admin(h).await, binding(server, scope, definition, false)).await
}

on_each_database! {
    async fn the_article_s_role_file_imports_as_it_stands(h: Harness) {
        let cx = admin(&h).await;
        let shown = config::preview(&h.control, &cx, FILE).await.expect("a preview");
        assert_eq!((shown.changes.len(), shown.unchanged, shown.new_scopes.len()), (2, 0, 4));
        assert!(h.rows::<Role>().await.is_empty(), "a preview changes nothing");
        h.control.run(&cx, ImportRoleFile { yaml: FILE.into(), digest: Some(shown.digest) }).await.expect("imported");
        let sre = h.row::<Role>("sre").await.expect("a role");
        assert_eq!(sre.scopes.0, world::set(&["incidents.trigger", "logs.debug.write", "logs.read"]));
        let risk = async |scope: &str| h.row::<Scope>(scope).await.expect("a scope").risk;
        assert_eq!((risk("logs.read").await.as_str(), risk("incidents.trigger").await.as_str()), ("low", "high"));
        let (before, again) = (draft(&h).await, config::preview(&h.control, &cx, FILE).await.expect("a preview"));
        assert!(again.changes.is_empty() && again.unchanged == 2, "{again:?}");
        h.control.run(&cx, import(FILE)).await.expect("imported again");
        assert_eq!(draft(&h).await, before, "nothing changed, so there is nothing to publish");
        let actions = h.actions().await;
        assert_eq!(actions.iter().filter(|action| *action == "role.create").count(), 2, "{actions:?}");
    }

    async fn a_malformed_file_imports_nothing(h: Harness) {
        let cx = admin(&h).await;
        for (yaml, line) in [("roles:\n  developer: [logs.read]\n  sre: [not a scope!]\n", "line 3"), ("roles:\n  new: [logs.read]\n", "")] {
            let (at, reason) = field(h.control.run(&cx, import(yaml)).await.expect_err("malformed"));
            assert!(at == "yaml" && reason.starts_with(line), "{at}: {reason}");
        }
        assert!(h.rows::<Role>().await.is_empty() && h.rows::<Scope>().await.is_empty());
        assert_eq!(h.actions().await, ["tenant.create"]);
    }

    async fn an_import_onto_another_state_than_was_shown_is_refused(h: Harness) {
        let cx = admin(&h).await;
        h.control.run(&cx, import(FILE)).await.expect("imported");
        let yaml = "roles:\n  sre: [logs.read]\n";
        let shown = config::preview(&h.control, &cx, yaml).await.expect("a preview");
        h.control.run(&cx, import("roles:\n  sre: [logs.read, pages.send]\n")).await.expect("imported meanwhile");
        let late = h.control.run(&cx, ImportRoleFile { yaml: yaml.into(), digest: Some(shown.digest) }).await;
        assert!(matches!(late, Err(Error::Changed(_))), "{late:?}");
        assert!(h.row::<Role>("sre").await.expect("a role").scopes.contains("pages.send"), "what came between is lost");
    }

    async fn the_second_of_two_edits_sees_the_first(h: Harness) {
        let cx = admin(&h).await;
        h.control.run(&cx, import(FILE)).await.expect("imported");
        let seen = h.row::<Role>("developer").await.expect("a role");
        let edit = |scopes: &[&str]| EditRole { name: "developer".into(), scopes: world::set(scopes), version: seen.version };
        h.plant(world::user("usr_ada", "iam-admins")).await;
        h.control.run(&cx, edit(&["logs.read"])).await.expect("the first");
        let late = h.control.run(&cx, edit(&["logs.read", "analytics.query", "pages.send"])).await;
        assert!(matches!(late, Err(Error::Changed(_))), "{late:?}");
        let conflict = config::role_conflict(&h.control, &cx, "developer", seen.version).await.expect("both");
        assert_eq!(conflict.base, world::set(&["analytics.query", "logs.read"]));
        assert_eq!((conflict.theirs.scopes.0, conflict.by.as_str()), (world::set(&["logs.read"]), "ada"));
        assert!(h.row::<Scope>("pages.send").await.is_none(), "a refused edit makes no scope");
    }

    async fn a_role_that_is_made_anew_is_not_mistaken_for_the_old_one(h: Harness) {
        let cx = admin(&h).await;
        let make = |scopes: &[&str]| CreateRole { name: "ops".into(), scopes: world::set(scopes) };
        h.control.run(&cx, make(&["logs.read"])).await.expect("made");
        h.control.run(&cx, MapGroup { group: "ops".into(), role: "ops".into() }).await.expect("mapped");
        let old = h.row::<Role>("ops").await.expect("a role").version;
        h.control.run(&cx, DeleteRole { name: "ops".into(), version: old }).await.expect("deleted");
        assert!(h.rows::<GroupRole>().await.is_empty(), "a mapping to nothing stays");
        h.control.run(&cx, make(&["incidents.trigger"])).await.expect("made anew");
        let stale = h.control.run(&cx, EditRole { name: "ops".into(), scopes: world::set(&[]), version: old }).await;
        assert!(matches!(stale, Err(Error::Changed(_))), "{stale:?}");
    }

    async fn taking_a_role_from_a_group_cuts_off_those_who_lose_it(h: Harness) {
        world::plant(&h).await;
        let cx = admin(&h).await;
        h.control.run(&cx, MapGroup { group: "audit".into(), role: "sre".into() }).await.expect("mapped");
        assert_eq!(field(h.control.run(&cx, MapGroup { group: "audit".into(), role: "sre".into() }).await.expect_err("twice")).0, "group");
        let mut both = world::user("usr_kim", "sre");
        both.groups.push("audit".into());
        h.plant(both).await;
        h.control.run(&cx, UnmapGroup { group: "sre".into(), role: "sre".into() }).await.expect("unmapped");
        let cut: Vec<String> = h.rows::<Revocation>().await.into_iter().map(|row| row.target).collect();
        assert_eq!(cut, [r#"{"subject":"usr_sam"}"#], "kim keeps the role through the other group");
        assert!(h.actions().await.contains(&"revocation.subject".to_owned()));
    }

    async fn a_tool_is_denied_until_bound_and_again_when_it_changes(h: Harness) {
        let cx = admin(&h).await;
        h.control.run(&cx, import(FILE)).await.expect("imported");
        let server = register(&h, vec![offered("logs.read", 1), offered("logs.tail", 1)]).await.expect("registered");
        let tool = async || h.row::<Tool>(&format!("{server}/logs.read")).await.expect("a tool");
        assert_eq!((tool().await.scope, tool().await.reviewed), (None, None));
        assert!(matches!(bind(&h, &server, Some("logs.read"), "another").await, Err(Error::Changed(_))));
        assert_eq!(field(bind(&h, &server, Some("no.such"), "logs.read-1").await.expect_err("unknown")).0, "scope");
        bind(&h, &server, Some("logs.read"), "logs.read-1").await.expect("bound");
        assert_eq!((tool().await.scope.as_deref(), tool().await.reviewed.as_deref()), (Some("logs.read"), Some("logs.read-1")));

        let before = draft(&h).await;
        let found = h.control.run(&cx, RefreshTools { server: server.clone(), tools: vec![offered("logs.read", 2), offered("logs.tail", 1)] }).await;
        assert_eq!(found.expect("read"), Refreshed { new: 0, changed: 1, gone: 0 });
        assert_eq!(tool().await.reviewed.as_deref(), Some("logs.read-1"), "nobody reviewed the new one");
        assert_eq!(draft(&h).await, before, "what gateways hold it against is the same");
        let view = config::server(&h.control, &cx, &server).await.expect("a server");
        let drifted: Vec<_> = view.tools.iter().filter(|tool| tool.drifted()).collect();
        assert_eq!(drifted.len(), 1);
        assert_eq!(drifted[0].accepted.as_ref().expect("what was accepted")["description"], "logs.read, version 1");

        let found = h.control.run(&cx, RefreshTools { server: server.clone(), tools: vec![] }).await;
        assert_eq!(found.expect("read"), Refreshed { new: 0, changed: 0, gone: 2 });
        assert_eq!((tool().await.present, draft(&h).await), (0, before + 1));
        let version = config::server_removal(&h.control, &cx, &server).await.expect("shown").version;
        h.control.run(&cx, RemoveServer { server, version }).await.expect("removed");
        assert!(h.rows::<Tool>().await.is_empty());
    }

    async fn a_server_s_name_and_address_are_mended_and_its_bindings_stay_by_name(h: Harness) {
        let cx = admin(&h).await;
        h.control.run(&cx, import(FILE)).await.expect("imported");
        let server = register(&h, vec![offered("logs.read", 1), offered("logs.tail", 1)]).await.expect("registered");
        bind(&h, &server, Some("logs.read"), "logs.read-1").await.expect("bound");
        let row = async || h.row::<store::Server>(&server).await.expect("a server");
        let edit = |version: u64, name: &str, upstream: &str, tools: Option<Vec<ImportedTool>>| EditServer {
            server: server.clone(), version, name: name.into(), upstream: upstream.into(), tools,
        };
        let (seen, before) = (config::server_version(&row().await), draft(&h).await);
        let (old, new) = ("http://127.0.0.1:7701/mcp", "http://127.0.0.1:7702/mcp");
        for (name, upstream, wrong) in [("In Cident", old, "name"), ("incident", "ftp://x", "upstream"), ("incident", new, "upstream"), ("incident", "http://127.0.0.1:7500/mcp/incident", "upstream")] {
            let refused = h.control.run(&cx, edit(seen, name, upstream, None)).await.expect_err(upstream);
            assert_eq!(field(refused).0, wrong, "{name} {upstream}");
        }
        assert_eq!(draft(&h).await, before, "a refused edit leaves something to publish");
        // At the new address one tool is defined otherwise, one is gone and one is new.
        let shows = vec![offered("logs.read", 2), offered("logs.search", 1)];
        h.control.run(&cx, edit(seen, "incidents", new, Some(shows))).await.expect("moved");
        assert_eq!((row().await.name.as_str(), row().await.upstream.as_str(), row().await.resource.as_str()), ("incidents", new, "http://127.0.0.1:7500/mcp/incident"));
        let view = config::server(&h.control, &cx, &server).await.expect("a server");
        let tool = |name: &str| view.tools.iter().find(|tool| tool.tool.name == name).expect("a tool");
        assert!(tool("logs.read").drifted() && tool("logs.read").tool.scope.as_deref() == Some("logs.read"));
        assert_eq!((tool("logs.tail").tool.present, tool("logs.search").tool.scope.clone()), (0, None));
        assert_eq!(draft(&h).await, before + 1);
        let late = h.control.run(&cx, edit(seen, "incident", old, None)).await;
        assert!(matches!(late, Err(Error::Changed(_))), "{late:?}");
        let logged = config::last_edit(&h.control, &cx, "server.edit", &server).await.expect("read").expect("an event");
        assert_eq!((logged.details["from"]["upstream"].as_str(), logged.details["tools"]["changed"][0].as_str()), (Some(old), Some("logs.read")));
        // A name that another server has.
        let other = RegisterServer { name: "other".into(), resource: "http://127.0.0.1:7500/mcp/other".into(), upstream: old.into(), tools: vec![] };
        h.control.run(&cx, other).await.expect("registered");
        let taken = h.control.run(&cx, edit(config::server_version(&row().await), "other", new, None)).await.expect_err("taken");
        assert_eq!(field(taken).0, "name");
        let auditor = h.person("usr_aud", &[AdminRole::Auditor]).await;
        assert!(matches!(h.control.run(&auditor, edit(seen, "mine", old, None)).await, Err(Error::Forbidden(_))));
    }

    async fn a_server_is_removed_as_it_was_seen_and_what_stops_is_said(h: Harness) {
        world::plant(&h).await;
        let cx = admin(&h).await;
        let request = h.control.run(&world::dev(&h).await, world::ask()).await.expect("asked");
        let shown = config::server_removal(&h.control, &cx, world::SERVER).await.expect("shown");
        assert!(!shown.tools.is_empty() && shown.live.is_none() && !shown.blocked, "{shown:?}");
        assert_eq!((shown.grants, shown.requests), (0, 1));
        let expected_draft = control::delivery::draft(&h.control, &cx).await.expect("a draft").draft;
        h.control.run(&cx, control::delivery::Publish { note: String::new(), expected_draft }).await.expect("published");
        assert_eq!(config::server_removal(&h.control, &cx, world::SERVER).await.expect("shown").live, Some(1));
        // A binding that its remover did not see keeps the server.
        let bound = h.rows::<Tool>().await.into_iter().find(|tool| tool.scope.is_some()).expect("a bound tool");
        h.plant(Tool { scope: None, ..bound }).await;
        let remove = |version| RemoveServer { server: world::SERVER.into(), version };
        assert!(matches!(h.control.run(&cx, remove(shown.version)).await, Err(Error::Changed(_))));
        let again = config::server_removal(&h.control, &cx, world::SERVER).await.expect("shown").version;
        h.control.run(&cx, remove(again)).await.expect("removed");
        assert!(h.rows::<Tool>().await.is_empty() && h.rows::<store::Server>().await.is_empty());
        // What was published stays in force until the next publish.
        let live = control::delivery::bundle(&h.control, &cx, 1).await.expect("a bundle");
        assert!(live.view.live && live.policy.servers.len() == 1);
        let draft = control::delivery::draft(&h.control, &cx).await.expect("a draft");
        assert!(draft.differs && draft.policy.servers.is_empty());
        // A grant on what is gone would come alive with the next server at that address.
        let decided = world::decide(&h, &world::approver(&h, "usr_sam").await, &request, true).await;
        assert!(matches!(decided, Err(Error::Refused { code: "server_gone", .. })), "{decided:?}");
    }

    async fn what_nobody_read_of_a_description_is_accepted_deliberately(h: Harness) {
        let cx = admin(&h).await;
        h.control.run(&cx, import(FILE)).await.expect("imported");
        let long = ImportedTool { description: "x".repeat(4096), description_chars: 1_000_000, description_unread: 995_904, ..offered("logs.read", 1) };
        let server = register(&h, vec![long.clone()]).await.expect("registered");
        let tool = async || h.row::<Tool>(&format!("{server}/logs.read")).await.expect("a tool");
        assert_eq!(config::unread(&tool().await), Unread::Chars { of: 1_000_000, unread: 995_904 });
        let careless = bind(&h, &server, Some("logs.read"), "logs.read-1").await.expect_err("unread");
        assert_eq!(field(careless).0, "accept_unread");
        assert_eq!(tool().await.scope, None);
        h.control.run(&cx, binding(&server, Some("logs.read"), "logs.read-1", true)).await.expect("bound");
        let logged = config::last_edit(&h.control, &cx, "tool.bind", &server).await.expect("read").expect("an event");
        assert_eq!(logged.details["accepted"]["unread"], 995_904);
        bind(&h, &server, None, "logs.read-1").await.expect("to take a binding away accepts nothing");
        // What was read before anybody counted, and is as long as what is cut, may be cut.
        h.plant(Tool { description_chars: None, description_unread: None, ..tool().await }).await;
        assert_eq!(config::unread(&tool().await), Unread::Unknown);
        assert_eq!(field(bind(&h, &server, Some("logs.read"), "logs.read-1").await.expect_err("unread")).0, "accept_unread");
        let whole = ImportedTool { description: "x".repeat(4096), description_chars: 4096, ..offered("logs.read", 1) };
        h.control.run(&cx, RefreshTools { server: server.clone(), tools: vec![whole] }).await.expect("read again");
        bind(&h, &server, Some("logs.read"), "logs.read-1").await.expect("all of it was read");
    }

    async fn a_tool_s_limits_are_compiled_and_follow_what_is_reviewed(h: Harness) {
        let cx = admin(&h).await;
        h.control.run(&cx, import(FILE)).await.expect("imported");
        let with_schema = |version: u32, schema: &str| ImportedTool { input_schema: schema.into(), ..offered("logs.read", version) };
        let (first, second) = (r#"{"required":["service"]}"#, r#"{"required":["cluster"]}"#);
        let server = register(&h, vec![with_schema(1, first)]).await.expect("registered");
        let limit = |version: i64, arguments: Arguments, per_minute: Option<u32>| {
            LimitTool { server: server.clone(), tool: "logs.read".into(), version, arguments, per_minute }
        };
        let compiled = async || {
            let host = h.host().await;
            let policy = control::delivery::compile::compile(&h.control.read(&host), h.control.parts()).await.expect("compiles");
            policy.servers["http://127.0.0.1:7500/mcp/incident"].tools["logs.read"].clone()
        };
        assert_eq!(field(h.control.run(&cx, limit(1, Arguments::Reviewed, None)).await.expect_err("not reviewed")).0, "arguments");
        bind(&h, &server, Some("logs.read"), "logs.read-1").await.expect("bound");
        let foreign = Arguments::Own(r#"{"$ref":"https://evil.example/x"}"#.into());
        assert_eq!(field(h.control.run(&cx, limit(2, foreign, None)).await.expect_err("fetched")).0, "schema");
        h.control.run(&cx, limit(2, Arguments::Reviewed, Some(30))).await.expect("limited");
        assert!(matches!(h.control.run(&cx, limit(2, Arguments::Any, None)).await, Err(Error::Changed(_))));
        let tool = compiled().await;
        assert_eq!((tool.limit.map(|limit| limit.per_minute), tool.arguments), (Some(30), serde_json::from_str(first).ok()));

        // A changed definition changes nothing before somebody accepts it; then its schema counts.
        h.control.run(&cx, RefreshTools { server: server.clone(), tools: vec![with_schema(2, second)] }).await.expect("read");
        assert_eq!(compiled().await.arguments, serde_json::from_str(first).ok());
        bind(&h, &server, Some("logs.read"), "logs.read-2").await.expect("bound");
        assert_eq!(compiled().await.arguments, serde_json::from_str(second).ok());
        let version = h.row::<Tool>(&format!("{server}/logs.read")).await.expect("a tool").version;
        h.control.run(&cx, limit(version, Arguments::Any, None)).await.expect("freed");
        assert_eq!((compiled().await.arguments, compiled().await.limit), (None, None));
        assert_eq!(h.actions().await.iter().filter(|action| *action == "tool.limit").count(), 2);
    }

    async fn limits_of_everybody_are_compiled_and_edited_once_at_a_time(h: Harness) {
        let cx = admin(&h).await;
        h.control.run(&cx, import(FILE)).await.expect("imported");
        let rate = |per_minute| Some(policy::RateLimit { per_minute });
        let seen = config::limits(&h.control, &cx).await.expect("limits");
        assert_eq!(seen, policy::Limits::default());
        let edit = |limits, seen: &policy::Limits| EditLimits { limits, version: config::limits_version(seen) };
        let wanted = policy::Limits { subject: rate(600), client: None, agent: rate(60) };
        let before = draft(&h).await;
        h.control.run(&cx, edit(wanted, &seen)).await.expect("limited");
        assert!(matches!(h.control.run(&cx, edit(seen, &seen)).await, Err(Error::Changed(_))));
        let host = h.host().await;
        let policy = control::delivery::compile::compile(&h.control.read(&host), h.control.parts()).await.expect("compiles");
        assert_eq!((policy.limits, draft(&h).await), (wanted, before + 1));
        h.control.run(&cx, edit(policy::Limits { subject: rate(1), ..policy::Limits::default() }, &wanted)).await.expect("limited");
        assert_eq!(config::limits(&h.control, &cx).await.expect("limits").agent, None);
        let auditor = h.person("usr_aud", &[AdminRole::Auditor]).await;
        assert!(matches!(h.control.run(&auditor, edit(seen, &wanted)).await, Err(Error::Forbidden(_))));
    }

    async fn a_server_s_addresses_are_held_to_their_shape(h: Harness) {
        register(&h, vec![]).await.expect("registered");
        assert_eq!(field(register(&h, vec![]).await.expect_err("twice")).0, "name");
        for (name, resource, upstream, wrong) in [
            ("In Cident", "https://gw.example/mcp/a", "https://a.example/mcp", "name"),
            ("a", "http://gw.example/mcp/a", "https://a.example/mcp", "resource"),
            ("a", "https://gw.example/mcp/a#x", "https://a.example/mcp", "resource"),
            ("a", "https://GW.example/mcp/a", "https://a.example/mcp", "resource"),
            ("a", "https://gw.example/mcp/a/", "https://a.example/mcp", "resource"),
            ("a", "https://gw.example/mcp/a", "ftp://a.example", "upstream"),
            ("a", "https://gw.example/mcp/a", "https://u:p@a.example/", "upstream"),
            ("a", "https://gw.example/mcp/a", "https://a.exam\nple/", "upstream"),
        ] {
            let found = config::check_server(name, resource, upstream, []).expect_err("wrong");
            assert_eq!(field(found).0, wrong, "{name} {resource} {upstream}");
        }
        // An upstream that is at the gateway rather than behind it.
        let others = h.rows::<store::Server>().await;
        for upstream in ["https://gw.example/mcp/a", "http://127.0.0.1:7500/mcp/incident", "http://127.0.0.1:7500/mcp/a"] {
            let found = config::check_server("a", "https://gw.example/mcp/a", upstream, &others).expect_err("swapped");
            let (at, reason) = field(found);
            assert!(at == "upstream" && reason.contains("swapped"), "{upstream}: {reason}");
        }
        config::check_server("a", "https://gw.example/mcp/a", "http://127.0.0.1:7500/other", &others).expect("elsewhere on that host");
    }

    async fn redirect_uris_go_nowhere_unsafe(h: Harness) {
        let cx = admin(&h).await;
        let client = |uri: &str| RegisterClient { name: "IDE".into(), redirect_uris: vec![uri.into()], class: "ide".into(), ceiling: None };
        for good in ["https://ide.example/cb", "http://127.0.0.1/cb", "http://[::1]:9/cb", "http://localhost/cb?x=1"] {
            let id = h.control.run(&cx, client(good)).await.expect(good);
            assert!(id.starts_with("cli_"), "{id}");
        }
        for bad in ["http://ide.example/cb", "javascript:alert(1)", "JavaScript://127.0.0.1/%0aalert(1)", "data:text/html,x", "https://a.example/#x", "https://u@a.example/", "ide://cb", "/cb", "", "https://a.example,b/cb", "https://a.example/\"cb", "https://a.example/ä"] {
            assert_eq!(field(h.control.run(&cx, client(bad)).await.expect_err(bad)).0, "redirect_uris", "{bad}");
        }
        let (_, reason) = field(h.control.run(&cx, client("cursor://anysphere/cb")).await.expect_err("a scheme of its own"));
        assert!(reason.contains("https://") && reason.contains("any program"), "{reason}");
        let unknown = RegisterClient { class: "no-such".into(), ..client("https://ide.example/cb") };
        assert_eq!(field(h.control.run(&cx, unknown).await.expect_err("a class")).0, "class");
    }

    async fn only_a_ceiling_of_its_own_waits_for_a_publish(h: Harness) {
        let cx = admin(&h).await;
        h.control.run(&cx, import(FILE)).await.expect("imported");
        let to = |ceiling: Option<&[&str]>| RegisterClient { name: "IDE".into(), redirect_uris: vec!["https://ide.example/cb".into()], class: "ide".into(), ceiling: ceiling.map(world::set) };
        let before = draft(&h).await;
        let id = h.control.run(&cx, to(None)).await.expect("registered");
        assert_eq!(draft(&h).await, before, "the class is stamped into tokens");
        let version = config::client_version(&h.row::<Client>(&id).await.expect("a client"));
        h.control.run(&cx, EditClient { id: id.clone(), version, to: to(Some(&["logs.read"])) }).await.expect("narrowed");
        assert_eq!(draft(&h).await, before + 1);
        let late = h.control.run(&cx, EditClient { id: id.clone(), version, to: to(None) }).await;
        assert!(matches!(late, Err(Error::Changed(_))), "{late:?}");
        let nowhere = RegisterClient { ceiling: Some(world::set(&["no.such"])), ..to(None) };
        assert_eq!(field(h.control.run(&cx, nowhere).await.expect_err("a ceiling")).0, "ceiling");
    }

    async fn an_agent_has_owners_and_a_public_key(h: Harness) {
        world::plant(&h).await;
        let cx = admin(&h).await;
        let (key, _) = token::SigningKey::generate().expect("randomness");
        let public = serde_json::to_value(key.public()).expect("a key");
        let agent = |jwks: &serde_json::Value, owners: &[&str]| RegisterAgent { name: "Copilot".into(), class: "assistant".into(), owners: world::set(owners), jwks: jwks.to_string(), ceiling: None };
        let set = serde_json::json!({ "keys": [public] });
        let id = h.control.run(&cx, agent(&set, &["usr_dev"])).await.expect("registered");
        assert!(config::agent(&h.control, &cx, &id).await.expect("an agent").why_not.is_none());
        let mut private = public.clone();
        private["d"] = "secret".into();
        let two = serde_json::json!({ "keys": [public, public] });
        for jwks in [&private, &two, &serde_json::json!({ "kty": "RSA" })] {
            assert_eq!(field(h.control.run(&cx, agent(jwks, &["usr_dev"])).await.expect_err("a key")).0, "jwks");
        }
        for owners in [&[][..], &["usr_nobody"]] {
            assert_eq!(field(h.control.run(&cx, agent(&set, owners)).await.expect_err("owners")).0, "owner");
        }
    }

    async fn the_client_secret_is_sealed_and_goes_to_its_issuer_only(h: Harness) {
        let host = h.host().await;
        let set = |issuer: &str, secret: Option<&str>, version: i64| SetIdp { issuer: issuer.into(), client_id: "writ".into(), client_secret: secret.map(Into::into), groups_claim: "groups".into(), version };
        for bad in ["idp.example", "ftp://idp.example", "https://idp.example?x", "https://u:p@idp.example", "https://idp.exam\nple", "https:\\\\idp.example", "https://idp.example/ä"] {
            assert_eq!(field(h.control.run(&host, set(bad, None, 0)).await.expect_err(bad)).0, "issuer", "{bad}");
        }
        h.control.run(&host, set("https://idp.example", Some("hush"), 0)).await.expect("connected");
        let row = async || h.rows::<IdpConnection>().await.remove(0);
        assert!(!row().await.client_secret.expect("sealed").contains("hush"));
        let db = h.control.read(&host);
        let open = async || config::idp_secret(&db, &h.control.parts().vault, &row().await).expect("opens").map(|secret| secret.to_string());
        assert_eq!(open().await.as_deref(), Some("hush"));
        assert!(matches!(h.control.run(&host, set("https://idp.example", None, 0)).await, Err(Error::Changed(_))), "an old version");
        h.control.run(&host, set("https://idp.example", None, 1)).await.expect("kept");
        assert_eq!(open().await.as_deref(), Some("hush"));
        h.control.run(&host, GrantAdmin { holder: Holder::Subject("ada".into()), role: AdminRole::Owner }).await.expect("an owner");
        let locked_out = h.control.run(&admin(&h).await, set("https://other.example", None, 2)).await;
        assert!(matches!(locked_out, Err(Error::Refused { code: "would_lock_out", .. })), "{locked_out:?}");
        h.control.run(&host, set("https://other.example", None, 2)).await.expect("from the shell");
        assert_eq!(open().await, None, "another issuer gets no secret that was given for the first");
        let bodies: Vec<String> = h.rows::<store::AuditEvent>().await.into_iter().map(|event| event.body).collect();
        assert!(!bodies.iter().any(|body| body.contains("hush")), "a secret in the log");
    }

    async fn the_last_owner_stays(h: Harness) {
        let host = h.host().await;
        let idp = SetIdp { issuer: "https://idp.example".into(), client_id: "writ".into(), client_secret: None, groups_claim: "groups".into(), version: 0 };
        h.control.run(&host, idp).await.expect("connected");
        let give = |holder: Holder| GrantAdmin { holder, role: AdminRole::Owner };
        let ada = h.control.run(&host, give(Holder::Subject("ada".into()))).await.expect("given");
        h.control.run(&host, give(Holder::Group("nobody-is-in-it".into()))).await.expect("given");
        let owner = h.person("usr_ada", &[AdminRole::Owner]).await;
        let last = h.control.run(&owner, RevokeAdmin { binding: ada.clone() }).await;
        assert!(matches!(last, Err(Error::Refused { code: "last_owner", .. })), "{last:?}");
        h.control.run(&host, give(Holder::Subject("sam".into()))).await.expect("given");
        h.control.run(&owner, RevokeAdmin { binding: ada }).await.expect("taken");
        assert_eq!(h.rows::<AdminBinding>().await.len(), 2);
        // An auditor sees who holds what, and gives nothing.
        let auditor = h.person("usr_olga", &[AdminRole::Auditor]).await;
        assert_eq!(config::admins(&h.control, &auditor).await.expect("shown").len(), 2);
        assert!(matches!(h.control.run(&auditor, give(Holder::Subject("me".into()))).await, Err(Error::Forbidden(Permission::WriteAdmins))));
        let operator = h.person("usr_op", &[AdminRole::Operator]).await;
        assert!(matches!(config::admins(&h.control, &operator).await, Err(Error::Forbidden(Permission::ReadAdmins))));
        let unasked = h.control.run(&admin(&h).await, give(Holder::Subject("me".into()))).await;
        assert!(matches!(unasked, Err(Error::Forbidden(Permission::WriteAdmins))), "{unasked:?}");
    }

    async fn groups_that_came_are_told_from_those_that_were_typed(h: Harness) {
        world::plant(&h).await;
        h.control.run(&admin(&h).await, MapGroup { group: "oncall".into(), role: "sre".into() }).await.expect("mapped");
        let reach = config::reach(&h.control, &admin(&h).await).await.expect("reach");
        assert_eq!(reach.seen_groups(), world::set(&["audit", "engineering", "iam-admins", "sre"]));
        assert_eq!(reach.unseen_groups(), world::set(&["oncall"]));
        assert_eq!(reach.known_groups().len(), 5);
    }

    async fn a_scope_is_judged_once_at_a_time(h: Harness) {
        let cx = admin(&h).await;
        h.control.run(&cx, import(FILE)).await.expect("imported");
        let edit = |sentence: &str, version: i64| EditScope { name: "logs.read".into(), sentence: sentence.into(), risk: policy::Risk::Moderate, max_auth_age: None, acr: None, version };
        assert_eq!(field(h.control.run(&cx, edit(" ", 1)).await.expect_err("empty")).0, "sentence");
        h.control.run(&cx, edit("Read what the logs say", 1)).await.expect("judged");
        assert!(matches!(h.control.run(&cx, edit("Something else", 1)).await, Err(Error::Changed(_))));
        assert_eq!(h.row::<Scope>("logs.read").await.expect("a scope").sentence, "Read what the logs say");
    }

    async fn the_simulator_names_the_failing_link(h: Harness) {
        world::plant(&h).await;
        let cx = admin(&h).await;
        let ask = |user: &str, tool: &str, draft: bool| Question { user: user.into(), client: world::IDE.into(), agent: None, server: world::SERVER.into(), tool: tool.into(), draft };
        let early = config::explain(&h.control, &cx, &ask("usr_dev", "logs.read", false)).await;
        assert!(matches!(early, Err(Error::Refused { code: "nothing_live", .. })), "{early:?}");
        let allowed = config::explain(&h.control, &cx, &ask("usr_dev", "logs.read", true)).await.expect("an answer");
        assert_eq!((allowed.denied, allowed.rule.as_deref()), (None, Some("role developer")));
        let denied = config::explain(&h.control, &cx, &ask("usr_dev", "incidents.trigger", true)).await.expect("an answer");
        assert_eq!((denied.denied, denied.scope.as_deref()), (Some(policy::Reason::ScopeNotHeld), Some("incidents.trigger")));
        assert_eq!(denied.trace.iter().filter(|link| link.broken.is_some()).count(), 1);
        let expected_draft = control::delivery::draft(&h.control, &cx).await.expect("a draft").draft;
        h.control.run(&cx, control::delivery::Publish { note: String::new(), expected_draft }).await.expect("published");
        let live = config::explain(&h.control, &cx, &ask("usr_dev", "logs.read", false)).await.expect("an answer");
        assert_eq!((live.denied, live.version), (None, 1));
        let published = h.row::<store::Bundle>("1").await.expect("a bundle").policy.len();
        assert_eq!(config::bundle_sizes(&h.control, &cx).await.expect("sizes")[&1], i64::try_from(published).expect("small"));
        h.plant(world::tool("logs.read", "d2")).await;
        let drifted = config::explain(&h.control, &cx, &ask("usr_dev", "logs.read", true)).await.expect("an answer");
        assert_eq!(drifted.denied, Some(policy::Reason::ToolDrifted));
        let operator = h.person("usr_op", &[AdminRole::Operator]).await;
        let unasked = config::explain(&h.control, &operator, &ask("usr_dev", "logs.read", true)).await;
        assert!(matches!(unasked, Err(Error::Forbidden(_))), "{unasked:?}");
    }

    async fn home_says_what_needs_somebody(h: Harness) {
        world::plant(&h).await;
        h.plant(world::tool("logs.read", "d2")).await;
        let home = config::home(&h.control, &admin(&h).await).await.expect("home");
        assert_eq!(home.drifted, [(world::SERVER.to_owned(), "incident".to_owned(), 1)]);
        let setup = home.setup.expect("an admin sets up");
        assert!(setup.roles && setup.groups && setup.server && setup.client && !setup.idp && !setup.published && !setup.gateway);
        let plain = config::home(&h.control, &world::dev(&h).await).await.expect("home");
        assert!(plain.setup.is_none() && plain.drifted.is_empty() && plain.people.is_none() && plain.converged.is_none(), "{plain:?}");
        // What one may not read is not said to be nothing.
        assert_eq!((home.live, plain.live), (Live::Nothing, Live::Unknown));
        let expected_draft = control::delivery::draft(&h.control, &admin(&h).await).await.expect("a draft").draft;
        h.control.run(&admin(&h).await, control::delivery::Publish { note: String::new(), expected_draft }).await.expect("published");
        assert_eq!(config::home(&h.control, &admin(&h).await).await.expect("home").live, Live::Version(1, h.now_ms()));
        assert_eq!(config::home(&h.control, &world::dev(&h).await).await.expect("home").live, Live::Unknown);
        let anonymous = h.cx(control::Actor::Anonymous).await;
        assert!(matches!(config::home(&h.control, &anonymous).await, Err(Error::Forbidden(_))));
    }
}
