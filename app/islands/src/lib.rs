//! The few widgets that also run in the browser.
