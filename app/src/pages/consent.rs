//! OAuth consent: what a client asks for, in a person's words. A bare page.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | POST | [`Model::action`] (`/t/{tenant}/authorize`) | `csrf`, `decision` = `allow` or `deny`, and every pair of [`Model::hidden`] |
//! | POST | [`Refused::action`], the same | `csrf`, `decision` = `back`, `handle` |
//!
//! The answer to either decision redirects to the client, so the response's CSP must list the redirect's origin in `form-action`.

use crate::{
    components::*,
    instant::duration,
    words::{Risk, Tone, Trust},
};
use leptos::prelude::*;

/// One scope with its reviewed sentence.
#[derive(Clone, Debug)]
pub struct Scope {
    /// As in tokens.
    pub name: String,
    /// What it lets the client do.
    pub sentence: String,
    /// How much harm it can do.
    pub risk: Risk,
}

/// The consent page's facts.
pub struct Model {
    /// Where the form goes: an absolute path.
    pub action: String,
    /// The name the client gave itself.
    pub client_name: String,
    /// Its identifier.
    pub client_id: String,
    /// What is known about it.
    pub trust: Trust,
    /// Host and port that the answer goes to.
    pub redirect_host: String,
    /// That host is this computer.
    pub redirect_is_loopback: bool,
    /// Who is signed in.
    pub person: String,
    /// Where they sign in as somebody else.
    pub switch_href: String,
    /// The MCP server's name.
    pub server_name: String,
    /// Its resource URI.
    pub resource: String,
    /// What the client gets now.
    pub scopes: Vec<Scope>,
    /// What it asked for and does not get, since the person may not.
    pub withheld: Vec<String>,
    /// What the person holds already and the client may take when it needs it, without asking again here.
    pub held: Vec<Scope>,
    /// What may be added to this session later once approved, without asking again here.
    pub later: Vec<Scope>,
    /// Life of the access token in seconds.
    pub token_life_s: i64,
    /// The client also gets a refresh token.
    pub refresh: bool,
    /// Pairs that the form carries back unchanged.
    pub hidden: Vec<(&'static str, String)>,
}

fn scope(s: Scope) -> AnyView {
    view! { <li class="scope"><div class="row spread"><p>{s.sentence}</p>{risk_pill(s.risk)}</div><small><code>{s.name}</code></small></li> }.into_any()
}

/// The consent page.
pub fn view(m: Model) -> impl IntoView {
    let csrf = hidden("csrf", crate::page::csrf_token());
    let carried = m.hidden.into_iter().map(|(name, value)| hidden(name, value)).collect_view();
    let life = if m.refresh {
        format!("Each token lasts {} and is renewed while your session lives.", duration(m.token_life_s))
    } else {
        format!("It lasts {} and is not renewed.", duration(m.token_life_s))
    };
    let unknown = (m.trust == Trust::SelfAsserted)
        .then(|| flag_text(Tone::Warn, "Nobody has checked this name.", "Go on only if you started this yourself a moment ago."));
    let withheld = (!m.withheld.is_empty())
        .then(|| view! { <p class="muted">"Asked for too, but not yours to give: "{codes(m.withheld.clone(), "")}</p> });
    view! {
        <div class="stack-s">
            <h1><bdi>{untrusted(&m.client_name, 80)}</bdi>" wants to use "<em><bdi>{m.server_name.clone()}</bdi></em>" as you"</h1>
            <p class="muted">"Signed in as "<bdi>{m.person}</bdi>". "<a href=m.switch_href>"Not you?"</a></p>
        </div>
        {unknown}
        <section class="card pad stack-s">
            <p class="eyebrow">"Your answer goes to"</p>
            <p class="host"><bdi>{m.redirect_host}</bdi></p>
            <p class="muted">{if m.redirect_is_loopback { "That is a program on this computer." } else { "That is a web site. Check that it is the one you came from." }}</p>
        </section>
        {card("What it can do now", crate::instant::plural(i64::try_from(m.scopes.len()).unwrap_or(i64::MAX), "scope"), view! {
            <ul class="scopes">{m.scopes.into_iter().map(scope).collect_view()}</ul>{withheld}
        })}
        {(!m.held.is_empty()).then(|| card("What it may take as well", "yours already", view! {
            <p class="muted">"A role or a grant gives you these. The client gets them when it renews its token, without asking you here again."</p>
            <ul class="scopes">{m.held.into_iter().map(scope).collect_view()}</ul>
        }))}
        {(!m.later.is_empty()).then(|| card("What may be added later", "only after approval", view! {
            <p class="muted">"If you ask for these and somebody approves, this client gets them without asking you here again."</p>
            <ul class="scopes">{m.later.into_iter().map(scope).collect_view()}</ul>
        }))}
        {card("Who it is", pill(m.trust.label()), kv(vec![
            ("Client", view! { <bdi class="mono">{m.client_id}</bdi> }.into_any()),
            ("Server", view! { <bdi class="mono">{m.resource}</bdi> }.into_any()),
            ("How long", text(life)),
        ]))}
        <form class="decide" method="post" action=m.action>
            {csrf}{carried}
            <div>
                <button type="submit" class="button big" name="decision" value="deny">"Deny"</button>
                <button type="submit" class="button primary big" name="decision" value="allow">"Allow"</button>
            </div>
        </form>
    }
    .into_any()
}

/// Facts of the page for a person who can give the client nothing.
pub struct Refused {
    /// Where the form goes: an absolute path.
    pub action: String,
    /// The request.
    pub handle: String,
    /// The name the client gave itself.
    pub client_name: String,
    /// Who is signed in.
    pub person: String,
    /// Why: a clause, for example `no role and no grant of yours gives any of these scopes`.
    pub why: String,
    /// Where they sign in as somebody else.
    pub switch_href: String,
    /// Where they ask for access.
    pub ask_href: String,
}

/// The page for a person who can give the client nothing.
pub fn refused(m: Refused) -> impl IntoView {
    let mut why = m.why;
    if let Some(first) = why.get(..1).map(str::to_uppercase) {
        why.replace_range(..1, &first);
    }
    view! {
        <div class="stack-s">
            <h1>"Nothing here for "<bdi>{untrusted(&m.client_name, 80)}</bdi></h1>
            <p class="muted">"Signed in as "<bdi>{m.person.clone()}</bdi></p>
        </div>
        {flag_text(Tone::Warn, "It cannot act as you.", format!("{why}."))}
        <section class="card pad stack-s">
            <p>"Not "<bdi>{m.person}</bdi>"? Sign in as the person who is to use it. If it is you, ask for what you need, and start the client again once that is approved."</p>
            {buttons(view! {
                <a class="button primary" href=m.switch_href>"Sign in as somebody else"</a>
                <a class="button" href=m.ask_href>"Ask for access"</a>
            })}
        </section>
        <form method="post" action=m.action>
            {hidden("csrf", crate::page::csrf_token())}
            {hidden("handle", m.handle)}
            {buttons(view! { <button type="submit" class="button" name="decision" value="back">"Go back to the client"</button> })}
        </form>
    }
    .into_any()
}
