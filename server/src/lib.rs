//! The `writ` server: what the binary is made of, as a library so that tests can drive the router in process.

pub mod app;
pub mod around;
pub mod canonical;
pub mod cli;
pub mod clock;
pub mod compose;
pub mod connections;
pub mod console;
pub mod csrf;
pub mod delivery;
pub mod endpoint;
pub mod headers;
pub mod key_service;
pub mod master;
pub mod oauth;
pub mod page;
pub mod problem;
pub mod request_id;
pub mod rounds;
pub mod serve;
pub mod signin;
pub mod site;
pub mod upkeep;
