//! How each MCP server is reached: with which certificate, which credential, how long it is waited for.

use crate::config;
use crate::config::secret::{self, Watched};
use http::{HeaderName, HeaderValue};
use reqwest::tls::{Certificate, Identity};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// How often a credential's file is looked at.
const LOOK_EVERY_MS: i64 = 1_000;

/// One MCP server, as the gateway reaches it.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Opens connections.
    pub(crate) http: reqwest::Client,
    /// What it is shown beside the assertion.
    pub(crate) credential: Option<Credential>,
    /// How long it may take to begin its answer.
    pub(crate) answer: Duration,
    /// Largest message, if less than for all.
    pub(crate) body_bytes: Option<usize>,
}

/// A credential that is read again when its file changes.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) header: HeaderName,
    file: Watched,
    value: Mutex<(HeaderValue, i64)>,
}

impl Credential {
    fn read(path: &Path) -> Result<HeaderValue, String> {
        let bytes = secret::read(path)?;
        let mut value = HeaderValue::from_bytes(bytes.trim_ascii())
            .ok()
            .filter(|value| !value.is_empty())
            .ok_or_else(|| format!("{} holds nothing that can be the value of a header", path.display()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn new(credential: &config::Credential) -> Result<Self, String> {
        let file = Watched::new(&credential.file);
        let value = Mutex::new((Self::read(&credential.file)?, i64::MIN));
        Ok(Self { header: credential.header.clone(), file, value })
    }

    /// The value now. While its file cannot be used, the one before stays.
    pub(crate) fn value(&self, now_ms: i64) -> HeaderValue {
        let mut kept = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        if now_ms.saturating_sub(kept.1) >= LOOK_EVERY_MS || now_ms < kept.1 {
            kept.1 = now_ms;
            if self.file.changed() {
                match Self::read(self.file.path()) {
                    Ok(value) => kept.0 = value,
                    Err(why) => tracing::error!(why, "a changed credential cannot be used; the one before stays"),
                }
            }
        }
        kept.0.clone()
    }
}

impl Upstream {
    fn new(settings: &config::Upstream, on_this_host: bool) -> Result<Self, String> {
        let mut http = crate::link::builder(on_this_host).connect_timeout(settings.connect);
        if let Some(ca) = &settings.ca {
            let mut authorities = Vec::new();
            for certificate in crate::tls::certificates(ca)? {
                let usable = Certificate::from_der(&certificate);
                authorities.push(usable.map_err(|_| format!("{} holds a certificate that cannot be used", ca.display()))?);
            }
            http = http.tls_certs_only(authorities);
        }
        if let Some(own) = &settings.mtls {
            let mut pem = std::fs::read(&own.cert).map_err(|error| format!("{} cannot be read: {error}", own.cert.display()))?;
            pem.push(b'\n');
            pem.extend(secret::read(&own.key)?);
            let identity = Identity::from_pem(&pem);
            let unfit = || format!("{} and {} are no certificate and its key in PEM", own.cert.display(), own.key.display());
            http = http.identity(identity.map_err(|_| unfit())?);
        }
        Ok(Self {
            http: http.build().map_err(|error| format!("TLS cannot be set up with these files: {error}"))?,
            credential: settings.credential.as_ref().map(Credential::new).transpose()?,
            answer: settings.answer,
            body_bytes: settings.body_bytes,
        })
    }
}

/// What is wrong with the files that an upstream's settings name.
pub fn problems(settings: &config::Upstream) -> Vec<String> {
    Upstream::new(settings, false).err().into_iter().collect()
}

/// All MCP servers.
#[derive(Debug)]
pub(crate) struct Upstreams {
    own: HashMap<String, Arc<Upstream>>,
    here: Arc<Upstream>,
    elsewhere: Arc<Upstream>,
    /// Addresses as policy writes them, read once: each call names one.
    addresses: Mutex<HashMap<String, Arc<Address>>>,
}

/// More addresses than this at once are those of policies that are no longer in force.
const ADDRESSES: usize = 10_000;

/// Where an MCP server is, and how it is reached.
#[derive(Debug)]
struct Address {
    url: Url,
    on_this_host: bool,
}

impl Upstreams {
    /// From settings that were checked at the start.
    ///
    /// # Errors
    /// What is wrong with the files by now.
    pub(crate) fn new(settings: &BTreeMap<String, config::Upstream>) -> Result<Self, String> {
        let mut own = HashMap::new();
        for (resource, settings) in settings {
            own.insert(resource.clone(), Arc::new(Upstream::new(settings, false)?));
        }
        let plain = config::Upstream::default();
        let (here, elsewhere) = (Arc::new(Upstream::new(&plain, true)?), Arc::new(Upstream::new(&plain, false)?));
        Ok(Self { own, here, elsewhere, addresses: Mutex::default() })
    }

    /// How to reach `address`, which is what policy says for `resource`, and the address itself; `None` if that is none.
    pub(crate) fn of(&self, resource: &str, address: &str) -> Option<(&Arc<Upstream>, Url)> {
        let address = self.address(address)?;
        let other = || if address.on_this_host { &self.here } else { &self.elsewhere };
        Some((self.own.get(resource).unwrap_or_else(other), address.url.clone()))
    }

    fn address(&self, text: &str) -> Option<Arc<Address>> {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = addresses.get(text) {
            return Some(Arc::clone(known));
        }
        let url = Url::parse(text).ok()?;
        let address = Arc::new(Address { on_this_host: crate::link::is_on_this_host(&url), url });
        if addresses.len() >= ADDRESSES {
            addresses.clear();
        }
        addresses.insert(text.to_owned(), Arc::clone(&address));
        Some(address)
    }

    /// The bound on messages that is particular to `resource`.
    pub(crate) fn body_bytes(&self, resource: &str) -> Option<usize> {
        self.own.get(resource)?.body_bytes
    }
}
