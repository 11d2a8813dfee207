//! Signing keys: what signs what, who holds it, until when. No forms: keys change by commands on the host, which stand on the page.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/keys` | |

use crate::{components::*, instant::Instant, words::Tone};
use leptos::prelude::*;

/// One key of a role.
pub struct Key {
    /// Its id, 64 hex digits.
    pub id: String,
    /// Where its private half lies.
    pub place: Place,
    /// Since when it is known here.
    pub since: Option<Instant>,
}

/// Where a private half lies.
pub enum Place {
    /// Sealed in the database.
    Database,
    /// In a key management service, which is asked for each signature: where it lies there.
    Service(String),
    /// Anywhere else: somebody has to sign there.
    Elsewhere,
}

/// When what a role has signed ends.
pub enum Until {
    /// Nothing is signed yet.
    Unsigned,
    /// Renewed before by itself.
    Renewed(Instant),
    /// Somebody has to sign elsewhere before.
    Elsewhere(Instant),
}

/// A role of the repository.
pub struct Role {
    /// `root`.
    pub name: String,
    /// What it signs, as a sentence.
    pub signs: &'static str,
    /// How many of its keys must sign.
    pub threshold: u32,
    /// Its keys.
    pub keys: Vec<Key>,
    /// Its end.
    pub until: Until,
}

/// Where a key of tokens or of the audit log stands.
pub enum State {
    /// It signs.
    Signs,
    /// It signs along with a newer one until all of these know that one.
    SignsAlong(Vec<String>),
    /// It signs as soon as these know it.
    Waits(Vec<String>),
    /// It signs no more; the last of what it signed ends then.
    Verifies(Instant),
    /// It signed until then.
    Ended(Instant),
    /// Nothing of it counts since then.
    Retired(Instant),
}

/// A key of tokens or of the audit log.
pub struct Other {
    /// `Access tokens` or `Audit log`.
    pub signs: &'static str,
    /// Its `kid`, or its verifier key.
    pub id: String,
    /// When it was made.
    pub since: Instant,
    /// Where it stands.
    pub state: State,
}

/// The keys page.
pub struct Model {
    /// The tenant's slug, for the commands.
    pub tenant: String,
    /// SHA-256 of the first root, hex.
    pub root_sha256: String,
    /// Version of the root.
    pub root_version: u64,
    /// The roles of the repository.
    pub roles: Vec<Role>,
    /// The other keys, those in use first.
    pub others: Vec<Other>,
    /// What needs somebody: the strong first sentence, and the rest.
    pub notices: Vec<(Tone, String, String)>,
}

fn place(place: Place) -> AnyView {
    match place {
        Place::Database => pill_text(Tone::Neutral, Icon::Server, "Database"),
        Place::Service(at) => view! { {pill_text(Tone::Info, Icon::Lock, "Key service")}<code class="wrap-any">{at}</code> }.into_any(),
        Place::Elsewhere => pill_text(Tone::Info, Icon::Key, "Elsewhere"),
    }
}

fn key(key: Key) -> AnyView {
    let since = key.since.map(|at| view! { <small>"since "{time(&at)}</small> });
    view! { <li class="stack-xs"><code class="wrap-any">{key.id}</code><span class="row">{place(key.place)}{since}</span></li> }.into_any()
}

fn until(until: &Until) -> AnyView {
    match until {
        Until::Unsigned => view! { <span class="muted">"nothing is signed yet"</span> }.into_any(),
        Until::Renewed(at) => view! { {time(at)}<small class="block">"renewed before, by itself"</small> }.into_any(),
        Until::Elsewhere(at) => view! { {time(at)}<small class="block">"has to be signed elsewhere before"</small> }.into_any(),
    }
}

