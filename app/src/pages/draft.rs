//! Draft and bundles: what would change for whom, publishing it, and what was published before.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/draft` | |
//! | POST | `/draft/publish` | `csrf`, `digest` (of the draft that was shown), `note` |
//! | POST | `/draft/settle` | `csrf`, `digest` (of the draft that was shown): no edit counts as unpublished any more, where the draft is as the live policy |
//! | GET | `/bundles` | `cursor` |
//!
//! What awaits a signature is [`candidate`]'s. After POST: redirect to `/bundles`, or to `/draft` where the policy key lies elsewhere. A `digest` that no longer fits: `/draft` anew with [`Model::moved`] set, 409. Findings that block: 422.

use super::{candidate, rollout};
use crate::{
    components::*,
    instant::{Instant, plural},
    words::{Risk, Severity, Tone},
};
use leptos::prelude::*;

/// What a change does to people's access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Somebody may do more.
    Widens,
    /// Somebody may do less.
    Narrows,
    /// Neither.
    Neutral,
}

/// One change in words.
pub struct Change {
    /// What it does.
    pub effect: Effect,
    /// `Role`, `Server`, `Client class`.
    pub kind: String,
    /// Its name; empty where there is but one.
    pub subject: String,
    /// `gains logs.debug.write`.
    pub what: String,
    /// People it concerns; none where it concerns nobody in particular.
    pub people: Option<u64>,
    /// How much harm the scope can do that somebody gains.
    pub risk: Option<Risk>,
    /// Who made it, and when; none for what Writ does by itself.
    pub by: Option<(String, Instant)>,
}

/// One finding of the linter.
pub struct Finding {
    /// What it means for publishing.
    pub severity: Severity,
    /// Stable code.
    pub code: String,
    /// What is so.
    pub text: String,
    /// Where to mend it, inside the tenant.
    pub path: Option<String>,
}

/// The draft.
pub struct Model {
    /// The live version; none before the first publish.
    pub live: Option<u64>,
    /// The version this would become.
    pub next: u64,
    /// Digest of the draft as shown.
    pub digest: String,
    /// Edits since the last publish.
    pub edits: u64,
    /// Whether a publish would change anything.
    pub differs: bool,
    /// What they come to.
    pub changes: Vec<Change>,
    /// What the linter says.
    pub findings: Vec<Finding>,
    /// Gateways that would get it.
    pub gateways: u64,
    /// The ring that would get it first, where there are several.
    pub first_ring: Option<String>,
    /// The reader may publish.
    pub can_publish: bool,
    /// The policy key lies in the database; otherwise publishing asks for a signature that is made elsewhere.
    pub signed_here: bool,
    /// What awaits such a signature.
    pub candidate: Option<candidate::Model>,
    /// It is this very draft that awaits one.
    pub offered: bool,
    /// The draft changed after the reader opened it.
    pub moved: bool,
    /// The note typed before an error.
    pub note: String,
    /// What was wrong.
    pub errors: FormErrors,
}

