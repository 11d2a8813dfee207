//! Asking an engine.

use std::path::PathBuf;

use ::http::{HeaderValue, Method, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use url::{Host, Url};

use super::{KeyName, TransitError, Unfit, answer, token::TokenFile};
use crate::http::{Guarded, Limits, Reach};

/// Which engine, and how it is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where Vault or OpenBao is: `https://vault.example.com:8200`. Plain HTTP is for loopback only.
    pub address: Url,
    /// A file with the token, which may be replaced at any time.
    pub token_file: PathBuf,
    /// The namespace, where there are some.
    pub namespace: Option<String>,
    /// Certificates in PEM: with them the server's has to come from one of these authorities, whatever the system trusts.
    pub authorities: Option<Vec<u8>>,
    /// Bounds of one call.
    pub limits: Limits,
}

/// A Transit engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Transit {
    http: Guarded,
    address: Url,
    token: TokenFile,
    namespace: Option<HeaderValue>,
}

impl Transit {
    /// A client; nothing is called yet.
    ///
    /// # Errors
    /// For an address that is neither `https` nor on loopback or has a path, a namespace that fits in no header, or certificates that cannot be
    /// read.
    pub fn new(settings: Settings) -> Result<Self, Unfit> {
        let Settings { address, token_file, namespace, authorities, limits } = settings;
        let loopback = match address.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        let secure = address.scheme() == "https";
        let safe = secure || (loopback && address.scheme() == "http");
        if !safe || address.path() != "/" || address.query().is_some() || address.fragment().is_some() {
            return Err(Unfit::Address);
        }
        // The operator named this address on the command line: it may lie in their own network.
        let reach = Reach { allow_loopback: loopback, allow_private: secure };
        let http = match &authorities {
            Some(pem) => Guarded::trusting(reach, limits, pem).map_err(|_| Unfit::Authorities)?,
            None => Guarded::new(reach, limits).map_err(|_| Unfit::Tls)?,
        };
        http.check(&address).map_err(|_| Unfit::Address)?;
        let namespace = namespace.map(|namespace| HeaderValue::from_str(&namespace).map_err(|_| Unfit::Namespace)).transpose()?;
        Ok(Self { http, address, token: TokenFile(token_file), namespace })
    }

    /// The public half of a key, SPKI in PEM, and the key with its version: the newest unless one is named.
    ///
    /// # Errors
    /// [`TransitError`].
    pub async fn public(&self, name: &KeyName) -> Result<(KeyName, String), TransitError> {
        let response = self.call(Method::GET, &format!("{}/keys/{}", name.mount, name.name), Vec::new()).await?;
        let (version, pem) = answer::public_half(name, response.status().as_u16(), response.body())?;
        Ok((name.at(version), pem))
    }

    /// A signature over `message`: ECDSA P-256 with SHA-256, ASN.1 DER. The key's version has to be named.
    ///
    /// # Errors
    /// [`TransitError`].
    pub async fn sign(&self, name: &KeyName, message: &[u8]) -> Result<Vec<u8>, TransitError> {
        let version = name.version().ok_or_else(|| TransitError::NoSuchKey(format!("{name} names no version")))?;
        let body = json!({
            "input": STANDARD.encode(message),
            "key_version": version,
            "hash_algorithm": "sha2-256",
            "marshaling_algorithm": "asn1",
            "prehashed": false,
        });
        let response = self.call(Method::POST, &format!("{}/sign/{}", name.mount, name.name), body.to_string().into_bytes()).await?;
        answer::signature(name, version, response.status().as_u16(), response.body())
    }

    async fn call(&self, method: Method, path: &str, body: Vec<u8>) -> Result<::http::Response<Vec<u8>>, TransitError> {
        let url = self.address.join(&format!("/v1/{path}")).map_err(|error| TransitError::Malformed(error.to_string()))?;
        let mut request = ::http::Request::builder()
            .method(method)
            .uri(url.as_str())
            .header("x-vault-token", self.token.read().await?)
            .header("x-vault-request", "true")
            .header(header::ACCEPT, "application/json");
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        let request = request.body(body).map_err(|error| TransitError::Malformed(error.to_string()))?;
        Ok(self.http.call(request).await?)
    }
}
