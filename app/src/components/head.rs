//! The page's heading: where one is, what this is, what can be done.

use super::link;
use leptos::prelude::*;

/// One step of the breadcrumb: path and label.
pub type Crumb = (&'static str, &'static str);

/// Breadcrumb, one `<h1>`, actions at its right.
pub fn head(crumbs: &[Crumb], title: impl IntoView + 'static, actions: impl IntoView + 'static) -> AnyView {
    head_with(crumbs, title, (), actions)
}

/// Like [`head`], with a line under the title.
pub fn head_with(
    crumbs: &[Crumb],
    title: impl IntoView + 'static,
    under: impl IntoView + 'static,
    actions: impl IntoView + 'static,
) -> AnyView {
    let trail = (!crumbs.is_empty()).then(|| {
        let items = crumbs.iter().map(|(path, label)| view! { <li>{link(path, *label)}</li> }).collect_view();
        view! { <nav class="crumbs" aria-label="Breadcrumb"><ol>{items}</ol></nav> }
    });
    view! {
        <header class="head">
            {trail}
            <div class="row spread"><h1>{title.into_any()}</h1><div class="row actions">{actions.into_any()}</div></div>
            <div class="under muted">{under.into_any()}</div>
        </header>
    }
    .into_any()
}
