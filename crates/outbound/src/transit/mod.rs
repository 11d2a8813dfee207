//! Signing with keys that lie in HashiCorp Vault or OpenBao: their Transit secrets engine.
//!
//! Two calls, as <https://developer.hashicorp.com/vault/api-docs/secret/transit> and <https://openbao.org/api-docs/secret/transit> document
//! them: `GET /v1/{mount}/keys/{name}` for the public half, and `POST /v1/{mount}/sign/{name}` for a signature. The key is of type
//! `ecdsa-p256`; its version is part of the [`KeyName`], so that rotating it there changes nothing here.

pub mod answer;
mod client;
mod error;
mod name;
mod token;

pub use self::{
    client::{Settings, Transit},
    error::{TransitError, Unfit},
    name::KeyName,
};

#[cfg(test)]
mod tests;
