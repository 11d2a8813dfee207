//! Signing in and out: bare pages, before or after a session.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | [`Start::continue_href`] (the server's own choice, `/t/{tenant}/signin`) | whatever the link carries |
//!
//! Signing in is a GET link, not a form, since a strict `form-action` would stop its redirect to the IdP.

use crate::{components::*, words::Tone};
use leptos::prelude::*;

/// The page that sends people to their IdP.
pub struct Start {
    /// Whose console.
    pub tenant_name: String,
    /// The IdP's display name; none when no connection exists.
    pub idp_name: Option<String>,
    /// Where the button leads, with `return_to` already in it.
    pub continue_href: String,
}

/// The sign-in page.
pub fn start(m: Start) -> impl IntoView {
    match m.idp_name {
        Some(idp) => view! {
            <section class="card pad stack">
                <h1>"Sign in to "<bdi>{m.tenant_name}</bdi></h1>
                <p>"Writ has no passwords. You sign in where you always do, and come back here."</p>
                <a class="button primary big" href=m.continue_href><span>"Continue with "<bdi>{idp}</bdi></span></a>
            </section>
        }
        .into_any(),
        None => view! {
            <section class="card pad stack">
                <h1>"Nobody can sign in to "<bdi>{m.tenant_name}</bdi>" yet"</h1>
                <p>"No identity provider is connected. The first connection is made on the host that runs Writ:"</p>
                <pre><code>"writ admin set-idp --help"</code></pre>
            </section>
        }
        .into_any(),
    }
}

/// After signing out.
pub struct SignedOut {
    /// Where the sign-in page is.
    pub signin_href: String,
}

/// The signed-out page.
pub fn signed_out(m: SignedOut) -> impl IntoView {
    view! {
        <section class="card pad stack">
            <h1>"You are signed out"</h1>
            <p>"Your session here has ended. Tokens that your clients hold live on until they expire or somebody revokes them. You may still be signed in at your identity provider."</p>
            <p><a class="button" href=m.signin_href>"Sign in again"</a></p>
        </section>
    }
    .into_any()
}

/// Why a sign-in did not happen.
pub struct Failure {
    /// Stable code, for example `email_unverified`.
    pub code: String,
    /// One sentence: what happened.
    pub title: String,
    /// What that means.
    pub meaning: String,
    /// What to do, one step a line.
    pub remedy: Vec<String>,
    /// Reference that support can find in the audit log.
    pub reference: String,
    /// Where to try again, when trying again can help.
    pub retry_href: Option<String>,
}

/// The sign-in failure page.
pub fn failure(m: Failure) -> impl IntoView {
    view! {
        <section class="card pad stack">
            {flag_text(Tone::Danger, "You are not signed in.", "")}
            <h1>{m.title}</h1>
            <p>{untrusted(m.meaning, 600)}</p>
            {(!m.remedy.is_empty()).then(|| view! {
                <div class="stack-s"><h2>"What to do"</h2><ol class="numbers">{m.remedy.into_iter().map(|r| view! { <li>{r}</li> }).collect_view()}</ol></div>
            })}
            {m.retry_href.map(|href| view! { <p><a class="button primary" href=href>"Try again"</a></p> })}
            {kv(vec![("Code", code(m.code)), ("Reference", code(m.reference))])}
        </section>
    }
    .into_any()
}

/// The one-time link from the host's shell.
pub struct Link {
    /// Where the form goes: an absolute path.
    pub action: String,
    /// Whose console.
    pub tenant_name: String,
    /// The link's secret, carried on.
    pub token: String,
}

/// The page that asks before the link is used up.
pub fn link(m: Link) -> impl IntoView {
    view! {
        <section class="card pad stack">
            <h1>"Sign in to "<bdi>{m.tenant_name}</bdi>" from the host"</h1>
            <p>"This link works once. You will be an owner for one hour, and the audit log says so."</p>
            <form method="post" action=m.action>
                <input type="hidden" name="csrf" value=""/>
                <input type="hidden" name="token" value=m.token/>
                <button type="submit" class="button primary big">"Sign in as the host"</button>
            </form>
        </section>
    }
    .into_any()
}