fn roles(roles: Vec<Role>) -> AnyView {
    let rows = roles
        .into_iter()
        .map(|role| {
            let must = format!("{} of {}", role.threshold, role.keys.len());
            vec![
                code(role.name),
                text(role.signs),
                view! { <ul class="links">{role.keys.into_iter().map(key).collect_view()}</ul> }.into_any(),
                text(must),
                until(&role.until),
            ]
        })
        .collect();
    table("What gateways verify", &[col("Role"), col("Signs"), col("Keys"), col("Must sign"), col("Ends")], rows)
}

fn state(state: State) -> AnyView {
    let waiting = |names: Vec<String>| names.join(", ");
    match state {
        State::Signs => pill_text(Tone::Ok, Icon::Check, "Signs"),
        State::SignsAlong(names) => view! { {pill_text(Tone::Ok, Icon::Check, "Signs along")}<small class="block">"until these know the newer one: "<bdi>{waiting(names)}</bdi></small> }.into_any(),
        State::Waits(names) if names.is_empty() => pill_text(Tone::Warn, Icon::Clock, "Signs in a moment"),
        State::Waits(names) => view! { {pill_text(Tone::Warn, Icon::Clock, "Waits")}<small class="block">"until these know it: "<bdi>{waiting(names)}</bdi></small> }.into_any(),
        State::Verifies(at) => view! { {pill_text(Tone::Neutral, Icon::Minus, "Destroyed")}<small class="block">"its last token ends by "{time(&at)}</small> }.into_any(),
        State::Ended(at) => view! { {pill_text(Tone::Neutral, Icon::Minus, "Destroyed")}<small class="block">"signed until "{time(&at)}</small> }.into_any(),
        State::Retired(at) => view! { {pill_text(Tone::Neutral, Icon::Cross, "Counts no more")}<small class="block">"since "{time(&at)}</small> }.into_any(),
    }
}

fn others(others: Vec<Other>) -> AnyView {
    let rows = others
        .into_iter()
        .map(|other| {
            vec![text(other.signs), view! { <code class="wrap-any">{other.id}</code> }.into_any(), state(other.state), time(&other.since)]
        })
        .collect();
    table("What else is signed", &[col("Signs"), col("Key"), col("State"), col("Made")], rows)
}

fn commands(tenant: &str) -> AnyView {
    let block = |title: &'static str, lines: String| view! { <div class="stack-xs"><h3>{title}</h3><pre><code>{lines}</code></pre></div> };
    view! {
        <div class="stack-s">
            <p class="muted">"Keys change on the host, where the database is; every change is in the audit log. Making a key file and signing need no database."</p>
            {block("Replace a key", format!("writ keys rotate --tenant {tenant} --role timestamp"))}
            {block("A key was stolen", format!("writ keys rotate --tenant {tenant} --role token --compromised"))}
            {block("Make a key file, on any machine", "writ keys new --out policy.key".to_owned())}
            {block("Move the policy key there", format!("writ keys root propose --tenant {tenant} --elsewhere targets=policy.key.pub --out root.json\nwrit keys root sign root.json --root-sha256 HEX --key policy.key\nwrit keys root submit --tenant {tenant} root.json"))}
            {block("Move a key into a key management service", format!("writ keys rotate --tenant {tenant} --role timestamp --in vault:transit/{tenant}-timestamp"))}
            {block("Withdraw bad versions", format!("writ keys floor --tenant {tenant} --min-version 7"))}
        </div>
    }
    .into_any()
}

/// The keys page.
pub fn view(m: Model) -> impl IntoView {
    let notices = m.notices.into_iter().map(|(tone, strong, rest)| flag_text(tone, strong, rest)).collect_view();
    view! {
        {head_with(&[], "Keys", "What signs what, who holds it, and until when.", ())}
        {notices}
        {roles(m.roles)}
        {others(m.others)}
        {card("The first root", format!("root {} is in force", m.root_version), view! {
            <div class="stack-s"><p>"Gateways pin it, and so should whoever signs. Compare every digit with what a gateway says: "<code>"writ-gateway status"</code></p>
            <p><code class="wrap-any">{m.root_sha256}</code></p></div>
        })}
        {card("Commands", (), commands(&m.tenant))}
    }
    .into_any()
}
