//! Rings: who gets a new policy first, and what has to be so before the next ring gets it.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/rings` | |
//! | POST | `/rings` | `csrf`, `digest` (of the rings that were shown), `rings` (one a line: `name: label=value` or `name: 10 %`) |
//! | POST | `/rings/rule` | `csrf`, `version`, `promotes` (`yes` or absent), `soak` (minutes), `most_rise` (points), `least_calls` |
//!
//! Both POSTs redirect to `/rings`. What was wrong: the page again with what was typed, 422. An old `digest` or `version`: the page with the
//! newest values, 409.

use crate::{components::*, page::encode, words::Tone};
use leptos::prelude::*;

/// A ring.
pub struct Ring {
    /// Its name.
    pub name: String,
    /// Who belongs to it, in words.
    pub who: String,
    /// What it is to run; none before the first publish.
    pub version: Option<u64>,
    /// Who is in it now: id, name, and whether it is pinned.
    pub gateways: Vec<(String, String, bool)>,
}

/// The rule's settings, as typed or as they are.
#[derive(Clone, Default)]
pub struct Rule {
    /// Of what this form was made from.
    pub version: i64,
    /// The rule promotes by itself.
    pub promotes: bool,
    /// Minutes.
    pub soak: String,
    /// Percentage points.
    pub most_rise: String,
    /// Calls.
    pub least_calls: String,
    /// What was wrong.
    pub errors: FormErrors,
}

/// The rings.
pub struct Model {
    /// In order.
    pub rings: Vec<Ring>,
    /// The policy that is on its way, if one is.
    pub under_way: Option<u64>,
    /// The reader may edit.
    pub can_edit: bool,
    /// Digest of the rings that the form was made from.
    pub digest: String,
    /// The rings before the last one, as typed.
    pub lines: String,
    /// What was wrong with them.
    pub errors: FormErrors,
    /// The rule.
    pub rule: Rule,
    /// Somebody else saved in the meantime.
    pub changed: bool,
}

/// The page.
pub fn view(m: Model) -> impl IntoView {
    let many = m.rings.len() > 1;
    let rows = m.rings.into_iter().zip(1..).map(|(ring, place)| row(ring, place)).collect();
    let under_way = m.under_way.map(|version| {
        flag(
            Tone::Info,
            view! { <strong>"Policy "{version}" is on its way."</strong>" The rings stay as they are until it is finished or taken back. "{link(&format!("/bundles/{version}"), "See how far it is")} },
        )
    });
    let edit = (m.can_edit && m.under_way.is_none()).then(|| {
        card(
            "Edit the rings",
            (),
            view! { <div class="stack-m">
                {error_summary("rings", &m.errors)}
                {post_form("/rings", view! {
                    {hidden("digest", m.digest)}
                    {area(Field::new("rings", "rings", "Rings before the last one, in order").hint("One a line: a name, a colon, and who belongs to it. Labels that a gateway's operator gave it, such as “canary: stage=canary”, or a share of all gateways, such as “early: 10 %”, always the same ones. Shares count from the first gateway, so the next one is larger. Whoever fits no line is in the last ring, “all”.").value(m.lines).rows(5).max(2000).mono().errors(&m.errors))}
                    {buttons(submit("Save the rings"))}
                })}
            </div> },
        )
    });
    let rule = if m.can_edit { rule_form(m.rule) } else { rule_words(&m.rule) };
    let sub = if many {
        "A published policy goes to the first ring. It reaches the next when it has proved itself, and goes back by itself when it has not."
    } else {
        "There is one ring: a published policy goes to every gateway at once."
    };
    view! {
        {head_with(&[("/fleet", "Fleet")], "Rings", sub, ())}
        {m.changed.then(|| flag_text(Tone::Warn, "Nothing was saved.", "Somebody else saved after you opened this. These are the newest values; change them again."))}
        {under_way}
        {table("From the first to the last; a gateway is in the first ring that it fits", &[col("Ring"), col("Who belongs to it"), num("Policy"), col("Gateways in it now")], rows)}
        {edit}{rule}
    }
    .into_any()
}

fn row(ring: Ring, place: usize) -> Vec<AnyView> {
    let gateways = if ring.gateways.is_empty() {
        view! { <span class="muted">"none"</span> }.into_any()
    } else {
        let one = |(id, name, pinned): (String, String, bool)| {
            view! { <li>{link(&format!("/fleet/{}", encode(&id)), name)}{pinned.then_some(" (pinned)")}</li> }
        };
        view! { <ul class="stack-xs">{ring.gateways.into_iter().map(one).collect_view()}</ul> }.into_any()
    };
    vec![
        view! { {place}". "<strong>{ring.name}</strong> }.into_any(),
        text(ring.who),
        text(ring.version.map_or_else(|| "none".to_owned(), |version| version.to_string())),
        gateways,
    ]
}

fn rule_form(rule: Rule) -> AnyView {
    let number = |name: &'static str, label: &'static str, hint: &'static str, value: String| {
        input(Field::new("rule", name, label).hint(hint).value(value).max(12).required().errors(&rule.errors))
    };
    card(
        "When a policy goes on, and when it goes back",
        (),
        view! {
        <div class="stack-m">
                    <p class="muted">"Whatever you set here: when a gateway refuses a policy, or the share of denied calls jumps, every ring runs again what all ran before."</p>
                    {error_summary("rule", &rule.errors)}
                    {post_form("/rings/rule", view! {
                        {hidden("version", rule.version.to_string())}
                        {checkbox("rule", "promotes", "yes", "Go on without a person", "When every gateway of the ring runs it without an error and all of the below is so. Otherwise somebody promotes it by hand.", rule.promotes)}
                        {number("soak", "Minutes in a ring", "How long a ring has it before the next one may.", rule.soak.clone())}
                        {number("most_rise", "Percentage points of denied calls", "If 2 of 100 calls were denied before and you allow 5 points, it goes back at more than 7 of 100.", rule.most_rise.clone())}
                        {number("least_calls", "Calls", "Denials are judged from so many calls on; with fewer it does not go on without a person. 0: calls are not waited for.", rule.least_calls.clone())}
                        {buttons(submit("Save the rule"))}
                    })}
                    </div>
                },
    )
}

fn rule_words(rule: &Rule) -> AnyView {
    let goes = if rule.promotes { "without a person" } else { "when a person promotes it" };
    card(
        "When a policy goes on, and when it goes back",
        (),
        kv(vec![
            ("Goes on", text(goes)),
            ("In a ring for", text(format!("{} minutes", rule.soak))),
            ("Goes back at a rise of denied calls by more than", text(format!("{} points", rule.most_rise))),
            ("Judged from", text(format!("{} calls on", rule.least_calls))),
        ]),
    )
}
