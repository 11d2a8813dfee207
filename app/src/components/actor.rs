//! Who acted: person, client and agent apart, never merged.

use super::{Icon, icon, untrusted};
use leptos::prelude::*;

/// The principals behind one action, each only when it took part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// The human, by name or address.
    pub person: Option<String>,
    /// The OAuth client's name.
    pub client: Option<String>,
    /// The agent's name.
    pub agent: Option<String>,
    /// A process of Writ itself or a gateway, when no person acted.
    pub machine: Option<String>,
}

impl Actor {
    /// A person acting in the console.
    pub fn person(name: impl Into<String>) -> Self {
        Self { person: Some(name.into()), ..Self::default() }
    }
}

/// "Dev Moreau, through Code IDE, agent triage-agent".
pub fn actor(a: &Actor) -> AnyView {
    let lead = a.person.clone().or_else(|| a.machine.clone());
    let alone = lead.is_none() && a.client.is_none() && a.agent.is_none();
    view! {
        <span class="actor">
            {lead.clone().map(|p| untrusted(p, 120))}
            {a.client.clone().map(|c| {
                let lead_in = if lead.is_some() { ", through " } else { "" };
                view! { <span>{lead_in}<em>{untrusted(c, 80)}</em></span> }
            })}
            {a.agent.clone().map(|g| view! { " " <span class="pill agent">{icon(Icon::Agent)}<span class="sr">"agent "</span>{untrusted(g, 80)}</span> })}
            {alone.then(|| view! { <span class="muted">"nobody signed in"</span> })}
        </span>
    }
    .into_any()
}
