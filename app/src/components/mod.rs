//! Small pieces that pages are made of: plain functions from data to views.

mod actor;
mod card;
mod empty;
mod form;
mod head;
mod pill;
mod stops;
mod table;
mod timeline;
mod untrusted;

pub use actor::{Actor, actor};
pub use card::{card, danger_zone, kv, stat};
pub use empty::{Empty, empty};
pub use form::{
    Choice, Field, FieldError, FormErrors, area, buttons, checkbox, error_summary, filter_form, hidden, input, post_form, question_form,
    radio, select, select_prompt, submit, submit_danger,
};
pub use head::{Crumb, head, head_with};
pub use islands::{CopyButton, Icon, icon};
pub use pill::{flag, flag_text, link_button, pill, pill_text, primary_link, risk_pill};
pub use stops::Stops;
pub use table::{Col, Pager, col, num, pager, table};
pub use timeline::{Step, StepState, chain, timeline};
pub use untrusted::{long_untrusted, untrusted, visible};

use crate::instant::Instant;
use leptos::prelude::*;

/// An instant as `<time>`, with the machine form in `datetime`.
pub fn time(at: &Instant) -> AnyView {
    view! { <time datetime=at.rfc3339()>{at.text.clone()}</time> }.into_any()
}

/// An instant that may be missing; `absent` says why in a word.
pub fn time_or(at: Option<&Instant>, absent: &'static str) -> AnyView {
    at.map_or_else(|| view! { <span class="muted">{absent}</span> }.into_any(), time)
}

/// An identifier, a scope or anything else that is typed as it stands.
pub fn code(text: impl Into<String>) -> AnyView {
    view! { <code>{text.into()}</code> }.into_any()
}

/// Several identifiers in a row, or `none` said in a muted word.
pub fn codes<I: IntoIterator<Item = String>>(items: I, none: &'static str) -> AnyView {
    let items: Vec<AnyView> = items.into_iter().map(|i| view! { <code>{i}</code>" " }.into_any()).collect();
    if items.is_empty() {
        view! { <span class="muted">{none}</span> }.into_any()
    } else {
        view! { <span class="codes">{items}</span> }.into_any()
    }
}

/// A link inside the tenant's console: `path` starts with `/`.
pub fn link(path: &str, text: impl IntoView + 'static) -> AnyView {
    view! { <a href=crate::page::url(path)>{text.into_any()}</a> }.into_any()
}

/// Plain text as a view; nothing at all for an empty one.
pub fn text(text: impl Into<String>) -> AnyView {
    Some(text.into()).filter(|t| !t.is_empty()).into_any()
}
