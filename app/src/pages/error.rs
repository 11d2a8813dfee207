//! Error pages, console and OAuth. Bare, without forms.

use crate::{components::*, words::Tone};
use leptos::prelude::*;

/// A page that could not be shown, or an action that was refused.
pub struct Model {
    /// HTTP status.
    pub status: u16,
    /// One sentence.
    pub title: String,
    /// What it means and what to do.
    pub detail: String,
    /// For support, as in the log.
    pub request_id: String,
    /// A way on: absolute path and label.
    pub back: Option<(String, String)>,
}

impl Model {
    /// 404: also what another tenant's objects look like.
    pub fn not_found(request_id: impl Into<String>) -> Self {
        Self::of(
            404,
            "There is nothing here",
            "The address may be mistyped, the object may be gone, or it belongs to a tenant that you can't see.",
            request_id,
        )
    }
    /// 403: `roles` are those that it needs one of, by their labels.
    pub fn forbidden(roles: &[&str], request_id: impl Into<String>) -> Self {
        let needs = match roles {
            [] => "Nobody who signs in may do it.".to_owned(),
            [one] => format!("It needs the admin role {one}. Ask an owner of this tenant for it, if you need it."),
            [most @ .., last] => {
                format!(
                    "It needs one of the admin roles {} or {last}. Ask an owner of this tenant for one, if you need it.",
                    most.join(", ")
                )
            }
        };
        Self::of(403, "Your role doesn't allow this", format!("Nothing was changed. {needs}"), request_id)
    }
    /// 403 after a missing or foreign CSRF token.
    pub fn stale_form(request_id: impl Into<String>) -> Self {
        Self::of(403, "This form is no longer valid", "Nothing was changed. Go back, reload the page and send it again.", request_id)
    }
    /// 409.
    pub fn conflict(detail: impl Into<String>, request_id: impl Into<String>) -> Self {
        Self::of(409, "It has changed in the meantime", detail, request_id)
    }
    /// 500: the cause is in the log, not on the page.
    pub fn internal(request_id: impl Into<String>) -> Self {
        Self::of(
            500,
            "Something broke on our side",
            "Nothing was half done: a change either happened whole or not at all. Try again; if it stays, give support the reference.",
            request_id,
        )
    }
    /// 503: what a key management service has to sign was not signed.
    pub fn not_signed(detail: impl Into<String>, request_id: impl Into<String>) -> Self {
        Self::of(503, "It could not be signed", detail, request_id)
    }
    fn of(status: u16, title: &str, detail: impl Into<String>, request_id: impl Into<String>) -> Self {
        Self { status, title: title.to_owned(), detail: detail.into(), request_id: request_id.into(), back: None }
    }
}

/// The generic error page.
pub fn view(m: Model) -> impl IntoView {
    view! {
        <section class="card pad stack">
            <p class="eyebrow">{format!("Error {}", m.status)}</p>
            <h1>{m.title}</h1>
            <p>{untrusted(m.detail, 1000)}</p>
            {m.back.map(|(href, label)| view! { <p><a class="button" href=href>{label}</a></p> })}
            {kv(vec![("Reference", code(m.request_id))])}
        </section>
    }
    .into_any()
}

/// An authorization request that can't be answered by a redirect, since the redirect itself is in doubt.
pub struct OAuth {
    /// RFC 6749 code, for example `invalid_request`.
    pub error: String,
    /// What is wrong with the request.
    pub description: String,
    /// The client identifier as sent.
    pub client_id: Option<String>,
    /// The redirect URI as sent; shown, never linked.
    pub redirect_uri: Option<String>,
    /// For support.
    pub request_id: String,
}

/// The OAuth error page.
pub fn oauth(m: OAuth) -> impl IntoView {
    let sent = |v: Option<String>| {
        v.map_or_else(
            || view! { <span class="muted">"not sent"</span> }.into_any(),
            |v| view! { <span class="mono">{untrusted(v, 300)}</span> }.into_any(),
        )
    };
    view! {
        <section class="card pad stack">
            {flag_text(Tone::Danger, "This client can't sign you in.", "You were not sent back to it, because its request can't be trusted.")}
            <h1>{untrusted(m.description, 400)}</h1>
            <p>"Close this page and start again from your client. If it keeps happening, show this to whoever runs the client."</p>
            {kv(vec![("Error", code(m.error)), ("Client", sent(m.client_id)), ("Redirect", sent(m.redirect_uri)), ("Reference", code(m.request_id))])}
        </section>
    }
    .into_any()
}
