//! What the last action did, said once after its redirect: a code in the URL, its text from here and from nowhere else.

use app::page::Flash;
use app::words::Tone;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use control::Ctx;
use std::convert::Infallible;

/// The sentence that belongs to a code.
fn said(code: &str) -> Option<&'static str> {
    Some(match code {
        "roles_imported" => "The roles are in the draft. Gateways obey them once it is published.",
        "role_saved" => "The role is in the draft. Gateways obey it once it is published.",
        "role_deleted" => "The role is gone from the draft. Gateways forget it once it is published.",
        "scope_saved" => "The scope is in the draft.",
        "assigned" => "Members of the group get the role with their next token.",
        "unassigned" => "The group no longer gives the role.",
        "server_registered" => "The server is registered and its tools were read. Each is denied until you bind it to a scope.",
        "tool_bound" => "The binding is in the draft. Gateways obey it once it is published.",
        "tool_unbound" => "The tool is bound to no scope in the draft. Every call of it is denied once that is published.",
        "tool_limited" => "The tool's limits are in the draft. Gateways obey them once it is published.",
        "limits_saved" => "The limits are in the draft. Gateways obey them once it is published.",
        "tools_read" => "The tools were read again. What is new or changed is denied until somebody binds it.",
        "client_registered" => "The client is registered and may ask for tokens now.",
        "client_saved" => "The client is saved.",
        "agent_registered" => "The agent is registered and may act now.",
        "agent_saved" => "The agent is saved.",
        "published" => "The policy is signed and on its way. The fleet page shows who runs it.",
        "published_ring" => "The policy is signed and on its way to the first ring.",
        "promoted" => "The next ring gets it now.",
        "finished" => "The rollout is finished: every ring has it.",
        "halted" => "The rollout is halted. Every ring stays as it is.",
        "resumed" => "The rollout goes on.",
        "reverted" => "It is taken back: every ring runs again what all ran before.",
        "rings_saved" => "The rings are saved. The next policy goes through them.",
        "rule_saved" => "The rule is saved.",
        "pinned" => "The gateway is pinned.",
        "unpinned" => "The gateway runs its ring's policy again.",
        "settled" => "Nothing waits for a publish: the draft is as the live policy.",
        "server_saved" => "The server is saved in the draft. Gateways forward to it so once that is published.",
        "server_moved" => {
            "The server is in the draft with its new address, and its tools were read there. Bindings stay by name; what differs is denied until somebody binds it."
        }
        "server_removed" => "The server is gone from the draft. Gateways forget it once that is published.",
        "asked" => "The draft is a candidate now and awaits the signature of the policy key.",
        "signature_taken" => "The signature fits. Others of the policy keys must sign, too.",
        "withdrawn" => "The candidate is withdrawn. The draft stays as it is.",
        "idp_saved" => "The connection is saved, and its provider answered.",
        "idp_checked" => "The provider was asked again.",
        "request_sent" => "Your request is sent. Somebody else decides it.",
        "request_approved" => "You approved it. It works from now on, without a publish.",
        "request_denied" => "You denied it. The requester reads your reason.",
        "request_withdrawn" => "Your request is withdrawn.",
        "admin_given" => "The admin role is given.",
        "gateway_removed" => "The gateway is out of the fleet. Its key counts no more, and nobody waits for it.",
        "opa_removed" => "The OPA is out of the fleet, and its token works no more.",
        "admin_taken" => "The admin role is taken.",
        _ => return None,
    })
}

/// What the URL's `done` stands for, if anything.
pub(super) struct Flashed(pub Option<Flash>);

impl<S: Sync> FromRequestParts<S> for Flashed {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let code = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "done");
        let text = code.and_then(|(_, code)| said(&code));
        Ok(Self(text.map(|text| Flash { tone: Tone::Ok, text: text.to_owned() })))
    }
}

/// Done: on to a page of the tenant, which says so.
pub(super) fn done(cx: &Ctx, path: &str, code: &'static str) -> Response {
    debug_assert!(said(code).is_some(), "a code without a sentence");
    Redirect::to(&format!("/t/{}{path}?done={code}", cx.tenant)).into_response()
}

/// A form of nothing but its token.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
pub struct Nothing {}
