//! OPAs of the fleet: enforcement points that follow the same policy as bundles of the Open Policy Agent.
//!
//! | method | path | fields |
//! | --- | --- | --- |
//! | GET | `/fleet/opa` | |
//! | POST | `/fleet/opa` | `csrf`, `name` (`[a-z0-9-]{1,40}`) |
//! | GET | `/fleet/opa/{id}` | |
//! | POST | `/fleet/opa/{id}/token` | `csrf`, `at_once` (`yes` when the old token may be in the wrong hands) |
//! | POST | `/fleet/opa/{id}/config` | `csrf` |
//! | GET | `/fleet/opa/{id}/remove` | |
//! | POST | `/fleet/opa/{id}/remove` | `csrf` |
//!
//! The answers to the first three POSTs are the [`ready`] page itself (200, `Cache-Control: no-store`), the only time a token is shown.

use crate::{
    components::*,
    instant::Instant,
    page::encode,
    words::{Labelled, Tone},
};
use leptos::prelude::*;

/// The form for another OPA.
#[derive(Default)]
pub struct Enrol {
    /// What stands in the name field.
    pub name: String,
    /// What was wrong with it.
    pub errors: FormErrors,
}

/// Asks for the name of a new OPA.
pub fn enrol(m: Enrol) -> impl IntoView {
    view! {
        {head_with(&[("/fleet", "Fleet")], "Add an OPA", "An Open Policy Agent that decides by this tenant's policy, for services that ask one already.", ())}
        {error_summary("opa", &m.errors)}
        <section class="card pad form-card">{post_form("/fleet/opa", view! {
            {input(Field::new("opa", "name", "Name").hint("Lower-case letters, digits and hyphens, for example opa-eu-1. Each OPA needs a name and a token of its own, so that the fleet shows what every one of them runs.").value(m.name).required().max(40).mono().errors(&m.errors))}
            {buttons(view! { {submit("Add OPA")}{link_button("/fleet", "Back")} })}
        })}</section>
    }
    .into_any()
}

/// What an OPA needs to run.
pub struct Ready {
    /// `opa_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The secret, shown once; none when only the configuration was asked for.
    pub token: Option<String>,
    /// Where the configuration says that the token is.
    pub token_path: String,
    /// The configuration, YAML.
    pub config: String,
}

/// The page that shows a token, once, and the configuration.
pub fn ready(m: Ready) -> impl IntoView {
    let shown = m.token.map(|token| {
        view! {
            {flag_text(Tone::Warn, "You won't see this token again.", format!("Put it into {} on the OPA's machine, readable by the OPA only. It does not end by itself.", m.token_path))}
            {card("Token", view! { <CopyButton value=token.clone() what="token".to_owned()/> }, view! { <pre class="wrap"><code>{token.clone()}</code></pre> })}
        }
    });
    let command = "opa run --server --addr 127.0.0.1:8181 --config-file opa.yaml";
    view! {
        {head(&[("/fleet", "Fleet")], view! { "Run "<em>{m.name}</em> }, ())}
        {shown}
        {card("Configuration", view! { <CopyButton value=m.config.clone() what="configuration".to_owned()/> }, view! { <div class="stack-m">
            <pre class="wrap"><code>{m.config.clone()}</code></pre>
            <p class="muted">"Save it as opa.yaml and start "<code>{command}</code>". It holds no secret. The keys in it are what the OPA believes signatures by: take it from here, not from somewhere on the way."</p>
        </div> })}
        {buttons(link_button(&format!("/fleet/opa/{}", encode(&m.id)), "To the OPA"))}
    }
    .into_any()
}

/// One OPA.
pub struct Model {
    /// `opa_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: Labelled,
    /// The policy that it put in force.
    pub policy: Option<u64>,
    /// The policy that it is to run.
    pub desired: Option<u64>,
    /// The revocations that it put in force.
    pub revocation_seq: Option<u64>,
    /// The newest revocations.
    pub newest_seq: u64,
    /// When it was added.
    pub added: Instant,
    /// When it last reported.
    pub seen: Option<Instant>,
    /// What it says to be.
    pub software: String,
    /// Why it does not run the policy that it was offered, in its words.
    pub refused_policy: Option<String>,
    /// Why it does not run the revocations that it was offered, in its words.
    pub refused_revocations: Option<String>,
    /// When each of its tokens was made and first used.
    pub tokens: Vec<(Instant, Option<Instant>)>,
    /// Whether its configuration pins a key that signs no more.
    pub pins_old_key: bool,
    /// Whether the live policy is not signed for OPAs.
    pub policy_awaits: bool,
    /// Whether the reader may change it.
    pub can_edit: bool,
}

