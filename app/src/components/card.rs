//! Cards, key/value lists and figures.

use leptos::prelude::*;

/// A titled section. `aside` stands at the title's right: a count, a link.
pub fn card(title: impl Into<String>, aside: impl IntoView + 'static, body: impl IntoView + 'static) -> AnyView {
    view! { <section class="card"><header><h2>{title.into()}</h2><span class="muted">{aside.into_any()}</span></header><div class="body">{body.into_any()}</div></section> }
        .into_any()
}

/// The last section of a detail page: what ends things.
pub fn danger_zone(body: impl IntoView + 'static) -> AnyView {
    view! { <section class="card danger-zone"><header><h2>"Take away"</h2></header><div class="body stack-s">{body.into_any()}</div></section> }.into_any()
}

/// Facts as a description list.
pub fn kv(rows: Vec<(&'static str, AnyView)>) -> AnyView {
    view! { <dl class="kv">{rows.into_iter().map(|(k, v)| view! { <dt>{k}</dt><dd>{v}</dd> }).collect_view()}</dl> }.into_any()
}

/// One number with its name.
pub fn stat(name: impl Into<String>, value: impl Into<String>, note: impl Into<String>) -> AnyView {
    view! { <div class="card figure"><h2>{name.into()}</h2><b>{value.into()}</b><small>{note.into()}</small></div> }.into_any()
}
