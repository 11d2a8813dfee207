//! Pills, flags and buttons that are links.

use super::{Icon, icon};
use crate::words::{Labelled, Risk, Tone};
use leptos::prelude::*;

/// A state as icon and word.
pub fn pill((tone, glyph, word): Labelled) -> AnyView {
    pill_text(tone, glyph, word)
}

/// A state as icon and free text.
pub fn pill_text(tone: Tone, glyph: Icon, word: impl Into<String>) -> AnyView {
    view! { <span class=format!("pill {}", tone.class())>{icon(glyph)}<span>{word.into()}</span></span> }.into_any()
}

/// A scope's risk.
pub fn risk_pill(risk: Risk) -> AnyView {
    let (tone, glyph, word) = risk.label();
    view! { <span class=format!("pill {} risk-{}", tone.class(), risk.value())>{icon(glyph)}<span>{word}<span class="sr">" risk"</span></span></span> }.into_any()
}

/// A line that must be read before the rest.
pub fn flag(tone: Tone, body: impl IntoView + 'static) -> AnyView {
    let glyph = match tone {
        Tone::Ok => Icon::Check,
        Tone::Info | Tone::Neutral => Icon::Info,
        Tone::Agent => Icon::Agent,
        Tone::Warn | Tone::Danger => Icon::Warning,
    };
    view! { <div class=format!("flag {}", tone.class())>{icon(glyph)}<div>{body.into_any()}</div></div> }.into_any()
}

/// A flag with a strong first sentence.
pub fn flag_text(tone: Tone, strong: impl Into<String>, rest: impl Into<String>) -> AnyView {
    let (strong, rest) = (strong.into(), rest.into());
    flag(tone, view! { <strong>{strong}</strong>" "{rest} })
}

/// A link that looks like a button; `path` is inside the tenant.
pub fn link_button(path: &str, label: impl Into<String>) -> AnyView {
    view! { <a class="button" href=crate::page::url(path)>{label.into()}</a> }.into_any()
}

/// The page's one main way on.
pub fn primary_link(path: &str, label: impl Into<String>) -> AnyView {
    view! { <a class="button primary" href=crate::page::url(path)>{label.into()}</a> }.into_any()
}
