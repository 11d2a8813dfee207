//! OAuth clients: IDEs and apps through which people call.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/clients`, `/clients/new`, `/clients/{id}` | |
//! | POST | `/clients` | `csrf`, `name`, `redirect_uris` (one a line), `class`, `ceiling` (scopes, one a line; empty: the class's own) |
//! | POST | `/clients/{id}` | `csrf`, `version`, `name`, `redirect_uris`, `class`, `ceiling` |
//!
//! After POST: redirect to `/clients/{id}`. Blocking one starts at `/block?kind=client&subject={id}` ([`super::block`]).

use crate::{components::*, instant::Instant, page::encode, words::Trust};
use leptos::prelude::*;

/// A client in the list.
pub struct Row {
    /// `cli_…` or a metadata document's URL.
    pub id: String,
    /// The name it has or gave itself.
    pub name: String,
    /// Its class, which carries the ceiling.
    pub class: String,
    /// What is known about it.
    pub trust: Trust,
    /// Hosts that it is answered at.
    pub redirect_hosts: Vec<String>,
    /// People who used it.
    pub people: u64,
    /// Last use.
    pub seen: Option<Instant>,
}

/// The list.
pub struct Model {
    /// The clients.
    pub rows: Vec<Row>,
    /// The reader may register clients.
    pub can_edit: bool,
}

/// The list of clients.
pub fn view(m: Model) -> impl IntoView {
    let body = if m.rows.is_empty() {
        view! { <div class="card">{empty(Empty::First("A client is the program through which somebody calls: an IDE, a command line, an app. Unknown clients get nothing.", m.can_edit.then_some(("/clients/new", "Register a client"))))}</div> }.into_any()
    } else {
        let rows = m
            .rows
            .into_iter()
            .map(|r| {
                vec![
                    view! { {link(&format!("/clients/{}", encode(&r.id)), untrusted(r.name, 80))}<span class="id">{untrusted(r.id, 120)}</span> }.into_any(),
                    text(r.class),
                    pill(r.trust.label()),
                    codes(r.redirect_hosts, "none"),
                    text(r.people.to_string()),
                    time_or(r.seen.as_ref(), "never used"),
                ]
            })
            .collect();
        table(
            "Clients that may ask for tokens",
            &[col("Client"), col("Class"), col("Known as"), col("Answered at"), num("People"), col("Last used")],
            rows,
        )
    };
    let action = m.can_edit.then(|| primary_link("/clients/new", "Register a client"));
    view! { {head(&[], "Clients", action)}{body} }.into_any()
}

/// The form, for a new client or an existing one.
#[derive(Default)]
pub struct Form {
    /// What stands in the form: the display name.
    pub name: String,
    /// One a line.
    pub redirect_uris: String,
    /// The chosen class.
    pub class: String,
    /// One a line.
    pub ceiling: String,
    /// Classes to choose from.
    pub classes: Vec<Choice>,
    /// What was wrong.
    pub errors: FormErrors,
}

fn fields(f: Form) -> AnyView {
    let e = &f.errors;
    view! {
        {input(Field::new("client", "name", "Display name").hint("People read it on the consent page.").value(f.name).required().max(80).errors(e))}
        {area(Field::new("client", "redirect_uris", "Redirect URIs, one a line").hint("Exactly as the client sends them. For programs on the person's computer: http://127.0.0.1/callback, any port.").value(f.redirect_uris).required().mono().max(4000).errors(e))}
        {select(Field::new("client", "class", "Class").hint("The class is what policy knows: it carries a ceiling that no role and no grant goes beyond.").value(f.class).errors(e), &f.classes)}
        {area(Field::new("client", "ceiling", "Scope ceiling, one a line").hint("Narrows the class for this client alone. Empty: as the class says.").value(f.ceiling).mono().max(4000).errors(e))}
    }
    .into_any()
}

/// The form that registers a client.
pub fn new(f: Form) -> impl IntoView {
    view! {
        {head(&[("/clients", "Clients")], "Register a client", ())}
        {error_summary("client", &f.errors)}
        <section class="card pad form-card">{post_form("/clients", view! { {fields(f)}{buttons(view! { {submit("Register client")}{link_button("/clients", "Back")} })} })}</section>
    }
    .into_any()
}

/// One client.
pub struct Detail {
    /// Its identifier, to be given to whoever configures the client.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Version of the form.
    pub version: u64,
    /// What is known about it.
    pub trust: Trust,
    /// When it was registered.
    pub created: Instant,
    /// Last use.
    pub seen: Option<Instant>,
    /// People who used it.
    pub people: u64,
    /// The form; none when the reader may not edit.
    pub form: Option<Form>,
    /// Redirect URIs, for those who may not edit.
    pub redirect_uris: Vec<String>,
    /// Scope ceiling in force.
    pub ceiling: Vec<String>,
}

/// One client's page.
pub fn detail(m: Detail) -> impl IntoView {
    let path = format!("/clients/{}", encode(&m.id));
    let errors = m.form.as_ref().map(|f| error_summary("client", &f.errors));
    // What whoever configures the client needs, so it comes first and in one piece.
    let identifier = view! { <p class="row">"Client id "<code class="whole">{untrusted(&m.id, 300)}</code><CopyButton value=m.id.clone() what="client id".to_owned()/></p> };
    let block = m.form.is_some().then(|| danger_zone(view! { <p>"Blocking denies every call through this client, on every gateway, until somebody lifts it."</p><p>{link_button(&format!("/block?kind=client&subject={}", encode(&m.id)), "Block this client…")}</p> }));
    let version = m.version.to_string();
    let form = m.form.map(|f| view! { <section class="card"><header><h2>"Registration"</h2></header><div class="body">{post_form(&path, view! { {hidden("version", version)}{fields(f)}{buttons(submit("Save client"))} })}</div></section> });
    view! {
        {head_with(&[("/clients", "Clients")], view! { "Client "<em>{untrusted(&m.name, 80)}</em> }, identifier, ())}
        {errors}
        <div class="cols">
            <div class="stack">{form}{block}</div>
            {card("Facts", pill(m.trust.label()), kv(vec![
                ("Answered at", codes(m.redirect_uris, "nowhere")),
                ("Ceiling", codes(m.ceiling, "as its class says")),
                ("People", text(m.people.to_string())),
                ("Registered", time(&m.created)),
                ("Last used", time_or(m.seen.as_ref(), "never")),
            ]))}
        </div>
    }
    .into_any()
}