fn number(n: Option<u64>) -> AnyView {
    n.map_or_else(|| view! { <span class="muted">"none"</span> }.into_any(), |n| text(n.to_string()))
}

fn of(held: Option<u64>, wanted: Option<u64>) -> AnyView {
    match wanted {
        Some(wanted) if held == Some(wanted) => number(held),
        Some(wanted) => view! { {number(held)}<span class="muted">{format!(" of {wanted}")}</span> }.into_any(),
        None => number(held),
    }
}

/// The page of one OPA.
pub fn view(m: Model) -> impl IntoView {
    let at = format!("/fleet/opa/{}", encode(&m.id));
    let refused = [("policy", m.refused_policy), ("revocations", m.refused_revocations)].map(|(what, why)| {
        why.map(|why| {
            flag(
                Tone::Danger,
                view! { <strong>{format!("It does not put the newest {what} in force.")}</strong>" It says: "{untrusted(why, 500)} },
            )
        })
    });
    let old_key = m.pins_old_key.then(|| {
        flag_text(
            Tone::Warn,
            "Its configuration pins a key that signs no more.",
            "It keeps what it has until that ends. Print the configuration again and give it to the OPA.",
        )
    });
    let awaits = m.policy_awaits.then(|| {
        flag_text(
            Tone::Warn,
            "The live policy is not signed for OPAs.",
            "The policy key lies elsewhere, and what is signed there is for gateways: OPAs keep the version before until that ends.",
        )
    });
    let tokens = m.tokens.into_iter().map(|(made, used)| {
        let used = match used {
            Some(used) => view! { "first used "{time(&used)} }.into_any(),
            None => view! { <span class="muted">"not used yet; the one before works until it is"</span> }.into_any(),
        };
        view! { <span>"made "{time(&made)}", "{used}</span> }
    });
    let facts = kv(vec![
        ("State", pill(m.state)),
        ("Policy", of(m.policy, m.desired)),
        ("Revocations", of(m.revocation_seq, Some(m.newest_seq))),
        ("Last report", time_or(m.seen.as_ref(), "never")),
        ("Software", text(m.software)),
        ("Added", time(&m.added)),
        ("Tokens", view! { <span class="stack-s">{tokens.collect_view()}</span> }.into_any()),
    ]);
    let change = m.can_edit.then(|| {
        view! {
            {card("Configuration", (), view! { <div class="stack-m">
                <p>"With the keys that sign now. Print it again after a key was replaced."</p>
                {post_form(&format!("{at}/config"), view! { {buttons(submit("Show configuration"))} })}
            </div> })}
            {card("Another token", (), view! { <div class="stack-m">
                <p>"The present token works until the new one is used for the first time, so nothing stops in between."</p>
                {post_form(&format!("{at}/token"), view! {
                    {checkbox("token", "at_once", "yes", "The present token may be in the wrong hands", "It stops working at once.", false)}
                    {buttons(submit("Make token"))}
                })}
            </div> })}
            {danger_zone(view! {
                <p>"Its token stops working at once. It goes on enforcing what it has, for as long as the policy's freshness rules let it."</p>
                {buttons(link_button(&format!("{at}/remove"), "Remove…"))}
            })}
        }
    });
    view! {
        {head_with(&[("/fleet", "Fleet")], view! { <em>{m.name}</em> }, view! { "An OPA · "<code>{m.id.clone()}</code> }, link_button(&format!("/fleet/{}", m.id), "Ring and pin"))}
        <div class="stack">{refused}{old_key}{awaits}
            <div class="cols"><div class="stack">{card("Now", (), facts)}</div><div class="stack">{change}</div></div>
        </div>
    }
    .into_any()
}

/// Removing one.
pub struct Remove {
    /// `opa_…`.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Asks before an OPA is removed.
pub fn remove(m: Remove) -> impl IntoView {
    let at = format!("/fleet/opa/{}", encode(&m.id));
    view! {
        {head(&[("/fleet", "Fleet")], view! { "Remove "<em>{m.name}</em>"?" }, ())}
        {flag_text(Tone::Warn, "It hears of no revocation any more.", "Stop the OPA as well: until its bundles end it goes on deciding by what it has. What it confirmed and decided stays on record.")}
        <section class="card pad">{post_form(&format!("{at}/remove"), view! {
            {buttons(view! { {submit_danger("Remove OPA")}{link_button(&at, "Keep OPA")} })}
        })}</section>
    }
    .into_any()
}
