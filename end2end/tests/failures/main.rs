//! What goes wrong, and what it must do: against real processes, each test with its own over a folder of its own.

mod agents;
mod bundles;
mod console;
mod crashes;
mod exported;
mod hostile;
mod key_service;
mod keys;
mod newcomer;
mod oauth;
mod opa;
mod proxy;
mod replicas;
mod revoking;
mod rig;
mod rings;
mod servers;
mod signin;
mod witnessed;
