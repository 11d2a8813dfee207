//! TLS of the gateway's own listener: certificate and key from files, taken up again when these change.

use crate::config::TlsFiles;
use crate::config::secret::{self, Watched};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsAcceptor;

/// Reads and checks certificate and key.
///
/// # Errors
/// What is wrong with them, with its remedy; never what is in them.
pub fn server_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, String> {
    let (chain, key) = (certificates(&files.cert)?, private_key(&files.key)?);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let config = config.with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.map_err(|error| format!("{} does not fit {}: {error}", files.key.display(), files.cert.display()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The certificates in a PEM file.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(format!("{} holds no PEM certificate", path.display())),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&secret::read(path)?).map_err(|_| format!("{} holds no PEM private key", path.display()))
}

/// What takes connections in.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    watched: [Watched; 2],
    config: Mutex<Arc<ServerConfig>>,
}

impl Tls {
    /// From files that were checked at the start.
    ///
    /// # Errors
    /// What is wrong with them by now.
    pub fn new(files: TlsFiles) -> Result<Self, String> {
        let watched = [Watched::new(&files.cert), Watched::new(&files.key)];
        let config = Mutex::new(server_config(&files)?);
        Ok(Self { files, watched, config })
    }

    /// For the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Takes up files that changed. What does not fit together, as in the middle of a renewal, is left for the next time.
    pub fn renew(&self) {
        // Both are asked, so that both count as seen.
        let changed = self.watched.iter().filter(|file| file.changed()).count();
        if changed == 0 {
            return;
        }
        match server_config(&self.files) {
            Ok(config) => {
                *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
                tracing::info!(cert = %self.files.cert.display(), "the listener's certificate was read again");
            }
            Err(why) => tracing::error!(why, "the listener's changed certificate cannot be used; the one before stays"),
        }
    }
}
