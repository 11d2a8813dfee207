//! An OPA's configuration, as far as bundles, status and decision logs go.

use crate::load::{Verification, VerifyingKey};
use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// Where things are.
    pub services: BTreeMap<String, Service>,
    /// Keys by id.
    #[serde(default)]
    pub keys: BTreeMap<String, VerifyingKey>,
    /// What to follow.
    #[serde(default)]
    pub bundles: BTreeMap<String, Source>,
    /// Where verified bundles are kept.
    pub persistence_directory: Option<String>,
    /// Where to report.
    pub status: Option<Reported>,
    /// Where to log.
    pub decision_logs: Option<Reported>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Service {
    /// Its base.
    pub url: String,
    /// How to authenticate.
    pub credentials: Credentials,
}

/// Credentials.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Credentials {
    /// A bearer token.
    pub bearer: Bearer,
}

/// A bearer token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Bearer {
    /// Read for every request.
    pub token_path: String,
}

/// Where a bundle comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Source {
    /// Which service.
    pub service: String,
    /// Below its base.
    pub resource: String,
    /// Whether it is kept.
    #[serde(default)]
    pub persist: bool,
    /// How to ask.
    #[serde(default)]
    pub polling: Polling,
    /// How to verify.
    pub signing: Option<Signing>,
}

/// How to ask; seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Polling {
    /// For how long to be held.
    pub long_polling_timeout_seconds: Option<u64>,
    /// The shortest pause.
    pub min_delay_seconds: Option<u64>,
    /// The longest pause.
    pub max_delay_seconds: Option<u64>,
}

/// How to verify.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Signing {
    /// The one key.
    #[serde(default)]
    pub keyid: String,
    /// The scope.
    #[serde(default)]
    pub scope: String,
    /// Files that are not verified.
    #[serde(default)]
    pub exclude_files: Vec<String>,
}

/// Where something is sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reported {
    /// Which service.
    pub service: String,
    /// A part of the path.
    #[serde(default)]
    pub partition_name: String,
}

impl Config {
    /// Reads a file, YAML.
    ///
    /// # Errors
    /// When it is not one, or names a service or key that it does not have.
    pub fn read(text: &str) -> Result<Self> {
        let config: Self = yaml_serde::from_str(text).context("reading an OPA's configuration")?;
        for (name, source) in &config.bundles {
            ensure!(config.services.contains_key(&source.service), "bundle {name}: there is no service {}", source.service);
            if let Some(signing) = source.signing.as_ref().filter(|signing| !signing.keyid.is_empty()) {
                ensure!(config.keys.contains_key(&signing.keyid), "bundle {name}: there is no key {}", signing.keyid);
            }
        }
        Ok(config)
    }

    /// How the bundle of that name is verified: not at all without keys and without a `signing` section.
    pub fn verification(&self, bundle: &str) -> Option<Verification> {
        let signing = self.bundles.get(bundle).and_then(|source| source.signing.clone());
        if self.keys.is_empty() && signing.is_none() {
            return None;
        }
        let Signing { keyid, scope, exclude_files } = signing.unwrap_or_default();
        Some(Verification { keys: self.keys.clone(), key_id: keyid, scope, exclude: exclude_files })
    }
}
