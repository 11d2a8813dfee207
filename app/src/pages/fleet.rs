//! Gateways: what each should run, and what each says it runs.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/fleet` | |
//! | GET | `/fleet.json` | answers [`FleetSnapshot`] as JSON, same authorization as the page |
//! | GET | `/fleet/enrol` | |
//! | POST | `/fleet/enrol` | `csrf`, `name` (`[a-z0-9-]{1,40}`) |
//!
//! OPAs stand in the same table; their pages are [`super::opa`]'s.
//!
//! The answer to POST `/fleet/enrol` is the [`token`] page itself (200, `Cache-Control: no-store`), the only time the token is shown.

use crate::{
    components::*,
    instant::{Instant, duration},
    words::Tone,
};
pub use islands::{FleetSnapshot, GatewayRow, GatewayState};
use leptos::prelude::*;

/// The fleet.
pub struct Model {
    /// What the rows show now; refreshed in the browser.
    pub snapshot: FleetSnapshot,
    /// Whether the reader may enrol gateways.
    pub can_enrol: bool,
}

/// The fleet page.
pub fn view(m: Model) -> impl IntoView {
    let enrol = m.can_enrol.then(|| view! { {link_button("/fleet/opa", "Add an OPA")}{primary_link("/fleet/enrol", "Enrol a gateway")} });
    let body = if m.snapshot.rows.is_empty() {
        view! { <div class="card">{empty(Empty::First("A gateway stands before your MCP servers and lets through what the published policy allows. Until one is enrolled, nothing is enforced.", m.can_enrol.then_some(("/fleet/enrol", "Enrol a gateway"))))}</div> }.into_any()
    } else {
        let url = crate::page::url("/fleet.json");
        view! { <islands::FleetStatus url=url snapshot=m.snapshot/> }.into_any()
    };
    view! { {head_with(&[], "Fleet", "What counts is what a gateway activated, not what was sent to it.", enrol)}{body} }.into_any()
}

/// The enrolment form.
#[derive(Default)]
pub struct Enrol {
    /// What stands in the name field.
    pub name: String,
    /// What was wrong with it.
    pub errors: FormErrors,
}

/// The form that makes an enrolment token.
pub fn enrol(m: Enrol) -> impl IntoView {
    view! {
        {head(&[("/fleet", "Fleet")], "Enrol a gateway", ())}
        {error_summary("enrol", &m.errors)}
        <section class="card pad form-card">{post_form("/fleet/enrol", view! {
            {input(Field::new("enrol", "name", "Gateway name").hint("Lower-case letters, digits and hyphens, for example gw-eu-1. The token works for this name only, once.").value(m.name).required().max(40).mono().errors(&m.errors))}
            {buttons(view! { {submit("Make token")}{link_button("/fleet", "Back")} })}
        })}</section>
    }
    .into_any()
}

/// A fresh enrolment token.
pub struct Token {
    /// The name it is for.
    pub name: String,
    /// The secret, shown once.
    pub token: String,
    /// The command to run, token included.
    pub command: String,
    /// How long it works, in seconds.
    pub life_s: i64,
    /// When it ends.
    pub expires: Instant,
}

/// The page that shows a token, once.
pub fn token(m: Token) -> impl IntoView {
    view! {
        {head(&[("/fleet", "Fleet")], view! { "Run this on "<em>{m.name}</em> }, ())}
        {flag_text(Tone::Warn, "You won't see this token again.", format!("It works once, for {}. Leave the page only after you copied it.", duration(m.life_s)))}
        {card("Command", view! { <CopyButton value=m.command.clone() what="command".to_owned()/> }, view! { <pre class="wrap"><code>{m.command.clone()}</code></pre> })}
        {card("Token alone", view! { <CopyButton value=m.token.clone() what="token".to_owned()/> }, view! { <pre class="wrap"><code>{m.token.clone()}</code></pre><p class="muted">"Valid until "{time(&m.expires)}". The part after the dot is the fingerprint of your root of trust; the gateway checks it before it trusts anything."</p> })}
        {buttons(link_button("/fleet", "To the fleet"))}
    }
    .into_any()
}
