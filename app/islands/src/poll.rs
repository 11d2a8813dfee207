//! Asking the server again and again for what an island shows.

use leptos::prelude::*;
use std::time::Duration;

/// Reads `url` every so often into `now`, until an answer is final; `failed` says that the last question got no answer. On the server: nothing.
#[cfg(feature = "hydrate")]
pub(crate) fn poll<T>(url: String, every: Duration, now: WriteSignal<T>, failed: WriteSignal<bool>, is_final: fn(&T) -> bool)
where
    T: serde::de::DeserializeOwned + Send + Sync + 'static,
{
    use std::{cell::Cell, rc::Rc};
    let timer = Rc::new(Cell::new(None::<IntervalHandle>));
    let stop = Rc::clone(&timer);
    let tick = move || {
        let (url, stop) = (url.clone(), Rc::clone(&stop));
        // A hidden tab needs nothing fresh, and the server no idle readers.
        if web_sys::window().and_then(|w| w.document()).is_some_and(|d| d.hidden()) {
            return;
        }
        leptos::task::spawn_local(async move {
            let Some(answer) = fetch::<T>(&url).await else { return failed.set(true) };
            failed.set(false);
            if is_final(&answer)
                && let Some(timer) = stop.take()
            {
                timer.clear();
            }
            now.set(answer);
        });
    };
    // Without a timer the page stays as the server rendered it.
    timer.set(set_interval_with_handle(tick, every).ok());
}

#[cfg(not(feature = "hydrate"))]
pub(crate) fn poll<T>(_url: String, _every: Duration, _now: WriteSignal<T>, _failed: WriteSignal<bool>, _is_final: fn(&T) -> bool) {}

#[cfg(feature = "hydrate")]
async fn fetch<T: serde::de::DeserializeOwned>(url: &str) -> Option<T> {
    use wasm_bindgen::JsCast;
    use wasm_bindgen_futures::JsFuture;
    let response = JsFuture::from(web_sys::window()?.fetch_with_str(url)).await.ok()?;
    let response: web_sys::Response = response.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    let text = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
    serde_json::from_str(&text).ok()
}
