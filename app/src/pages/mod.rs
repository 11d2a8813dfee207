//! One module a page, or a family of pages about one thing. Each module's text is the contract for its handlers.

pub mod admins;
pub mod agents;
pub mod assignments;
pub mod audit;
pub mod block;
pub mod clients;
pub mod consent;
pub mod draft;
pub mod error;
pub mod fleet;
pub mod grants;
pub mod home;
pub mod idp;
pub mod limits;
pub mod people;
pub mod receipt;
pub mod request;
pub mod requests;
pub mod role_edit;
pub mod role_import;
pub mod roles;
pub mod scopes;
pub mod server;
pub mod servers;
pub mod signin;
pub mod simulator;
