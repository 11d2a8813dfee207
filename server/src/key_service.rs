//! The key management service that signs with keys of tenants which lie there: a Transit engine of HashiCorp Vault or OpenBao.

use anyhow::{Context, Result, bail};
use bundle::PublicKey;
use control::{KeyService, Reference, ServiceError, ServiceKey};
use futures::FutureExt;
use futures::future::BoxFuture;
use outbound::http::Limits;
use outbound::transit::{KeyName, Settings, Transit, TransitError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// What stands before the colon of a reference.
const KIND: &str = "vault";
/// How long one call may take: a revocation makes up to four, one after the other.
const CALL: Duration = Duration::from_secs(5);
/// Longer than any answer with a signature or a key's versions.
const BODY: usize = 1 << 20;

/// Where a key management service is. Shared by all commands that sign.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct KeyServiceArgs {
    /// HashiCorp Vault or OpenBao, whose Transit engine signs with keys that lie there, for example <https://vault.example.com:8200>. Plain
    /// HTTP is for loopback only.
    #[arg(long, env = "WRIT_VAULT_ADDRESS", value_name = "URL", requires = "vault_token_file")]
    vault_address: Option<String>,
    /// File with the token for it, not readable by everybody. It is read for each call, so it may be replaced at any time.
    #[arg(long, env = "WRIT_VAULT_TOKEN_FILE", value_name = "FILE")]
    vault_token_file: Option<PathBuf>,
    /// Namespace in it.
    #[arg(long, env = "WRIT_VAULT_NAMESPACE", value_name = "NAME")]
    vault_namespace: Option<String>,
    /// Certificates in PEM: with them its certificate has to come from one of these authorities, and from no other.
    #[arg(long, env = "WRIT_VAULT_CA_FILE", value_name = "FILE")]
    vault_ca_file: Option<PathBuf>,
}

impl KeyServiceArgs {
    /// The service, if one is named. It is not called yet.
    ///
    /// # Errors
    /// Says what is wrong and what to do.
    pub(crate) fn service(&self) -> Result<Option<Arc<dyn KeyService>>> {
        let Some(given) = &self.vault_address else { return Ok(None) };
        let Some(token_file) = self.vault_token_file.clone() else { bail!("with --vault-address give --vault-token-file FILE") };
        let address = Url::parse(given).context("--vault-address is not a URL")?;
        let read = |file: &PathBuf| std::fs::read(file).with_context(|| format!("reading {}", file.display()));
        let authorities = self.vault_ca_file.as_ref().map(read).transpose()?;
        let limits = Limits { total: CALL, body: BODY, ..Limits::default() };
        let settings = Settings { address, token_file, namespace: self.vault_namespace.clone(), authorities, limits };
        let transit = Transit::new(settings).context("the key management service of --vault-address cannot be used")?;
        Ok(Some(Arc::new(Engine(transit))))
    }
}

/// A Transit engine as what use cases ask.
struct Engine(Transit);

fn named(reference: &Reference) -> Result<KeyName, ServiceError> {
    let (kind, rest) = reference.parts();
    if kind != KIND {
        return Err(ServiceError::NoSuchKey(format!("keys are called {KIND}:MOUNT/NAME, for example {KIND}:transit/acme-timestamp")));
    }
    KeyName::parse(rest).ok_or_else(|| ServiceError::NoSuchKey(format!("{rest} is not of the form MOUNT/NAME or MOUNT/NAME@VERSION")))
}

fn failed(error: TransitError) -> ServiceError {
    use outbound::OutboundError;
    match error {
        TransitError::Http(OutboundError::TimedOut) => ServiceError::TimedOut,
        TransitError::NoSuchKey(why) => ServiceError::NoSuchKey(why),
        TransitError::Refused { said, .. } => ServiceError::Refused(said),
        other => ServiceError::Failed(other.to_string()),
    }
}

impl KeyService for Engine {
    fn key<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<ServiceKey, ServiceError>> {
        async move {
            let (pinned, pem) = self.0.public(&named(reference)?).await.map_err(failed)?;
            let unreadable = || ServiceError::Failed("has a public key that cannot be read".to_owned());
            let public = PublicKey::from_pem(&pem).map_err(|_| unreadable())?;
            let reference = Reference::parse(&format!("{KIND}:{pinned}")).ok_or_else(unreadable)?;
            Ok(ServiceKey { reference, public })
        }
        .boxed()
    }

    fn sign<'a>(&'a self, reference: &'a Reference, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, ServiceError>> {
        async move { self.0.sign(&named(reference)?, message).await.map_err(failed) }.boxed()
    }

    fn patience(&self) -> Duration {
        // The call has a bound of its own; this one is for what it may forget.
        CALL + Duration::from_secs(1)
    }
}
