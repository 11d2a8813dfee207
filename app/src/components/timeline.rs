//! Ordered steps: the chain of a decision, and what happened when.

use super::{Icon, icon, time};
use crate::instant::Instant;
use leptos::prelude::*;

/// How one link of a chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Holds.
    Holds,
    /// The one that fails.
    Broken,
    /// Not reached because an earlier one failed.
    NotReached,
    /// Still to come.
    Waiting,
}

/// One link of a chain.
pub struct Step {
    /// How it stands.
    pub state: StepState,
    /// The claim, in words.
    pub title: AnyView,
    /// Where that is known from.
    pub detail: AnyView,
}

/// Draws a chain; the state is said in words to those who don't see the dot.
pub fn chain(steps: Vec<Step>) -> AnyView {
    let items = steps
        .into_iter()
        .map(|s| {
            let (class, glyph, word) = match s.state {
                StepState::Holds => ("", Icon::Check, "Holds: "),
                StepState::Broken => ("broken", Icon::Cross, "Fails: "),
                StepState::NotReached => ("after", Icon::Minus, "Not reached: "),
                StepState::Waiting => ("after", Icon::Clock, "Waiting: "),
            };
            view! {
                <li class=class><span class="dot">{icon(glyph)}</span>
                    <div><strong><span class="sr">{word}</span>{s.title}</strong><small class="block">{s.detail}</small></div></li>
            }
        })
        .collect_view();
    view! { <ol class="chain">{items}</ol> }.into_any()
}

/// What happened, oldest first.
pub fn timeline(events: Vec<(Instant, StepState, AnyView)>) -> AnyView {
    chain(events.into_iter().map(|(at, state, title)| Step { state, title, detail: time(&at) }).collect())
}
