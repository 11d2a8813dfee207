//! What awaits the signature of a policy key that lies elsewhere. It stands on the draft's page.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/draft/candidate` | answers with a file |
//! | POST | `/draft/candidate/signature` | `csrf`, `signature` (the file that `writ sign` wrote, as text) |
//! | GET | `/draft/candidate/withdraw` | |
//! | POST | `/draft/candidate/withdraw` | `csrf`, `candidate` (its number) |
//!
//! After a signature: redirect to `/bundles` once it is live, to `/draft` while others must sign. One that does not fit: `/draft` anew with
//! [`Model::errors`] set, 422. After withdrawing: redirect to `/draft`.

use crate::{components::*, instant::Instant, words::Tone};
use leptos::prelude::*;

/// The candidate.
pub struct Model {
    /// Its number.
    pub number: u64,
    /// What it is about: `Policy 129`, `A change of keys`.
    pub about: String,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Instant,
    /// What they noted.
    pub note: String,
    /// What would change, one sentence each.
    pub changes: Vec<String>,
    /// The keys that may sign, and whether they have.
    pub keys: Vec<(String, bool)>,
    /// How many must.
    pub threshold: u32,
    /// The reader may download, bring a signature, withdraw.
    pub can_publish: bool,
    /// The tenant's slug, for the command.
    pub tenant: String,
    /// The signature that was sent before an error.
    pub signature: String,
    /// What was wrong with it.
    pub errors: FormErrors,
}

/// `Policy 129 awaits its signature`.
pub fn title(about: &str) -> String {
    format!("{about} awaits {} signature", if about.starts_with("A change") { "a" } else { "its" })
}

/// The candidate as a section of another page.
pub fn section(m: Model) -> AnyView {
    let signed = m.keys.iter().filter(|(_, signed)| *signed).count();
    let keys = m
        .keys
        .iter()
        .map(|(id, signed)| {
            let state = if *signed { pill_text(Tone::Ok, Icon::Check, "Signed") } else { pill_text(Tone::Warn, Icon::Clock, "Not yet") };
            view! { <li class="stack-xs"><span class="row">{state}</span><code class="wrap-any">{id.clone()}</code></li> }
        })
        .collect_view();
    let note = (!m.note.is_empty()).then(|| view! { <p>"“"{untrusted(&m.note, 300)}"”"</p> });
    let file = format!("{}-candidate-{}.json", m.tenant, m.number);
    let changes = m.changes.into_iter().map(|change| view! { <li class="wrap-any">{untrusted(change, 300)}</li> }).collect_view();
    let acts = m.can_publish.then(|| {
        view! {
            <div class="stack-m">
                <div class="stack-s">
                    <p>"Take it to the machine where the policy key lies, and sign there. The file holds what revocations are hashed under: hand it to whoever signs, and to nobody else."</p>
                    <pre><code>{format!("writ sign --candidate {file} --root-sha256 HEX --key policy.key")}</code></pre>
                    {buttons(view! { {primary_link("/draft/candidate", "Download the candidate")}{link_button("/draft/candidate/withdraw", "Withdraw…")} })}
                </div>
                {error_summary("candidate", &m.errors)}
                {post_form("/draft/candidate/signature", view! {
                    {area(Field::new("candidate", "signature", "Signature").hint("The file that writ sign wrote. With --upload it comes here by itself.").rows(4).mono().required().max(8192).value(m.signature).errors(&m.errors))}
                    {buttons(submit("Hand it in"))}
                })}
            </div>
        }
    });
    card(
        title(&m.about),
        format!("{signed} of {} signed", m.threshold),
        view! {
            <div class="stack-m">
                <p>"Asked for by "<bdi>{m.by}</bdi>" at "{time(&m.at)}". Nothing of it is in force before the policy key has signed."</p>
                {note}
                <ul class="bullets">{changes}</ul>
                <ul class="links">{keys}</ul>
                {acts}
            </div>
        },
    )
}

/// Withdrawing one.
pub struct Withdraw {
    /// Its number.
    pub number: u64,
    /// What it is about.
    pub about: String,
    /// Who asked.
    pub by: String,
}

/// The page that asks before a candidate is withdrawn.
pub fn withdraw(m: Withdraw) -> impl IntoView {
    view! {
        {head(&[("/draft", "Draft")], view! { "Withdraw candidate "{m.number}"?" }, ())}
        {card("What follows", (), view! { <p>{m.about}", asked for by "<bdi>{m.by}</bdi>", does not come into force. A signature that comes later counts for nothing. The draft stays as it is."</p> })}
        <section class="card pad">{post_form("/draft/candidate/withdraw", view! {
            {hidden("candidate", m.number.to_string())}
            {buttons(view! { {submit_danger("Withdraw it")}{link_button("/draft", "Leave it waiting")} })}
        })}</section>
    }
    .into_any()
}
