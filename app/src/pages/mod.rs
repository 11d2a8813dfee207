//! One module a page, or a family of pages about one thing. Each module's text is the contract for its handlers.

pub mod consent;
pub mod error;
pub mod fleet;
pub mod request;
pub mod requests;
pub mod role_edit;
pub mod role_import;
pub mod roles;
pub mod server;
pub mod servers;
pub mod signin;
