//! Empty lists, of three kinds that need three different sentences.

use super::{link, primary_link};
use leptos::prelude::*;

/// Why a list is empty.
pub enum Empty {
    /// Nothing exists yet: what this is, and the one thing to do.
    First(&'static str, Option<(&'static str, &'static str)>),
    /// Filters exclude everything; the path clears them.
    NoMatch(&'static str),
    /// Nothing to do, which is good.
    Done(String),
}

/// Draws an empty list.
pub fn empty(kind: Empty) -> AnyView {
    match kind {
        Empty::First(what, action) => {
            view! { <div class="empty"><p>{what}</p>{action.map(|(path, label)| primary_link(path, label))}</div> }.into_any()
        }
        Empty::NoMatch(clear) => {
            view! { <div class="empty"><p>"Nothing matches these filters."</p><p>{link(clear, "Clear the filters")}</p></div> }.into_any()
        }
        Empty::Done(what) => view! { <div class="empty"><p>{what}</p></div> }.into_any(),
    }
}
