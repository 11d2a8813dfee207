//! Sign-in at a person's own identity provider: OpenID Connect, authorization code flow with PKCE.
//!
//! Three steps, none of which stores anything:
//!
//! 1. [`discover`] the provider. The caller may keep the [`Provider`]; keys that rotate are fetched anew by themselves.
//! 2. [`authorize_url`]: where to send the browser. The caller makes up the [`Flow`] and keeps it with the browser's session.
//! 3. At the callback, compare `state`, call [`Provider::check_response_issuer`], then [`exchange`] the code for an [`Identity`].
//!
//! Whether people without groups or with an unverified e-mail may come in is the caller's decision;
//! [`SignInError::NoGroups`] and [`SignInError::EmailUnverified`] are there to say no with.

mod client;
mod error;
mod exchange;
mod identity;
mod provider;

pub use self::{
    client::{Ask, ClientConfig, Flow, Prompt, TokenAnswer, authorize_url},
    error::SignInError,
    exchange::{exchange, verify},
    identity::Identity,
    provider::{Provider, discover},
};

#[cfg(test)]
mod tests;
