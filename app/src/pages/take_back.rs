//! Taking back what was issued: everything of a person, a sign-in, a connection, one access token. Whoever is concerned may sign in again;
//! to keep them out there is [`super::block`].
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/take-back` | `kind`, `subject`: without them the page asks |
//! | POST | `/take-back` | `csrf`, `kind` = a [`Kind`] value, `subject` (id of the person; `sid`, `lineage` or `jti` of the token), `reason` |
//!
//! After POST: redirect to `/revocations/{seq}`. Grants are taken back from their own page ([`super::grants`]).

use crate::{components::*, instant::Instant, page::encode, words::Tone};
use leptos::prelude::*;

/// What can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything that a person holds.
    Subject,
    /// What came of one sign-in.
    Session,
    /// What one client got when a person allowed it.
    Lineage,
    /// One access token.
    Token,
}

/// A kind in words.
struct Words {
    value: &'static str,
    label: &'static str,
    means: &'static str,
    after: &'static str,
    verb: &'static str,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Subject, Self::Session, Self::Lineage, Self::Token];

    /// Reads a form value.
    pub fn parse(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.value() == value)
    }

    /// The form value.
    pub const fn value(self) -> &'static str {
        self.words().value
    }

    const fn words(self) -> Words {
        match self {
            Self::Subject => Words {
                value: "subject",
                label: "Everything of a person",
                means: "Every access token they hold now, through any client and any agent, every connection, and their sessions in this console.",
                after: "They may sign in again at once, with the same rights.",
                verb: "Sign out everywhere",
            },
            Self::Session => Words {
                value: "session",
                label: "One sign-in",
                means: "Every access token that came of this sign-in, its connections, and the session in the browser.",
                after: "They may sign in again. What came of their other sign-ins goes on.",
                verb: "Take this sign-in back",
            },
            Self::Lineage => Words {
                value: "lineage",
                label: "One connection",
                means: "Every access token that one client got since a person allowed it, those of agents included, and its refresh token.",
                after: "The client may ask again, and the person may allow it again. Other connections go on.",
                verb: "Take this connection back",
            },
            Self::Token => Words {
                value: "token",
                label: "One access token",
                means: "This one token.",
                after: "Its client gets another by itself, and what an agent got in exchange for it goes on. To stop these too, take the connection back.",
                verb: "Take this token back",
            },
        }
    }
}

/// The page's address for one thing.
pub fn path(kind: Kind, subject: &str) -> String {
    format!("/take-back?kind={}&subject={}", kind.value(), encode(subject))
}

/// Choosing what to take back.
pub struct Choose {
    /// People: id and name.
    pub people: Vec<(String, String)>,
    /// The reader may open the audit log, where identifiers are found.
    pub can_read_audit: bool,
}

/// The page that asks what to take back.
pub fn choose(m: Choose) -> impl IntoView {
    let cards = Kind::ALL
        .into_iter()
        .map(|kind| {
            let words = kind.words();
            let form = format!("take-back-{}", words.value);
            let field = match kind {
                Kind::Subject if m.people.is_empty() => return card(words.label, (), view! { <p class="muted">"There is none."</p> }),
                Kind::Subject => {
                    let choices: Vec<Choice> = m.people.iter().map(|(id, name)| Choice::new(id, name)).collect();
                    select(Field::new(form, "subject", "Who"), &choices)
                }
                Kind::Session => input(Field::new(form, "subject", "Its sid").hint("Begins with ses_.").required().max(200).mono()),
                Kind::Lineage => input(Field::new(form, "subject", "Its lineage").hint("Begins with lin_.").required().max(200).mono()),
                Kind::Token => input(Field::new(form, "subject", "Its jti").hint("Begins with tok_.").required().max(200).mono()),
            };
            card(words.label, (), view! {
                <div class="stack-s"><p class="muted">{words.means}</p>
                <form class="stack-s" method="get" action=crate::page::url("/take-back")>{hidden("kind", words.value)}{field}{buttons(view! { <button type="submit" class="button">"See what stops"</button> })}</form></div>
            })
        })
        .collect_view();
    let found = if m.can_read_audit {
        view! { "The identifiers stand in the audit log, at "{link("/audit?action=token.issue", "each token that was issued")}" and at "{link("/audit?action=mcp.call", "each call")}"; the event's page leads back here." }.into_any()
    } else {
        "The identifiers stand in the audit log, at each token that was issued and at each call.".into_any()
    };
    view! {
        {head_with(&[("/revocations", "Revocations")], "Take back what?", "You see what stops before anything does.", link_button("/block", "Block instead…"))}
        {flag(Tone::Info, view! { <strong>"Taking back ends what exists."</strong>" Whoever it was of may sign in again and get the same rights. Blocking keeps out until somebody lifts it. "{found} })}
        <div class="thirds">{cards}{card("One grant", (), view! { <div class="stack-s"><p class="muted">"What an approved request gave. The other rights of the same person go on."</p><p>{link_button("/grants", "Grants")}</p></div> })}</div>
    }
    .into_any()
}

/// What is known by this identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is there.
    Found,
    /// It has ended by itself.
    Ended(Instant),
    /// Nothing.
    Unknown,
}

/// What stops.
pub struct Model {
    /// What is taken back.
    pub kind: Kind,
    /// Its id.
    pub subject: String,
    /// Its name: a person's, or what is known of the rest.
    pub name: String,
    /// What stops.
    pub stops: Stops,
    /// Whether the identifier leads anywhere.
    pub known: Known,
    /// The reader takes back what they are signed in by.
    pub is_self: bool,
    /// The reason typed before an error.
    pub reason: String,
    /// What was wrong.
    pub errors: FormErrors,
}

/// The page that says what stops.
pub fn view(m: Model) -> impl IntoView {
    let words = m.kind.words();
    let title = match m.kind {
        Kind::Subject => view! { "Sign "<em>{untrusted(&m.name, 80)}</em>" out everywhere?" }.into_any(),
        _ => view! { "Take back "<em>{untrusted(&m.name, 120)}</em>"?" }.into_any(),
    };
    let known = match m.known {
        Known::Found => ().into_any(),
        Known::Ended(at) => flag(
            Tone::Info,
            view! { <strong>"It has ended by itself."</strong>" That was at "{time(&at)}"; there is nothing left to take back." },
        ),
        Known::Unknown => flag_text(
            Tone::Warn,
            "Nothing is known by this identifier.",
            "Compare it with the audit event that you have it from. If there is such a thing all the same, taking it back ends it.",
        ),
    };
    let instead = match m.kind {
        Kind::Subject => {
            view! { "To keep them out, "{link(&format!("/block?kind=user&subject={}", encode(&m.subject)), "block the person")}"." }
                .into_any()
        }
        _ => view! { "To keep somebody or something out, "{link("/block", "block it")}"." }.into_any(),
    };
    let first = vec![("What", text(words.means)), ("Identifier", code(m.subject.clone()))];
    let after = vec![("Afterwards", view! { {words.after}" "{instead} }.into_any())];
    let back = if m.kind == Kind::Subject { "Leave them signed in" } else { "Leave as it is" };
    view! {
        {head(&[("/revocations", "Revocations"), ("/take-back", "Take back")], title, ())}
        {m.is_self.then(|| flag_text(Tone::Danger, "This concerns you.", "You are signed out of this console too, and can sign in again."))}
        {known}
        {error_summary("take", &m.errors)}
        {card("What stops", words.label, m.stops.facts(first, after))}
        <section class="card pad form-card">{post_form("/take-back", view! {
            {hidden("kind", words.value)}{hidden("subject", m.subject)}
            {input(Field::new("take", "reason", "Reason").hint("Auditors read it.").value(m.reason).required().max(300).errors(&m.errors))}
            {buttons(view! { {submit_danger(words.verb)}{link_button("/revocations", back)} })}
        })}</section>
    }
    .into_any()
}