/// The draft page.
pub fn view(m: Model) -> impl IntoView {
    let blocked = m.findings.iter().any(|f| f.severity == Severity::Error);
    let edits = plural(i64::try_from(m.edits).unwrap_or(i64::MAX), "unpublished edit");
    let under = match m.live {
        Some(v) if !m.differs => format!("Nothing differs from policy {v}, which is live."),
        Some(v) => format!("{edits}, compared with policy {v}, which is live. Publishing makes policy {}.", m.next),
        None => format!("{edits}. Nothing is published yet; publishing makes policy {}.", m.next),
    };
    let empty_draft = m.changes.is_empty();
    let list = change_list(
        "What would change",
        m.changes,
        "The draft is as the live policy. Grants, blocks and revocations need no publish; they work at once.",
    );
    let findings = if m.findings.is_empty() {
        view! { <p class="row">{pill_text(Tone::Ok, Icon::Check, "Clean")}<span class="muted">"Nothing in this draft looks unintended."</span></p> }.into_any()
    } else {
        let items = m
            .findings
            .into_iter()
            .map(|f| {
                let mend = f.path.map(|p| view! { " "{link(&p, "Mend it")} });
                view! { <li class="stack-xs"><span class="row">{pill(f.severity.label())}<small><code>{f.code}</code></small></span><span>{f.text}{mend}</span></li> }
            })
            .collect_view();
        view! { <ul class="links">{items}</ul> }.into_any()
    };
    let replaced =
        m.candidate.as_ref().map(|held| view! { <p class="muted">"Candidate "{held.number}", which waits, gives way to it."</p> });
    let gateways = plural(i64::try_from(m.gateways).unwrap_or(i64::MAX), "gateway");
    let sent_to = match m.first_ring {
        Some(ring) => format!("the ring {ring} first; {gateways} get it ring by ring"),
        None => gateways,
    };
    let publish = if !m.differs && m.edits > 0 && m.can_publish {
        let they = if m.edits == 1 { "1 edit was made and undone".to_owned() } else { format!("{} edits cancel each other", m.edits) };
        card(
            "Nothing to publish",
            (),
            post_form(
                "/draft/settle",
                view! {
                    {hidden("digest", m.digest)}
                    <p>{format!("{they}: the draft is as the live policy again. Until you say so, they count as unpublished.")}</p>
                    {buttons(submit("Count them no more"))}
                },
            ),
        )
    } else if empty_draft {
        ().into_any()
    } else if m.offered {
        card(
            "Publish",
            (),
            view! { <p>"This draft is what awaits its signature. Edit it, and you can ask for another one in its place."</p> },
        )
    } else if !m.can_publish {
        card("Publish", (), view! { <p>"Publishing needs the role IAM admin or owner."</p> })
    } else if blocked {
        card("Publish", (), view! { <p>"Not possible while a finding blocks it."</p> })
    } else {
        card(
            "Publish",
            (),
            post_form(
                "/draft/publish",
                view! {
                    {hidden("digest", m.digest)}
                    {if m.signed_here {
                        view! { <p>"This signs policy "{m.next}" and sends it to "{sent_to.clone()}". What was revoked or blocked stays so."</p> }.into_any()
                    } else {
                        view! { <p>"The policy key lies elsewhere. This asks for its signature on policy "{m.next}"; once it is signed, it goes to "{sent_to}"."</p> }.into_any()
                    }}
                    {replaced}
                    {input(Field::new("publish", "note", "Note").hint("Stands beside the version for ever.").value(m.note).max(300).errors(&m.errors))}
                    {buttons(submit(if m.signed_here { format!("Publish policy {}", m.next) } else { format!("Ask for policy {}", m.next) }))}
                },
            ),
        )
    };
    view! {
        {head_with(&[], "Draft", under, link_button("/bundles", "Earlier versions"))}
        {m.moved.then(|| flag_text(Tone::Warn, "Nothing was published.", "The draft changed after you opened it. This is how it stands now."))}
        {error_summary("publish", &m.errors)}
        {m.candidate.map(candidate::section)}
        <div class="cols">{list}<div class="stack">{card("Check", (), findings)}{publish}</div></div>
    }
    .into_any()
}

/// Changes in words, those that add access first; `none` where there are none.
pub(super) fn change_list(title: impl Into<String>, mut changes: Vec<Change>, none: &'static str) -> AnyView {
    if changes.is_empty() {
        return view! { <div class="card">{empty(Empty::Done(none.to_owned()))}</div> }.into_any();
    }
    let widens = changes.iter().filter(|c| c.effect == Effect::Widens).count();
    changes.sort_by_key(|c| match c.effect {
        Effect::Widens => 0,
        Effect::Narrows => 1,
        Effect::Neutral => 2,
    });
    let n = plural(i64::try_from(changes.len()).unwrap_or(i64::MAX), "difference");
    let adds = (widens > 0).then(|| format!(", {widens} {} access", if widens == 1 { "adds" } else { "add" }));
    view! { <section class="card"><header><h2>{title.into()}</h2><span class="muted">{n}{adds}</span></header><ul class="diff">{changes.into_iter().map(change).collect_view()}</ul></section> }.into_any()
}

