//! The document around every page, and its rendering to a string.
//!
//! [`render`] takes a [`Frame`] (who is looking, at what, with which tokens) and a closure that makes the page's view. Views
//! find the tenant's base path and the CSRF token through [`url`] and the form components; they never build either by hand.
//! The start script is linked only when an island is on the page, so a page without islands needs no script at all.
//!
//! The header carries one form on every console page: `POST /t/{tenant}/signout`, fields `csrf`.

use crate::{
    components::{Icon, icon},
    words::{AdminRole, Tone},
};
use hydration_context::SsrSharedContext;
use leptos::{prelude::*, reactive::owner::Owner};
use std::sync::Arc;

/// Everything around a page.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The page's own title; tenant and product are appended.
    pub title: String,
    /// Where stylesheet and start script are.
    pub assets: Assets,
    /// This response's CSP nonce.
    pub nonce: String,
    /// The session's CSRF token, empty where nobody is signed in.
    pub csrf: String,
    /// What the last action did, shown once.
    pub flash: Option<Flash>,
    /// The console's frame or none.
    pub chrome: Chrome,
}

/// URLs of the static files, hashed or not as the server likes.
#[derive(Clone, Debug)]
pub struct Assets {
    /// The stylesheet, for example `/assets/writ.css`.
    pub css: String,
    /// The icon, for example `/assets/icon.svg`.
    pub icon: String,
    /// The start script, for example `/pkg/start.js`; none when the browser half was not built.
    pub start_js: Option<String>,
}

/// The outcome of the last action, kept over one redirect.
#[derive(Clone, Debug)]
pub struct Flash {
    /// How it went.
    pub tone: Tone,
    /// One sentence.
    pub text: String,
}

/// What stands around the page's body.
#[derive(Clone, Debug)]
pub enum Chrome {
    /// Sign-in, consent, errors: the mark and the tenant's name, when one is known.
    Bare {
        /// The tenant's slug and name.
        tenant: Option<Tenant>,
    },
    /// The console.
    Console(Shell),
}

/// A tenant as pages know it.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// As in URLs.
    pub slug: String,
    /// As people say it.
    pub name: String,
}

/// The signed-in person.
#[derive(Clone, Debug)]
pub struct Person {
    /// Name or address.
    pub name: String,
    /// Writ's admin roles; empty for people who only ask for access.
    pub roles: Vec<AdminRole>,
}

/// The console around a page.
#[derive(Clone, Debug)]
pub struct Shell {
    /// Whose console.
    pub tenant: Tenant,
    /// Who is looking.
    pub person: Person,
    /// The page's place in the navigation.
    pub current: Nav,
    /// What this person may open, each with a count or mark such as `3` or `7/8`.
    pub nav: Vec<(Nav, Option<String>)>,
    /// Edits not yet published.
    pub draft_edits: u32,
}

macro_rules! nav {
    ($($variant:ident, $group:literal, $path:literal, $label:literal;)*) => {
        /// The console's places.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is documented by its label")]
        pub enum Nav { $($variant,)* }
        impl Nav {
            /// Every place in navigation order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// Group, path inside the tenant, label.
            pub const fn place(self) -> (&'static str, &'static str, &'static str) { match self { $(Self::$variant => ($group, $path, $label),)* } }
        }
    };
}

nav! {
    Home, "", "/home", "Home";
    Requests, "Requests", "/requests", "Requests";
    NewRequest, "Requests", "/requests/new", "Ask for access";
    Grants, "Access", "/grants", "Grants";
    Revocations, "Access", "/revocations", "Revocations";
    Roles, "Access", "/roles", "Roles";
    Scopes, "Access", "/scopes", "Scopes";
    Assignments, "Access", "/assignments", "Assignments";
    Simulator, "Access", "/simulator", "Simulator";
    Servers, "Resources", "/servers", "MCP servers";
    Clients, "Resources", "/clients", "Clients";
    Agents, "Resources", "/agents", "Agents";
    Idp, "Identity", "/idp", "IdP connection";
    People, "Identity", "/people", "People";
    Draft, "Delivery", "/draft", "Draft";
    Bundles, "Delivery", "/bundles", "Bundles";
    Fleet, "Delivery", "/fleet", "Fleet";
    Rings, "Delivery", "/rings", "Rings";
    Audit, "Evidence", "/audit", "Audit log";
    AdminRoles, "Settings", "/admin-roles", "Admin roles";
    Keys, "Settings", "/keys", "Keys";
}

/// What views need to know about where they are.
#[derive(Clone)]
struct Here {
    base: String,
    csrf: String,
}

fn here() -> Here {
    expect_context::<Here>()
}

/// A path inside the tenant (`/roles`) as a URL (`/t/acme/roles`).
///
/// # Panics
/// Outside of [`render`], where no tenant is known.
pub fn url(path: &str) -> String {
    format!("{}{path}", here().base)
}

/// The session's CSRF token, for the hidden field.
pub(crate) fn csrf_token() -> String {
    here().csrf
}

/// One segment of a path or one value of a query, percent-encoded.
pub fn encode(segment: &str) -> String {
    segment
        .bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

/// Renders a whole document.
pub fn render<V: IntoView + 'static>(frame: Frame, body: impl FnOnce() -> V) -> String {
    // Islands with children look for a shared context, so a plain root would not do.
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new_islands())));
    let html = owner.with(|| {
        let tenant = match &frame.chrome {
            Chrome::Bare { tenant } => tenant.clone(),
            Chrome::Console(shell) => Some(shell.tenant.clone()),
        };
        let base = tenant.as_ref().map_or_else(String::new, |t| format!("/t/{}", t.slug));
        provide_context(Here { base, csrf: frame.csrf.clone() });
        let flash = frame.flash.as_ref().map(flash);
        let main = body().into_any();
        let inner = match frame.chrome {
            Chrome::Bare { tenant } => bare(tenant, flash, main),
            Chrome::Console(shell) => console(shell, flash, main),
        }
        .to_html();
        let title = match tenant {
            Some(t) => format!("{} · {} · Writ", frame.title, t.name),
            None => format!("{} · Writ", frame.title),
        };
        let start = frame.assets.start_js.filter(|_| inner.contains("<leptos-island"));
        view! {
            <!DOCTYPE html>
            <html lang="en">
                <head>
                    <meta charset="utf-8"/>
                    <meta name="viewport" content="width=device-width"/>
                    <meta name="referrer" content="same-origin"/>
                    <title>{title}</title>
                    <link rel="stylesheet" href=frame.assets.css/>
                    <link rel="icon" type="image/svg+xml" href=frame.assets.icon/>
                    {start.map(|src| view! { <script type="module" nonce=frame.nonce src=src></script> })}
                </head>
                <body inner_html=inner></body>
            </html>
        }
        .to_html()
    });
    owner.unset_with_forced_cleanup();
    without_markers(&html)
}

