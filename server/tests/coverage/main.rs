//! Every row of the route table × everybody who may come by × another tenant's ids.
//!
//! A new endpoint is walked without anybody adding it here, and the walk fails when one of its path parameters has no sample id, or when it
//! is a form that [`samples::form`] does not know. What an endpoint lets through is held to its [`Access`] and to nothing else.

mod pages;
mod samples;
mod world;

use axum::http::{Method, StatusCode};
use control::{AdminRole, Permission};
use samples::{form, path, query};
use world::{Answer, World};
use writ::endpoint::{Access, Endpoint, endpoints};

/// Somebody who comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visitor {
    /// Nobody has signed in.
    Anonymous,
    /// Signed in, and no admin of anything.
    Plain,
    /// An admin.
    Admin(AdminRole),
}

impl Visitor {
    fn all() -> Vec<Self> {
        [Self::Anonymous, Self::Plain].into_iter().chain(AdminRole::ALL.map(Self::Admin)).collect()
    }

    fn may(self, permission: Permission) -> bool {
        match self {
            Self::Anonymous => permission == Permission::Anyone,
            Self::Plain => matches!(permission, Permission::Anyone | Permission::SignedIn),
            Self::Admin(role) => role.may(permission),
        }
    }

    /// The name that the worlds know them by.
    const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "",
            Self::Plain => "dev",
            Self::Admin(role) => role.as_str(),
        }
    }
}

/// Endpoints behind a session, each with what it needs.
fn guarded() -> Vec<(Endpoint, Permission)> {
    let needs = |endpoint: &Endpoint| match endpoint.access {
        Access::Session(permission) => Some(permission),
        Access::Public | Access::Gateway => None,
    };
    endpoints().into_iter().filter_map(|endpoint| needs(&endpoint).map(|permission| (endpoint, permission))).collect()
}

fn is_console(endpoint: &Endpoint) -> bool {
    !endpoint.path.starts_with("/t/{tenant}/authorize") && !endpoint.path.ends_with("/signout")
}

