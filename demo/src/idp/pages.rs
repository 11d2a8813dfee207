//! The provider's few pages: plain HTML, no script.

use std::{fmt::Write, sync::Arc};

use axum::{
    extract::{Query, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;
use url::Url;

use super::{authorize::Request, state::Idp};

const STYLE: &str = include_str!("style.css");

pub(super) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

pub(super) async fn home(State(idp): State<Arc<Idp>>) -> Html<String> {
    let mut people = String::new();
    for person in &idp.people {
        write_to(&mut people, format_args!("<li>{}: {}</li>", escape(&person.username), escape(&person.name)));
    }
    Html(page(
        "Demo identity provider",
        &format!("<p>Issuer <code>{}</code>. Sign-ins start at a client.</p><ul>{people}</ul>", escape(&idp.issuer)),
    ))
}

/// The sign-in page: one click on a name signs in. `unknown` is a user name that was tried and is not known.
pub(super) fn sign_in(idp: &Idp, request: &Request, unknown: Option<&str>) -> String {
    let mut hidden = String::new();
    for (name, value) in fields(request) {
        if let Some(value) = value {
            write_to(&mut hidden, format_args!(r#"<input type="hidden" name="{name}" value="{}">"#, escape(value)));
        }
    }
    let (mut options, mut good, mut wrong) = (String::new(), String::new(), String::new());
    for person in &idp.people {
        let username = escape(&person.username);
        let name = escape(&person.name);
        write_to(&mut options, format_args!(r#"<option value="{username}">{name}</option>"#));
        let list = if person.is_trial() { &mut wrong } else { &mut good };
        let button = format_args!(r#"<li><button name="username" value="{username}">{name} <code>{username}</code></button></li>"#);
        write_to(list, button);
    }
    let value = unknown.or(request.login_hint.as_deref()).unwrap_or_default();
    let (alert, invalid) = match unknown {
        Some(_) => (
            r#"<p id="username-error" class="error" role="alert">Nobody here has that user name. Choose one from the list.</p>"#,
            r#" aria-invalid="true" aria-describedby="username-error""#,
        ),
        None => ("", ""),
    };
    let wrong = match wrong.as_str() {
        "" => String::new(),
        wrong => format!(
            r#"<h2>For trying what goes wrong</h2>
<p>These people's sign-ins are broken on purpose, in the way that is said. Nobody should be let in with them.</p>
<form class="people" method="post" action="/authorize">{hidden}<ul>{wrong}</ul></form>"#
        ),
    };
    page(
        "Sign in",
        &format!(
            r#"<p>to <strong>{client}</strong>. This is a demo: there are no passwords. Choose who you are.</p>
<form class="people" method="post" action="/authorize">{hidden}<ul>{good}</ul></form>
<form method="post" action="/authorize">{hidden}{alert}
<label for="username">User name</label>
<input id="username" name="username" list="people" value="{value}" autocomplete="username" autocapitalize="none" spellcheck="false" required{invalid}>
<datalist id="people">{options}</datalist>
<button type="submit">Sign in</button>
</form>
{wrong}"#,
            client = escape(&request.client_id),
            value = escape(value),
        ),
    )
}

/// A request that cannot be answered by a redirect.
pub(super) fn refusal(what: &str) -> String {
    page("This request cannot be answered", &format!("<p>{}</p>", escape(what)))
}

#[derive(Deserialize)]
pub(super) struct EndSession {
    client_id: Option<String>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

/// RP-initiated logout. No session is kept here, so there is nothing to end but the visit.
pub(super) async fn end_session(State(idp): State<Arc<Idp>>, Query(request): Query<EndSession>) -> Response {
    let Some(target) = request.post_logout_redirect_uri else {
        return Html(page("Signed out", "<p>You are signed out of the demo identity provider.</p>")).into_response();
    };
    let registered = idp
        .clients
        .iter()
        .filter(|client| request.client_id.as_ref().is_none_or(|id| *id == client.client_id))
        .any(|client| client.post_logout_redirect_uris.contains(&target));
    match Url::parse(&target) {
        Ok(mut url) if registered => {
            if let Some(state) = &request.state {
                url.query_pairs_mut().append_pair("state", state);
            }
            (StatusCode::SEE_OTHER, [(header::LOCATION, String::from(url))]).into_response()
        }
        _ => (StatusCode::BAD_REQUEST, Html(refusal("This post-logout redirect URI is not registered."))).into_response(),
    }
}

fn fields(request: &Request) -> [(&'static str, Option<&str>); 11] {
    [
        ("client_id", Some(request.client_id.as_str())),
        ("redirect_uri", Some(request.redirect_uri.as_str())),
        ("response_type", Some(request.response_type.as_str())),
        ("scope", Some(request.scope.as_str())),
        ("state", request.state.as_deref()),
        ("nonce", request.nonce.as_deref()),
        ("code_challenge", request.code_challenge.as_deref()),
        ("code_challenge_method", request.code_challenge_method.as_deref()),
        ("login_hint", request.login_hint.as_deref()),
        ("prompt", request.prompt.as_deref()),
        ("acr_values", request.acr_values.as_deref()),
    ]
}

fn page(title: &str, body: &str) -> String {
    format!(
        r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Demo identity provider</title><link rel="stylesheet" href="/style.css"></head>
<body><main><h1>{title}</h1>{body}</main></body>
</html>"#
    )
}

fn write_to(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a String never fails");
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