fn change(c: Change) -> AnyView {
    let (class, glyph, word) = match c.effect {
        Effect::Widens => ("added", Icon::Plus, "Adds access"),
        Effect::Narrows => ("removed", Icon::Minus, "Takes access"),
        Effect::Neutral => ("muted", Icon::Pencil, "Sets or describes"),
    };
    let people = c.people.map(|n| plural(i64::try_from(n).unwrap_or(i64::MAX), "person"));
    let subject = (!c.subject.is_empty()).then(|| view! { <em>{untrusted(c.subject, 120)}</em>" " });
    let risk = c.risk.map(|risk| view! { " "{risk_pill(risk)} });
    let by = c.by.map(|(who, at)| view! { <small><bdi>{who}</bdi>", "{time(&at)}</small> });
    view! {
        <li><div><span class=format!("mark {class}")>{icon(glyph)}{word}</span><span class="block">{c.kind}" "{subject}{untrusted(c.what, 300)}{risk}</span>{by}</div><span class="muted">{people}</span></li>
    }
    .into_any()
}

/// One published version.
pub struct Bundle {
    /// Its number.
    pub version: u64,
    /// SHA-256 of its bytes, hexadecimal.
    pub digest: String,
    /// Who published it.
    pub by: String,
    /// When.
    pub at: Instant,
    /// What they noted.
    pub note: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Gateways that run it.
    pub gateways: u64,
    /// It is the newest that any gateway is to run.
    pub live: bool,
    /// How its way through the rings stands, if it went through them.
    pub rollout: Option<rollout::State>,
}

/// Published versions.
pub struct Bundles {
    /// The versions, newest first.
    pub rows: Vec<Bundle>,
    /// Links to more.
    pub pager: Pager,
    /// What awaits a signature that is made elsewhere: `Policy 129`, and who asked.
    pub awaits: Option<(String, String)>,
}

/// The list of bundles.
pub fn bundles(m: Bundles) -> impl IntoView {
    let body = if m.rows.is_empty() {
        view! { <div class="card">{empty(Empty::First("A bundle is one signed policy version. Gateways run nothing else.", Some(("/draft", "Review the draft"))))}</div> }.into_any()
    } else {
        let rows = m
            .rows
            .into_iter()
            .map(|b| {
                let state = match (b.rollout, b.live) {
                    (Some(state), _) if state != rollout::State::Done => state.pill(),
                    (_, true) => pill_text(Tone::Ok, Icon::Check, "Live"),
                    (_, false) => pill_text(Tone::Neutral, Icon::Dot, "Superseded"),
                };
                let note = (!b.note.is_empty()).then(|| view! { <small class="block">{untrusted(b.note, 300)}</small> });
                vec![
                    link(&format!("/bundles/{}", b.version), format!("Policy {}", b.version)),
                    state,
                    view! { <bdi>{b.by}</bdi>{note} }.into_any(),
                    time(&b.at),
                    text(b.gateways.to_string()),
                    text(format!("{:.1} kB", b.bytes as f64 / 1000.0)),
                    view! { <code class="wrap-any">{b.digest}</code> }.into_any(),
                ]
            })
            .collect();
        table(
            "Signed policy versions, newest first",
            &[col("Version"), col("State"), col("Published by"), col("When"), num("Gateways"), num("Size"), col("SHA-256")],
            rows,
        )
    };
    let awaits = m.awaits.map(|(about, by)| {
        flag(
            Tone::Warn,
            view! { <strong>{candidate::title(&about)}"."</strong>" Asked for by "<bdi>{by}</bdi>". "{link("/draft", "Look at it")} },
        )
    });
    view! { {head(&[], "Bundles", link_button("/draft", "Draft"))}{awaits}{body}{pager(&m.pager)} }.into_any()
}
