//! The tenant's IdP connection.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/idp` | |
//! | POST | `/idp` | `csrf`, `version`, `name`, `issuer`, `client_id`, `client_secret` (empty: keep), `groups_claim` |
//! | POST | `/idp/check` | `csrf` |
//!
//! POST `/idp` stores nothing that can't be discovered at its issuer: 422 with the reason. `/idp/check` reads the issuer's discovery document and
//! keys anew and redirects to `/idp`, which shows the result. The secret is never shown.

use crate::{components::*, instant::Instant, words::Tone};
use leptos::prelude::*;

/// One thing that was checked.
pub struct Check {
    /// What should be so.
    pub title: String,
    /// What was found.
    pub detail: String,
    /// It is so.
    pub ok: bool,
}

/// The connection.
#[derive(Default)]
pub struct Model {
    /// There is one.
    pub connected: bool,
    /// Version of the form.
    pub version: u64,
    /// Display name, for the sign-in button.
    pub name: String,
    /// The issuer's URL.
    pub issuer: String,
    /// Our client id there.
    pub client_id: String,
    /// A secret is stored.
    pub has_secret: bool,
    /// The claim that holds groups.
    pub groups_claim: String,
    /// What to register at the IdP.
    pub redirect_uri: String,
    /// The last check, and when it ran.
    pub checks: Vec<Check>,
    /// When.
    pub checked: Option<Instant>,
    /// What was wrong.
    pub errors: FormErrors,
    /// The reader may change it.
    pub can_edit: bool,
}

/// The IdP page.
pub fn view(m: Model) -> impl IntoView {
    let e = &m.errors;
    let secret_hint =
        if m.has_secret { "One is stored, encrypted. Leave this empty to keep it." } else { "Stored encrypted and never shown again." };
    let form = if m.can_edit {
        let body = view! {
            {hidden("version", m.version.to_string())}
            {input(Field::new("idp", "name", "Name").hint("People see it on the sign-in button, for example Okta.").value(m.name).required().max(60).errors(e))}
            {input(Field::new("idp", "issuer", "Issuer").hint("Exactly as the provider names itself, without /.well-known.").value(m.issuer).required().kind("url").max(500).mono().errors(e))}
            {input(Field::new("idp", "client_id", "Client id").value(m.client_id).required().max(300).mono().errors(e))}
            {input(Field::new("idp", "client_secret", "Client secret").hint(secret_hint).kind("password").max(1000).mono().errors(e))}
            {input(Field::new("idp", "groups_claim", "Groups claim").hint("The ID token's claim that lists groups. People without it are not let in (no_groups); an empty list lets them in without a role.").value(m.groups_claim).required().max(100).mono().errors(e))}
            {buttons(submit("Check and save"))}
        };
        card("Connection", (), post_form("/idp", body))
    } else {
        card(
            "Connection",
            (),
            kv(vec![
                ("Name", text(m.name)),
                ("Issuer", untrusted(m.issuer, 300)),
                ("Client id", code(m.client_id)),
                ("Groups claim", code(m.groups_claim)),
            ]),
        )
    };
    let failing = m.checks.iter().filter(|c| !c.ok).count();
    let ran = m.checked.as_ref().map(|at| view! { "read "{time(at)} });
    let steps: Vec<Step> = m
        .checks
        .into_iter()
        .map(|c| Step {
            state: if c.ok { StepState::Holds } else { StepState::Broken },
            title: text(c.title),
            detail: untrusted(c.detail, 400),
        })
        .collect();
    let check = if steps.is_empty() { view! { <p class="muted">"Not checked yet."</p> }.into_any() } else { chain(steps) };
    let again =
        (m.connected && m.can_edit).then(|| post_form("/idp/check", view! { <button type="submit" class="button">"Check again"</button> }));
    view! {
        {head_with(&[], "IdP connection", "People sign in at your identity provider. Writ keeps no passwords.", ())}
        {(!m.connected).then(|| flag_text(Tone::Info, "No connection yet.", "Register Writ at your provider with the redirect URI below, then fill in what it gives you."))}
        {(failing > 0).then(|| flag_text(Tone::Danger, "Sign-in does not work now.", "The last check failed; see which step."))}
        {error_summary("idp", &m.errors)}
        <div class="cols">
            {form}
            <div class="stack">
                {card("Redirect URI", view! { <CopyButton value=m.redirect_uri.clone() what="redirect URI".to_owned()/> }, view! { <pre class="wrap"><code>{m.redirect_uri.clone()}</code></pre><p class="muted">"Register exactly this at your provider."</p> })}
                {card("Last check", ran, view! { <div class="stack-m">{check}{again}</div> })}
            </div>
        </div>
    }
    .into_any()
}