/// Sends what a browser of this visitor would, to the tenant `at`, with the ids of the tenant `of`.
async fn visit(world: &World, visitor: Visitor, endpoint: &Endpoint, at: &str, of: &str) -> Answer {
    let ids = world.ids(of);
    let target = format!("{}{}", path(endpoint.path, at, ids), query(endpoint.path, ids));
    let session = world.session("acme", visitor.name());
    match endpoint.method {
        Method::GET => world.get(&target, session).await,
        _ => world.post(&target, session, &form(endpoint.path, ids)).await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_in_who_may_not_and_nothing_is_changed() {
    let world = World::new().await;
    let before = (world.events("acme").await, world.events("beta").await);
    for (endpoint, needs) in guarded() {
        for visitor in Visitor::all().into_iter().filter(|visitor| !visitor.may(needs)) {
            let answer = visit(&world, visitor, &endpoint, "acme", "acme").await;
            let said = format!("{visitor:?} {} {}: {answer:?}", endpoint.method, endpoint.path);
            match (visitor, &endpoint.method) {
                (Visitor::Anonymous, &Method::GET) => {
                    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{said}");
                    assert!(answer.location.starts_with("/t/acme/signin?return_to="), "{said}");
                }
                (Visitor::Anonymous, _) => assert!(matches!(answer.status.as_u16(), 401 | 403), "{said}"),
                _ => assert!(matches!(answer.status.as_u16(), 403 | 404), "{said}"),
            }
        }
    }
    assert_eq!((world.events("acme").await, world.events("beta").await), before, "somebody who may not has changed something");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_of_another_tenant_are_nothing_here() {
    let world = World::new().await;
    let before = world.events("beta").await;
    for (endpoint, needs) in guarded() {
        let names_something = endpoint.path.replace("{tenant}", "").contains('{');
        for visitor in Visitor::all().into_iter().filter(|visitor| visitor.may(needs) && *visitor != Visitor::Anonymous) {
            let said = |answer: &Answer| format!("{visitor:?} {} {}: {answer:?}", endpoint.method, endpoint.path);
            // Ids in paths find nothing; those in queries and forms give nothing away and do nothing over there.
            if is_console(&endpoint) {
                // Names that nobody has here may be taken, which must not be so for the next visitor.
                let fresh = world.copy().await;
                let answer = visit(&fresh, visitor, &endpoint, "acme", "beta").await;
                assert_eq!(fresh.events("beta").await, before, "something of the other tenant was changed: {}", said(&answer));
                assert!(!names_something || matches!(answer.status.as_u16(), 403 | 404), "another tenant's ids: {}", said(&answer));
                assert!(!answer.body.contains("beta's"), "another tenant's names: {}", said(&answer));
            }
            // A session of one tenant is nobody's at another.
            let answer = visit(&world, visitor, &endpoint, "beta", "beta").await;
            match endpoint.method {
                Method::GET => assert!(answer.location.starts_with("/t/beta/signin?return_to="), "a session elsewhere: {}", said(&answer)),
                _ => assert!(matches!(answer.status.as_u16(), 401 | 403), "a session elsewhere: {}", said(&answer)),
            }
        }
    }
    assert_eq!(world.events("beta").await, before, "something of the other tenant was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_see_a_page_sees_it() {
    let world = World::new().await;
    for (endpoint, needs) in guarded().into_iter().filter(|(endpoint, _)| endpoint.method == Method::GET && is_console(endpoint)) {
        for visitor in Visitor::all().into_iter().filter(|visitor| visitor.may(needs) && *visitor != Visitor::Anonymous) {
            let answer = visit(&world, visitor, &endpoint, "acme", "acme").await;
            let said = format!("{visitor:?} {}: {answer:?}", endpoint.path);
            match (needs, endpoint.path) {
                (_, "/t/{tenant}") => assert_eq!(answer.status, StatusCode::SEE_OTHER, "{said}"),
                // What belongs to somebody is shown to them and to those who may see everybody's: the use case knows which.
                (Permission::SignedIn, path) if path.contains("{id}") || path.contains("{seq}") => {
                    assert!(matches!(answer.status.as_u16(), 200 | 403 | 404), "{said}");
                }
                _ => assert_eq!(answer.status, StatusCode::OK, "{said}"),
            }
            assert!(!answer.body.contains("beta's"), "another tenant's names: {said}");
            assert!(!answer.body.contains(world::SECRET), "a secret: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_send_a_form_is_taken_at_their_word() {
    let first = World::new().await;
    for (endpoint, needs) in guarded().into_iter().filter(|(endpoint, _)| endpoint.method == Method::POST && is_console(endpoint)) {
        for visitor in Visitor::all().into_iter().filter(|visitor| visitor.may(needs) && *visitor != Visitor::Anonymous) {
            let world = first.copy().await;
            world.prepare("acme", endpoint.path).await;
            let before = world.events("acme").await;
            let answer = visit(&world, visitor, &endpoint, "acme", "acme").await;
            let said = format!("{visitor:?} {}: {answer:?}", endpoint.path);
            match (needs, endpoint.path) {
                // Nothing is called on this machine, so there is nothing to import and nothing to discover.
                (_, "/t/{tenant}/servers" | "/t/{tenant}/servers/{server}/refresh") => {
                    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{said}")
                }
                // What differs is published, not settled.
                (_, "/t/{tenant}/draft/settle") => assert_eq!(answer.status, StatusCode::CONFLICT, "{said}"),
                (_, "/t/{tenant}/idp") => assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}"),
                (_, "/t/{tenant}/roles/import") => assert_eq!(answer.status, StatusCode::OK, "{said}"),
                (Permission::SignedIn, path) if path.contains("{id}") => {
                    assert!(matches!(answer.status.as_u16(), 303 | 403 | 404 | 409), "{said}");
                }
                _ => {
                    assert!(matches!(answer.status.as_u16(), 200 | 303), "{said}");
                    assert!(world.events("acme").await > before, "a change without its event: {said}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_without_its_token_or_from_elsewhere_is_refused() {
    let world = World::new().await;
    let before = world.events("acme").await;
    for (endpoint, _) in guarded().into_iter().filter(|(endpoint, _)| endpoint.method == Method::POST && is_console(endpoint)) {
        let ids = world.ids("acme");
        let target = path(endpoint.path, "acme", ids);
        let owner = world.session("acme", AdminRole::Owner.as_str());
        let answer = world.post_without_token(&target, owner, &form(endpoint.path, ids)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "without a token, {}: {answer:?}", endpoint.path);
        let answer = world.post_from_elsewhere(&target, owner, &form(endpoint.path, ids)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "from elsewhere, {}: {answer:?}", endpoint.path);
    }
    assert_eq!(world.events("acme").await, before, "something was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_no_gateway() {
    let world = World::new().await;
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.access == Access::Gateway) {
        for visitor in Visitor::all() {
            let ids = world.ids("acme");
            let target = path(endpoint.path, "acme", ids);
            let session = world.session("acme", visitor.name());
            let answer = match endpoint.method {
                Method::GET => world.get(&target, session).await,
                _ => world.post(&target, session, &[]).await,
            };
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{visitor:?} {}: {answer:?}", endpoint.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_read_is_bound_only_by_whoever_says_that_they_accept_it() {
    let world = World::new().await;
    let (ids, owner) = (world.ids("acme"), world.session("acme", AdminRole::Owner.as_str()));
    let place = format!("/t/acme/servers/{}", ids.server);
    let asked = world.get(&format!("{place}/bind?tool=drifting"), owner).await.body;
    assert!(asked.contains("999,986 of this description's 1,000,000 characters"), "{asked}");
    let definition = control::sha256_hex("drifted");
    let mut binding = vec![("tool", "drifting"), ("scope", ids.scope.as_str()), ("definition", definition.as_str())];
    let careless = world.post(&format!("{place}/bind"), owner, &binding).await;
    assert!(careless.status == StatusCode::UNPROCESSABLE_ENTITY && careless.body.contains("Say that you accept"), "{careless:?}");
    binding.push(("accept_unread", "yes"));
    let bound = world.post(&format!("{place}/bind"), owner, &binding).await;
    assert_eq!(bound.location, format!("{place}?done=tool_bound"), "{bound:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_mended_and_removed_by_forms_that_say_what_happens() {
    let world = World::new().await;
    let (ids, owner) = (world.ids("acme"), world.session("acme", AdminRole::Owner.as_str()));
    let place = format!("/t/acme/servers/{}", ids.server);
    let form =
        |version: &str, upstream: &str| [("version", version.to_owned()), ("name", "mended".to_owned()), ("upstream", upstream.to_owned())];
    let send = async |form: [(&str, String); 3]| {
        let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.post(&place, owner, &pairs).await
    };
    // At a new address nobody answers: nothing is saved, and what was typed stands there.
    let silent = send(form(&ids.server_version, "http://127.0.0.1:9/elsewhere")).await;
    assert_eq!(silent.status, StatusCode::BAD_GATEWAY, "{silent:?}");
    assert!(silent.body.contains("Nothing was saved") && silent.body.contains("http://127.0.0.1:9/elsewhere"), "{}", silent.body);
    assert!(world.get(&place, owner).await.body.contains("http://127.0.0.1:9/mcp"), "the address is another");
    let wrong = send(form(&ids.server_version, "ftp://127.0.0.1")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    let saved = send(form(&ids.server_version, "http://127.0.0.1:9/mcp")).await;
    assert_eq!((saved.status, saved.location.as_str()), (StatusCode::SEE_OTHER, format!("{place}?done=server_saved").as_str()));
    let late = send(form(&ids.server_version, "http://127.0.0.1:9/late")).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{late:?}");
    assert!(late.body.contains("You yourself, in another window, saved “http://127.0.0.1:9/mcp” here meanwhile."), "{}", late.body);

    // A binding that is taken away is said to deny; and a removal page that was opened before it removes nothing.
    let asked = world.get(&format!("{place}/remove"), owner).await.body;
    assert!(asked.contains("1 grant in force") && asked.contains("acme-logs.read: acme-logs.read"), "{asked}");
    let unbind = [("tool", ids.tool.as_str()), ("scope", ""), ("definition", ids.definition.as_str())];
    let unbound = world.post(&format!("{place}/bind"), owner, &unbind).await;
    assert_eq!(unbound.location, format!("{place}?done=tool_unbound"), "{unbound:?}");
    assert!(world.get(&unbound.location, owner).await.body.contains("bound to no scope"));
    let stale = world.post(&format!("{place}/remove"), owner, &[("version", &ids.removal)]).await;
    assert!(stale.status == StatusCode::CONFLICT && stale.body.contains("Nothing was removed"), "{stale:?}");
    assert_eq!(world.get(&place, owner).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_tool_is_shown_beside_what_was_accepted() {
    let world = World::new().await;
    let ids = world.ids("acme");
    let owner = world.session("acme", AdminRole::Owner.as_str());
    let page = world.get(&format!("/t/acme/servers/{}", ids.server), owner).await.body;
    for said in ["What drifting does", "Something else", "1 tool changed", "Removed"] {
        assert!(page.contains(said), "{said} is not on the page");
    }
    let home = world.get("/t/acme/home", owner).await.body;
    assert!(home.contains("1 tool on acme-incident changed"), "{home}");
    // The code in the URL chooses a sentence; it is none itself.
    let said = world.get("/t/acme/roles?done=role_saved", owner).await.body;
    assert!(said.contains("The role is in the draft."), "{said}");
    let free = world.get("/t/acme/roles?done=%3Cb%3Ecall+0800", owner).await.body;
    assert!(!free.contains("0800"), "text from the URL is shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_is_removed_by_a_form_that_says_what_ends() {
    let world = World::new().await;
    let (ids, owner) = (world.ids("acme"), world.session("acme", AdminRole::Owner.as_str()));
    let place = format!("/t/acme/fleet/{}", ids.gateway);
    // The way there: from the row of a gateway that is not heard of, and from its page.
    let row = format!(r#"href="{place}/remove" aria-label="Remove acme-gw…""#);
    assert!(world.get("/t/acme/fleet", owner).await.body.contains(&row), "no way from the row");
    assert!(world.get(&place, owner).await.body.contains(&format!(r#"href="{place}/remove""#)), "no way from the page");
    let auditor = world.session("acme", AdminRole::Auditor.as_str());
    assert!(!world.get("/t/acme/fleet", auditor).await.body.contains("/remove"), "shown to who may not");
    let asked = world.get(&format!("{place}/remove"), owner).await.body;
    for said in ["Remove the gateway", "counts no more, from its next request on", "to policy 1 until", "delete its data folder"] {
        assert!(asked.contains(said), "{said}: {asked}");
    }
    // Each kind by its own address only.
    for other in [format!("/t/acme/fleet/{}/remove", ids.opa), format!("/t/acme/fleet/opa/{}/remove", ids.gateway)] {
        assert_eq!(world.get(&other, owner).await.status, StatusCode::NOT_FOUND, "{other}");
        assert_eq!(world.post(&other, owner, &[]).await.status, StatusCode::NOT_FOUND, "{other}");
    }
    let removed = world.post(&format!("{place}/remove"), owner, &[]).await;
    assert_eq!((removed.status, removed.location.as_str()), (StatusCode::SEE_OTHER, "/t/acme/fleet?done=gateway_removed"), "{removed:?}");
    assert!(world.get(&removed.location, owner).await.body.contains("The gateway is out of the fleet"), "not said");
    assert_eq!(world.get(&place, owner).await.status, StatusCode::NOT_FOUND);
    assert!(world.get("/t/acme/audit", owner).await.body.contains("removed the gateway acme-gw"), "no sentence in the log");
    let again = world.post(&format!("{place}/remove"), owner, &[]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "{again:?}");
}
