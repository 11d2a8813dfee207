//! One target for each parser; `fuzz`'s documentation lists them.

mod bundles;
mod catalogues;
mod ceremonies;
mod enforcing;
mod evidences;
mod following;
mod gateways;
mod intake;
mod key_services;
mod oauth;
mod opas;
mod policies;
mod providers;
mod tokens;
