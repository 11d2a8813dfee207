//! The few widgets that also run in the browser.
//!
//! This is the only crate that is also compiled to wasm, so it stays small: props are plain serde data, and every island
//! renders on the server everything that a reader without JavaScript needs.

mod copy;
mod fleet;
mod icon;
mod poll;
mod receipt;
mod time;

pub use copy::CopyButton;
pub use fleet::{FleetSnapshot, FleetStatus, GatewayRow, GatewayState};
pub use icon::{Icon, icon};
pub use receipt::{ReceiptRow, ReceiptSnapshot, ReceiptStatus};

/// Starts the islands runtime; the start script calls it once, before it hydrates each island.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
