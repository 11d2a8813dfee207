//! The console: each handler loads a view model, sets the status and has a pure view rendered.
//!
//! A form answers with a redirect to a page that says what was done (`flash`), or with itself: what was typed, and what is wrong with it.

mod admins;
mod agents;
mod assignments;
mod bundle;
mod candidate;
mod clients;
mod draft;
mod flash;
mod fleet;
mod gateway;
mod governing;
mod home;
mod idp;
mod keys;
mod limits;
mod opa;
mod people;
mod rings;
mod role_edit;
mod role_import;
mod roles;
mod scopes;
mod sentences;
mod server;
mod server_edit;
mod servers;
mod simulator;
mod words;

use crate::endpoint::{Access, Endpoint, get, post};
use control::Permission as P;

/// This area's endpoints.
pub fn endpoints() -> Vec<Endpoint> {
    let session = Access::Session;
    let mut all = vec![
        get("/t/{tenant}", session(P::SignedIn), home::land),
        get("/t/{tenant}/home", session(P::SignedIn), home::get),
        get("/t/{tenant}/roles", session(P::ReadConfig), roles::list),
        post("/t/{tenant}/roles", session(P::WriteConfig), role_edit::create),
        get("/t/{tenant}/roles/new", session(P::WriteConfig), role_edit::new),
        get("/t/{tenant}/roles/import", session(P::WriteConfig), role_import::ask),
        post("/t/{tenant}/roles/import", session(P::WriteConfig), role_import::preview),
        post("/t/{tenant}/roles/import/apply", session(P::WriteConfig), role_import::apply),
        get("/t/{tenant}/roles/{role}", session(P::ReadConfig), roles::get),
        post("/t/{tenant}/roles/{role}", session(P::WriteConfig), role_edit::save),
        get("/t/{tenant}/roles/{role}/edit", session(P::WriteConfig), role_edit::edit),
        get("/t/{tenant}/roles/{role}/delete", session(P::WriteConfig), roles::ask_delete),
        post("/t/{tenant}/roles/{role}/delete", session(P::WriteConfig), roles::delete),
        get("/t/{tenant}/scopes", session(P::ReadConfig), scopes::list),
        get("/t/{tenant}/scopes/{scope}", session(P::ReadConfig), scopes::get),
        post("/t/{tenant}/scopes/{scope}", session(P::WriteConfig), scopes::save),
        get("/t/{tenant}/assignments", session(P::ReadConfig), assignments::list),
        post("/t/{tenant}/assignments", session(P::WriteConfig), assignments::create),
        get("/t/{tenant}/assignments/remove", session(P::WriteConfig), assignments::ask_remove),
        post("/t/{tenant}/assignments/remove", session(P::WriteConfig), assignments::remove),
        get("/t/{tenant}/simulator", session(P::ReadConfig), simulator::get),
        get("/t/{tenant}/servers", session(P::ReadConfig), servers::list),
        post("/t/{tenant}/servers", session(P::WriteConfig), servers::create),
        get("/t/{tenant}/servers/new", session(P::WriteConfig), servers::new),
        get("/t/{tenant}/servers/{server}", session(P::ReadConfig), server::get),
        post("/t/{tenant}/servers/{server}", session(P::WriteConfig), server_edit::save),
        get("/t/{tenant}/servers/{server}/edit", session(P::WriteConfig), server_edit::ask),
        get("/t/{tenant}/servers/{server}/remove", session(P::WriteConfig), server_edit::ask_remove),
        post("/t/{tenant}/servers/{server}/remove", session(P::WriteConfig), server_edit::remove),
        get("/t/{tenant}/servers/{server}/bind", session(P::WriteConfig), server::ask_bind),
        post("/t/{tenant}/servers/{server}/bind", session(P::WriteConfig), server::bind),
        get("/t/{tenant}/servers/{server}/limits", session(P::WriteConfig), limits::ask_tool),
        post("/t/{tenant}/servers/{server}/limits", session(P::WriteConfig), limits::save_tool),
        get("/t/{tenant}/limits", session(P::ReadConfig), limits::get),
        post("/t/{tenant}/limits", session(P::WriteConfig), limits::save),
        post("/t/{tenant}/servers/{server}/refresh", session(P::WriteConfig), server::refresh),
        get("/t/{tenant}/clients", session(P::ReadConfig), clients::list),
        post("/t/{tenant}/clients", session(P::WriteConfig), clients::create),
        get("/t/{tenant}/clients/new", session(P::WriteConfig), clients::new),
        get("/t/{tenant}/clients/{client}", session(P::ReadConfig), clients::get),
        post("/t/{tenant}/clients/{client}", session(P::WriteConfig), clients::save),
        get("/t/{tenant}/agents", session(P::ReadConfig), agents::list),
        post("/t/{tenant}/agents", session(P::WriteConfig), agents::create),
        get("/t/{tenant}/agents/new", session(P::WriteConfig), agents::new),
        get("/t/{tenant}/agents/{agent}", session(P::ReadConfig), agents::get),
        post("/t/{tenant}/agents/{agent}", session(P::WriteConfig), agents::save),
        get("/t/{tenant}/idp", session(P::ReadConfig), idp::get),
        post("/t/{tenant}/idp", session(P::WriteConfig), idp::save),
        post("/t/{tenant}/idp/check", session(P::WriteConfig), idp::check),
        get("/t/{tenant}/people", session(P::ReadPeople), people::list),
        get("/t/{tenant}/people/{person}", session(P::ReadPeople), people::get),
        get("/t/{tenant}/admin-roles", session(P::ReadAdmins), admins::list),
        post("/t/{tenant}/admin-roles", session(P::WriteAdmins), admins::create),
        get("/t/{tenant}/admin-roles/remove", session(P::WriteAdmins), admins::ask_remove),
        post("/t/{tenant}/admin-roles/remove", session(P::WriteAdmins), admins::remove),
        get("/t/{tenant}/keys", session(P::ReadConfig), keys::get),
        get("/t/{tenant}/draft", session(P::ReadConfig), draft::get),
        post("/t/{tenant}/draft/publish", session(P::Publish), draft::publish),
        post("/t/{tenant}/draft/settle", session(P::Publish), draft::settle),
        get("/t/{tenant}/draft/candidate", session(P::Publish), candidate::download),
        post("/t/{tenant}/draft/candidate/signature", session(P::Publish), candidate::sign),
        get("/t/{tenant}/draft/candidate/withdraw", session(P::Publish), candidate::ask_withdraw),
        post("/t/{tenant}/draft/candidate/withdraw", session(P::Publish), candidate::withdraw),
        get("/t/{tenant}/bundles", session(P::ReadConfig), draft::bundles),
        get("/t/{tenant}/bundles/compare", session(P::ReadConfig), bundle::compare),
        get("/t/{tenant}/bundles/{version}", session(P::ReadConfig), bundle::get),
        post("/t/{tenant}/bundles/{version}/promote", session(P::WriteRollouts), bundle::promote),
        post("/t/{tenant}/bundles/{version}/halt", session(P::WriteRollouts), bundle::halt),
        post("/t/{tenant}/bundles/{version}/resume", session(P::WriteRollouts), bundle::resume),
        post("/t/{tenant}/bundles/{version}/revert", session(P::WriteRollouts), bundle::revert),
        get("/t/{tenant}/rings", session(P::ReadFleet), rings::get),
        post("/t/{tenant}/rings", session(P::WriteRollouts), rings::save),
        post("/t/{tenant}/rings/rule", session(P::WriteRollouts), rings::save_rule),
        get("/t/{tenant}/fleet", session(P::ReadFleet), fleet::get),
        get("/t/{tenant}/fleet.json", session(P::ReadFleet), fleet::json),
        get("/t/{tenant}/fleet/enrol", session(P::WriteFleet), fleet::ask),
        post("/t/{tenant}/fleet/enrol", session(P::WriteFleet), fleet::enrol),
        get("/t/{tenant}/fleet/opa", session(P::WriteFleet), opa::ask),
        post("/t/{tenant}/fleet/opa", session(P::WriteFleet), opa::enrol),
        get("/t/{tenant}/fleet/opa/{client}", session(P::ReadFleet), opa::get),
        post("/t/{tenant}/fleet/opa/{client}/token", session(P::WriteFleet), opa::token),
        post("/t/{tenant}/fleet/opa/{client}/config", session(P::WriteFleet), opa::config),
        get("/t/{tenant}/fleet/opa/{client}/remove", session(P::WriteFleet), opa::ask_remove),
        post("/t/{tenant}/fleet/opa/{client}/remove", session(P::WriteFleet), opa::remove),
        get("/t/{tenant}/fleet/{gateway}", session(P::ReadFleet), gateway::get),
        post("/t/{tenant}/fleet/{gateway}/pin", session(P::WriteRollouts), gateway::pin),
        post("/t/{tenant}/fleet/{gateway}/unpin", session(P::WriteRollouts), gateway::unpin),
        get("/t/{tenant}/fleet/{gateway}/remove", session(P::WriteFleet), gateway::ask_remove),
        post("/t/{tenant}/fleet/{gateway}/remove", session(P::WriteFleet), gateway::remove),
    ];
    all.extend(governing::endpoints());
    all
}
