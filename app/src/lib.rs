//! The console's pages: view models and pure views.
//!
//! A handler fills a page's `Model` and calls [`page::render`]; nothing here reads a clock, a session or a database, so every
//! page can be rendered in a test or into the gallery (`cargo run -p app --example gallery`). Each module under [`pages`]
//! documents the forms it sends: method, path and fields. That text is the contract with the handlers.
//!
//! - Paths are under `/t/{tenant}`; [`page::Frame`] knows the slug, so models carry ids and names only.
//! - Every POST form carries a hidden `csrf` field. Field names are `snake_case`.
//! - Text from outside (tool descriptions, client names, justifications) goes through [`components::untrusted`].

pub mod components;
pub mod instant;
pub mod page;
pub mod pages;
pub mod words;