/// Drops the empty comments that only hydration reads, outside islands: they part sentences for whoever searches the source.
fn without_markers(html: &str) -> String {
    const END: &str = "</leptos-island>";
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find("<leptos-island") {
        let end = rest[start..].find(END).map_or(rest.len(), |e| start + e + END.len());
        out.push_str(&rest[..start].replace("<!>", ""));
        out.push_str(&rest[start..end]);
        rest = &rest[end..];
    }
    out.push_str(&rest.replace("<!>", ""));
    out
}

fn flash(f: &Flash) -> AnyView {
    let role = if f.tone == Tone::Danger { "alert" } else { "status" };
    let glyph = if f.tone == Tone::Ok { Icon::Check } else { Icon::Info };
    view! { <div class=format!("flag flash {}", f.tone.class()) role=role>{icon(glyph)}<div>{f.text.clone()}</div></div> }.into_any()
}

/// The mark. Not a literal in the view: the macro would take a literal `inner_html` for an ordinary attribute.
const MARK: &str = r#"<circle cx="12" cy="12" r="9.5"/><path d="M6.8 8.6 9.4 16 12 10.4 14.6 16l2.6-7.4"/>"#;

/// The mark, and the way home.
fn brand(href: String) -> AnyView {
    view! {
        <a class="brand" href=href>
            <svg viewBox="0 0 24 24" aria-hidden="true" inner_html=MARK></svg>"Writ"
        </a>
    }
    .into_any()
}

fn bare(tenant: Option<Tenant>, flash: Option<AnyView>, main: AnyView) -> AnyView {
    // Without a tenant, the installation knows where home is.
    let home = if tenant.is_some() { url("/home") } else { "/".to_owned() };
    view! {
        <div class="bare">
            <header class="bare-top">{brand(home)}{tenant.map(|t| view! { <span class="tenant">{t.name}</span> })}</header>
            <main class="narrow stack" id="main">{flash}{main}</main>
        </div>
    }
    .into_any()
}

fn nav_list(shell: &Shell) -> AnyView {
    let mut group = "";
    let mut out: Vec<AnyView> = Vec::new();
    for (item, count) in &shell.nav {
        let (g, path, label) = item.place();
        if g != group {
            group = g;
            out.push(view! { <li class="group">{g}</li> }.into_any());
        }
        let current = (*item == shell.current).then_some("page");
        let count = count.clone().map(|c| view! { <span class="count">{c}</span> });
        out.push(view! { <li><a href=url(path) aria-current=current><span>{label}</span>{count}</a></li> }.into_any());
    }
    view! { <ul class="nav-list">{out}</ul> }.into_any()
}

fn console(shell: Shell, flash: Option<AnyView>, main: AnyView) -> AnyView {
    let roles = shell.person.roles.iter().map(|r| r.label().2).collect::<Vec<_>>().join(", ");
    // On a phone the number stays; the words around it are for those who hear them.
    let draft = (shell.draft_edits > 0).then(|| {
        let word = if shell.draft_edits == 1 { " unpublished edit" } else { " unpublished edits" };
        let text = view! { {shell.draft_edits}<span class="wide">{word}</span> };
        view! { <a class="draft" href=url("/draft")><span class="pill warn">{icon(Icon::Pencil)}<span>{text}</span></span></a> }
    });
    let person = shell.person.name.clone();
    view! {
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="shell">
            <header class="top">
                <details class="menu"><summary>{icon(Icon::Menu)}<span>"Menu"</span></summary><nav aria-label="Menu">{nav_list(&shell)}</nav></details>
                {brand(url("/home"))}
                <span class="tenant"><bdi>{shell.tenant.name.clone()}</bdi></span>
                <span class="grow"></span>
                {draft}
                <details class="menu account">
                    <summary>{icon(Icon::Person)}<span>{person.clone()}</span></summary>
                    <div class="sheet stack-s">
                        <p><strong>{person}</strong><small class="block">{if roles.is_empty() { "No admin role".to_owned() } else { roles }}</small></p>
                        <form method="post" action=url("/signout")><input type="hidden" name="csrf" value=csrf_token()/><button type="submit" class="button block-size">"Sign out"</button></form>
                    </div>
                </details>
            </header>
            <nav class="side" aria-label="Main">{nav_list(&shell)}</nav>
            <main class="page stack" id="main" tabindex="-1">{flash}{main}</main>
        </div>
    }
    .into_any()
}
