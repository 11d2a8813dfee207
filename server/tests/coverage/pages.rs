//! What pages say, and to whom.

use crate::samples::{form, path, query};
use crate::world::{Answer, World};
use crate::{Visitor, guarded, is_console};
use axum::http::{Method, StatusCode, header};
use control::{AdminRole, Permission};
use std::collections::BTreeSet;
use writ::endpoint::Access;

/// Addresses inside the tenant that a page leads to: of links, and of forms that ask.
fn leads_to(html: &str) -> BTreeSet<String> {
    let links = html.split(r#"href=""#).skip(1).filter_map(|part| part.split('"').next()).map(str::to_owned);
    let asks = html.split("<form").skip(1).filter(|form| form.split('>').next().is_some_and(|tag| tag.contains(r#"method="get""#)));
    let forms = asks.filter_map(|form| form.split(r#"action=""#).nth(1)?.split('"').next()).map(str::to_owned);
    let inside = links.chain(forms).filter(|target| target.starts_with("/t/acme/"));
    inside.map(|target| target.replace("&amp;", "&")).collect()
}

/// The forms that change something, by their address.
fn sends_to(html: &str) -> BTreeSet<String> {
    let sends = html.split("<form").skip(1).filter(|form| form.split('>').next().is_some_and(|tag| tag.contains(r#"method="post""#)));
    sends.filter_map(|form| form.split(r#"action=""#).nth(1)?.split('"').next()).map(str::to_owned).collect()
}

/// The endpoint behind an address.
fn endpoint_of(method: &Method, target: &str) -> Option<Access> {
    let path: Vec<&str> = target.split('?').next()?.split('/').collect();
    let fits = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        template.len() == path.len() && template.iter().zip(&path).all(|(part, given)| part.starts_with('{') || part == given)
    };
    let mut found: Vec<_> = writ::endpoint::endpoints().into_iter().filter(|e| e.method == *method && fits(e.path)).collect();
    // A literal segment goes before a parameter.
    found.sort_by_key(|endpoint| endpoint.path.matches('{').count());
    found.first().map(|endpoint| endpoint.access)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_leads_where_its_reader_may_not_go() {
    let world = World::new().await;
    let ids = world.ids("acme");
    for visitor in Visitor::all().into_iter().filter(|visitor| *visitor != Visitor::Anonymous) {
        let session = world.session("acme", visitor.name());
        let mut seen = BTreeSet::new();
        let pages = guarded().into_iter().filter(|(endpoint, needs)| {
            endpoint.method == Method::GET && is_console(endpoint) && visitor.may(*needs) && !endpoint.path.ends_with(".json")
        });
        for (endpoint, _) in pages {
            let target = format!("{}{}", path(endpoint.path, "acme", ids), query(endpoint.path, ids));
            let page = world.get(&target, session).await;
            if page.status != StatusCode::OK {
                continue;
            }
            for next in leads_to(&page.body) {
                if seen.insert(next.clone()) {
                    let answer = world.get(&next, session).await;
                    assert!(matches!(answer.status.as_u16(), 200 | 303), "{visitor:?}: {target} leads to {next}: {answer:?}");
                }
            }
            for next in sends_to(&page.body) {
                let may = match endpoint_of(&Method::POST, &next) {
                    Some(Access::Session(needs)) => visitor.may(needs),
                    other => panic!("{target} sends to {next}: {other:?}"),
                };
                assert!(may, "{visitor:?}: {target} sends to {next}");
            }
        }
        assert!(seen.len() > 4, "{visitor:?} goes nowhere: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_says_who_may_and_leads_home() {
    let world = World::new().await;
    let plain = world.session("acme", "dev");
    let refused = world.get("/t/acme/admin-roles", plain).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
    assert!(refused.body.contains("Owner or Auditor"), "{refused:?}");
    let missing = world.get("/t/acme/no-such-page", plain).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND, "{missing:?}");
    for page in [&refused, &missing] {
        assert!(page.body.matches(r#"href="/t/acme/home""#).count() >= 2, "the mark and a button lead home: {page:?}");
    }
    // Where there is no such tenant there is no such home.
    let nowhere = world.get("/t/nowhere/home", plain).await;
    assert!(nowhere.status == StatusCode::NOT_FOUND && !nowhere.body.contains("/t/nowhere/home"), "{nowhere:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_at_another_name_is_sent_to_the_public_one() {
    let world = World::new().await;
    let html = || (header::ACCEPT, "text/html,application/xhtml+xml");
    let away = world.get_with("/t/acme/signin?return_to=%2Ft%2Facme%2Fhome", &[html(), (header::HOST, "localhost:7400")]).await;
    assert_eq!(away.status, StatusCode::TEMPORARY_REDIRECT, "{away:?}");
    assert_eq!(away.location, "http://127.0.0.1:7400/t/acme/signin?return_to=%2Ft%2Facme%2Fhome");
    let here = world.get_with("/t/acme/signin", &[html(), (header::HOST, "127.0.0.1:7400")]).await;
    assert_eq!(here.status, StatusCode::OK, "{here:?}");
    // Programs are answered wherever they ask.
    let program = world.get_with("/t/acme/jwks", &[(header::ACCEPT, "*/*"), (header::HOST, "localhost:7400")]).await;
    assert_eq!(program.status, StatusCode::OK, "{program:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_waits_a_moment_for_gateways_that_are_about_to_confirm() {
    let world = World::new().await;
    let ids = world.ids("acme");
    let owner = world.session("acme", AdminRole::Owner.as_str());
    let gateway = ids.gateway.clone();
    for enforcing in [&gateway, &ids.opa] {
        world.acknowledge("acme", enforcing).await;
    }
    let revoked = world.post(&format!("/t/acme/grants/{}/revoke", ids.grant), owner, &[("reason", "to see")]).await;
    assert!(revoked.location.contains("/revocations/"), "{revoked:?}");
    // The page is asked for first, and the gateway and the OPA confirm meanwhile.
    let (page, (), ()) =
        tokio::join!(world.get(&revoked.location, owner), world.acknowledge("acme", &gateway), world.acknowledge("acme", &ids.opa));
    assert!(page.body.contains("Everywhere.") && page.body.contains("2 of 2 gateways deny it"), "{page:?}");
    // The story of the grant stands beside it, and the island's own question has the same answer.
    assert!(page.body.contains("The story") && page.body.contains("revoked the grant of acme-incidents.trigger"), "{page:?}");
    let json = world.get(&format!("{}/receipt.json", revoked.location), owner).await;
    let told: serde_json::Value = serde_json::from_str(&json.body).expect("JSON");
    let confirmed: Vec<_> =
        told["rows"].as_array().expect("rows").iter().map(|row| (row["name"].as_str(), row["after_ms"].as_i64())).collect();
    assert!(confirmed.contains(&(Some("acme-gw"), Some(0))) && confirmed.contains(&(Some("acme-opa"), Some(0))), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_does_not_wait_for_ever() {
    let world = World::new().await;
    let ids = world.ids("acme");
    let owner = world.session("acme", AdminRole::Owner.as_str());
    let gateway = world.enrolled("acme", "gw-1").await;
    world.acknowledge("acme", &gateway).await;
    let revoked = world.post(&format!("/t/acme/grants/{}/revoke", ids.grant), owner, &[("reason", "to see")]).await;
    let page = world.get(&revoked.location, owner).await;
    let (before, _) = page.body.split_once(" unconfirmed").expect("who has not confirmed");
    assert!(
        page.body.contains("Not everywhere yet.") && before.rsplit("; ").next().is_some_and(|names| names.contains("gw-1")),
        "{page:?}"
    );
    assert!(page.body.contains("Look again"), "without script the page says how to go on: {page:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gives_up_a_grant_sees_its_receipt() {
    let world = World::new().await;
    let ids = world.ids("acme");
    let dev = world.session("acme", "dev");
    let given_up = world.post(&format!("/t/acme/grants/{}/revoke", ids.grant), dev, &[("reason", "done")]).await;
    assert_eq!(world.get(&given_up.location, dev).await.status, StatusCode::OK);
    // Lines of the story lead to the log only for those who may read it.
    let line = r#"href="/t/acme/audit/evt_"#;
    let target = format!("/t/acme/grants/{}", ids.grant);
    let (own, auditor) = (world.get(&target, dev).await, world.get(&target, world.session("acme", "auditor")).await);
    assert!(own.body.contains("The story") && !own.body.contains(line), "{own:?}");
    assert!(auditor.body.contains(line), "{auditor:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_without_a_choice_is_told_what_is_missing() {
    let world = World::new().await;
    let ids = world.ids("acme");
    let approver = world.session("acme", AdminRole::Approver.as_str());
    let target = format!("/t/acme/requests/{}/decision", ids.request);
    let whole = form("/t/{tenant}/requests/{id}/decision", ids);
    let without: Vec<_> = whole.iter().copied().filter(|(name, _)| *name != "decision").collect();
    let answer = world.post(&target, approver, &without).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
    for said in ["Nothing was saved.", r##"href="#decision-decision""##, r#"id="decision-decision""#, "not now"] {
        assert!(answer.body.contains(said), "{said}: {answer:?}");
    }
    let unreasoned: Vec<_> = whole.iter().copied().filter(|(name, _)| *name != "reason").collect();
    let answer = world.post(&target, approver, &unreasoned).await;
    assert!(answer.body.contains(r##"href="#decision-reason""##), "{answer:?}");
    let done = world.post(&target, approver, &whole).await;
    let page = world.get(&done.location, approver).await;
    assert!(page.body.contains("You denied it."), "{page:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_typed_stays_when_a_server_cannot_be_read() {
    let world = World::new().await;
    let owner = world.session("acme", AdminRole::Owner.as_str());
    let sent = form("/t/{tenant}/servers", world.ids("acme"));
    let answer = world.post("/t/acme/servers", owner, &sent).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{answer:?}");
    for (name, value) in sent {
        assert!(
            answer.body.contains(&format!(r#"name="{name}""#)) && answer.body.contains(&format!(r#"value="{value}""#)),
            "{name}: {answer:?}"
        );
    }
    let upstream = "http://127.0.0.1:7500/mcp/another";
    let swapped = [("name", "another"), ("resource", "http://127.0.0.1:7701/mcp"), ("upstream", upstream)];
    let answer = world.post("/t/acme/servers", owner, &swapped).await;
    assert!(answer.status == StatusCode::UNPROCESSABLE_ENTITY && answer.body.contains("swapped"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_simulator_lists_the_tools_of_the_chosen_server() {
    let world = World::new().await;
    let ids = world.ids("acme");
    let owner = world.session("acme", AdminRole::Owner.as_str());
    let page = world.get("/t/acme/simulator", owner).await;
    assert!(page.body.contains(&format!(r#"<option value="{}""#, ids.tool)), "there is but one server: {page:?}");
    assert!(!page.body.contains(r#"value="gone""#), "a tool that is no longer offered: {page:?}");
    // By the grant, which ends at a time and not at a number.
    let asked = |tool: &str| {
        format!("/t/acme/simulator?person={}&client={}&agent=&server={}&tool={tool}&policy=live", ids.person, ids.client, ids.server)
    };
    let answer = world.get(&asked(&ids.asked), owner).await;
    assert!(answer.body.contains("gives acme-incidents.trigger until <time"), "{answer:?}");
    let unknown = world.get(&asked("no.such"), owner).await;
    assert!(unknown.body.contains("no.such (not offered)") && unknown.body.contains("unknown_tool"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_request_says_that_it_was_sent_and_shows_what_was_asked() {
    let world = World::new().await;
    let ids = world.ids("acme");
    let dev = world.session("acme", "dev");
    let sent = form("/t/{tenant}/requests", ids);
    let sent: Answer = world.post("/t/acme/requests", dev, &sent).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{sent:?}");
    let page = world.get(&sent.location, dev).await;
    for said in ["Your request is sent.", "You asked to ", "somebody else must decide", "Withdraw this request"] {
        assert!(page.body.contains(said), "{said}: {page:?}");
    }
    assert!(!page.body.contains("Similar requests"), "what an approver weighs: {page:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn home_is_silent_on_what_its_reader_may_not_know() {
    let world = World::new().await;
    for visitor in [Visitor::Plain, Visitor::Admin(AdminRole::Approver)] {
        let home = world.get("/t/acme/home", world.session("acme", visitor.name())).await;
        assert!(!visitor.may(Permission::ReadConfig) && !home.body.contains("Nothing is published"), "{visitor:?}: {home:?}");
        assert!(home.body.contains("Ask for access"), "{visitor:?}: {home:?}");
    }
    let owner = world.get("/t/acme/home", world.session("acme", AdminRole::Owner.as_str())).await;
    assert!(owner.body.contains("Policy 2 is on its way") && owner.body.contains("Policy 2 is in 1 of 2 rings"), "{owner:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_is_blocked_and_lifted_from_its_roles_page() {
    let world = World::new().await;
    let ids = world.ids("acme");
    let owner = world.session("acme", AdminRole::Owner.as_str());
    let role = format!("/t/acme/roles/{}", ids.role);
    let query = format!("kind=role_scope&subject={}&scope={}", ids.role, ids.scope);
    let page = world.get(&role, owner).await;
    assert!(leads_to(&page.body).contains(&format!("/t/acme/block?{query}")), "{page:?}");
    let ask = world.get(&format!("/t/acme/block?{query}"), owner).await;
    assert!(ask.body.contains("What stops") && ask.body.contains("1 person"), "{ask:?}");
    let form = [("kind", "role_scope"), ("subject", &ids.role), ("scope", &ids.scope), ("reason", "customer data in the logs")];
    let blocked = world.post("/t/acme/block", owner, &form).await;
    assert!(blocked.location.contains("/revocations/"), "{blocked:?}");
    let page = world.get(&role, owner).await;
    assert!(page.body.contains("Blocked until lifted"), "{page:?}");
    assert!(leads_to(&page.body).contains(&format!("/t/acme/block/lift?{query}")), "{page:?}");
    let list = world.get("/t/acme/revocations", owner).await;
    assert!(leads_to(&list.body).contains(&format!("/t/acme/block/lift?{query}")), "{list:?}");
    assert_eq!(world.get(&format!("/t/acme/block/lift?{query}"), owner).await.status, StatusCode::OK);
    assert_eq!(world.post("/t/acme/block/lift", owner, &form).await.status, StatusCode::SEE_OTHER);
    assert!(!world.get(&role, owner).await.body.contains("Blocked until lifted"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_back_is_said_before_and_what_was_typed_stays() {
    let world = World::new().await;
    let ids = world.ids("acme");
    let owner = world.session("acme", AdminRole::Owner.as_str());
    let say = async |query: &str| world.get(&format!("/t/acme/take-back?{query}"), owner).await.body;
    let person = say(&format!("kind=subject&subject={}", ids.person)).await;
    assert!(person.contains("They may sign in again") && !person.contains("This concerns you."), "{person}");
    // By its sid, as every token of it says, a sign-in leads to its person; the one that the reader is signed in by is told apart.
    let own = say("kind=session&subject=ses_acme_owner").await;
    assert!(own.contains("a sign-in of") && own.contains("This concerns you."), "{own}");
    let others = say("kind=session&subject=ses_acme_dev").await;
    assert!(others.contains("a sign-in of") && !others.contains("This concerns you."), "{others}");
    for kind in ["session", "lineage", "token"] {
        // Another tenant's are as unknown as none.
        let unknown = say(&format!("kind={kind}&subject=ses_beta_dev")).await;
        assert!(unknown.contains("Nothing is known by this identifier."), "{kind}: {unknown}");
    }
    assert_eq!(world.get("/t/acme/take-back?kind=anything&subject=x", owner).await.status, StatusCode::NOT_FOUND);
    let before = world.events("acme").await;
    let form = [("kind", "token"), ("subject", "tok_typed"), ("reason", "  ")];
    let refused = world.post("/t/acme/take-back", owner, &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
    assert!(refused.body.contains("Say why.") && refused.body.contains(r#"value="tok_typed""#), "{refused:?}");
    assert_eq!(world.events("acme").await, before);
    // Whoever takes back what they are signed in by is signed out.
    let form = [("kind", "session"), ("subject", "ses_acme_owner"), ("reason", "left open at home")];
    let taken = world.post("/t/acme/take-back", owner, &form).await;
    assert!(taken.location.contains("/revocations/"), "{taken:?}");
    assert!(world.get(&taken.location, owner).await.location.starts_with("/t/acme/signin?return_to="));
}
