//! Tables that become cards on a phone, and the links to the next page of one.

use leptos::prelude::*;

/// A column's label and whether it holds numbers.
#[derive(Clone, Copy)]
pub struct Col(&'static str, bool);

/// A column of text.
pub const fn col(label: &'static str) -> Col {
    Col(label, false)
}

/// A column of numbers, aligned right.
pub const fn num(label: &'static str) -> Col {
    Col(label, true)
}

/// A table. The first cell of each row is its header; on a phone each further cell names its column.
pub fn table(caption: impl Into<String>, cols: &[Col], rows: Vec<Vec<AnyView>>) -> AnyView {
    let caption: String = caption.into();
    let class = |numeric: bool| if numeric { "num" } else { "" };
    let heads = cols.iter().map(|c| view! { <th scope="col" class=class(c.1)>{if c.0.is_empty() { view! { <span class="sr">"Actions"</span> }.into_any() } else { c.0.into_any() }}</th> }).collect_view();
    let body = rows
        .into_iter()
        .map(|cells| {
            let cells = cells
                .into_iter()
                .zip(cols)
                .enumerate()
                .map(|(i, (cell, c))| match i {
                    0 => view! { <th scope="row">{cell}</th> }.into_any(),
                    _ => view! { <td class=class(c.1) data-label=(!c.0.is_empty()).then_some(c.0)><div>{cell}</div></td> }.into_any(),
                })
                .collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    view! {
        <div class="card scroll" tabindex="0" role="region" aria-label=caption.clone()>
            <table class="table cards"><caption>{caption.clone()}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>
        </div>
    }
    .into_any()
}

/// Links around one page of a list; the paths carry filters and cursor.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// What is shown, for example `1 to 50 of about 3,200`.
    pub shown: String,
    /// Path of the previous page.
    pub previous: Option<String>,
    /// Path of the next page.
    pub next: Option<String>,
}

/// Draws the pager.
pub fn pager(p: &Pager) -> AnyView {
    let step = |path: &Option<String>, label: &'static str| {
        path.as_ref().map(|path| view! { <a class="button" href=crate::page::url(path)>{label}</a> })
    };
    view! { <nav class="row spread pager" aria-label="Pages"><span class="muted">{p.shown.clone()}</span><span class="row">{step(&p.previous, "Previous")}{step(&p.next, "Next")}</span></nav> }
        .into_any()
}
