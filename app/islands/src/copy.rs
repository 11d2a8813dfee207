//! A button that copies a value shown beside it. Without JavaScript it stays hidden: the value itself can be selected.

use leptos::prelude::*;

/// Copies `value` to the clipboard. `what` names the thing for the button's label ("redirect URI").
#[island]
pub fn CopyButton(value: String, what: String) -> impl IntoView {
    let (label, set_label) = signal("Copy");
    let (ready, set_ready) = signal(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| set_ready.set(true));
    #[cfg(not(feature = "hydrate"))]
    let _ = set_ready;
    let copy = move |_| {
        write_clipboard(&value);
        set_label.set("Copied");
        set_timeout(move || set_label.set("Copy"), std::time::Duration::from_secs(2));
    };
    view! {
        <button type="button" class="button small" hidden=move || !ready.get() on:click=copy>
            {move || label.get()}
            <span class="sr">{format!(" {what}")}</span>
        </button>
    }
}

#[cfg(feature = "hydrate")]
fn write_clipboard(text: &str) {
    if let Some(window) = web_sys::window() {
        let promise = window.navigator().clipboard().write_text(text);
        leptos::task::spawn_local(async move {
            // A refused permission leaves the value on the page to be selected by hand.
            let _ = wasm_bindgen_futures::JsFuture::from(promise).await;
        });
    }
}

#[cfg(not(feature = "hydrate"))]
fn write_clipboard(_text: &str) {}
