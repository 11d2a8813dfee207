//! The use cases over real databases. One binary; a file per area, [`support`] for the harness, [`world`] for what is given.
//!
//! An area that adds tests adds its `mod` line here.

mod key_service;
mod support;
mod world;

mod config;
mod delivery;
mod duties;
mod evidence;
mod governance;
mod harness;
mod oauth;
mod replicas;
mod signin;
