//! Discovery: OpenID Connect Discovery 1.0.

use openidconnect::{
    AdditionalProviderMetadata, IssuerUrl, ProviderMetadata,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey, CoreJsonWebKeySet,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::SignInError;
use crate::{
    http::{Guarded, OutboundError},
    text::brief,
};

/// A provider as it describes itself, with its keys. Worth keeping for some minutes.
#[derive(Clone, Debug)]
pub struct Provider {
    pub(super) metadata: Metadata,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Extra {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    end_session_endpoint: Option<Url>,
}

impl AdditionalProviderMetadata for Extra {}

pub(super) type Metadata = ProviderMetadata<
    Extra,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Fetches the provider's metadata and keys. The document's `issuer` must equal `issuer`, character by character.
pub async fn discover(http: &Guarded, issuer: &str) -> Result<Provider, SignInError> {
    let address = Url::parse(issuer).map_err(|_| SignInError::Misconfigured("the issuer is not a URL".into()))?;
    if address.query().is_some() || address.fragment().is_some() {
        return Err(SignInError::Misconfigured("an issuer has neither query nor fragment".into()));
    }
    let document = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document = Url::parse(&document).map_err(|_| SignInError::Misconfigured("the issuer is not a URL".into()))?;
    let mut provider = Provider::described(issuer, http.get_json(&document).await?)?;
    // Where a browser will be sent: the same rule as for our own calls, as far as it can be told from here.
    http.check(provider.metadata.authorization_endpoint().url())?;
    provider.refresh_keys(http).await?;
    Ok(provider)
}

fn malformed(error: &serde_json::Error) -> SignInError {
    SignInError::IdpUnreachable(OutboundError::Malformed(brief(&error.to_string())))
}

impl Provider {
    /// A provider by its metadata document, still without keys.
    ///
    /// # Errors
    /// [`SignInError`]: another issuer, or no such document.
    pub fn described(issuer: &str, document: Value) -> Result<Self, SignInError> {
        // The issuer is compared first, so that a mistaken address is reported as that and not as a missing field.
        let found = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
        if found != issuer {
            return Err(SignInError::WrongIssuer { expected: issuer.into(), found: brief(found) });
        }
        serde_json::from_value(document).map(|metadata| Self { metadata }).map_err(|error| malformed(&error))
    }

    /// Holds the keys of this JWK set from now on, and no others.
    ///
    /// # Errors
    /// [`SignInError`]: it is none, or holds no usable key.
    pub fn hold_keys(&mut self, set: Value) -> Result<(), SignInError> {
        let keys: CoreJsonWebKeySet = serde_json::from_value(set).map_err(|error| malformed(&error))?;
        if keys.keys().is_empty() {
            return Err(OutboundError::Malformed("its key set holds no usable key".into()).into());
        }
        self.metadata = self.metadata.clone().set_jwks(keys);
        Ok(())
    }

    /// The issuer, exactly as configured.
    pub fn issuer(&self) -> &str {
        self.metadata.issuer()
    }

    /// Where a browser can be sent to end the provider's session as well.
    pub fn end_session_endpoint(&self) -> Option<&Url> {
        self.metadata.additional_metadata().end_session_endpoint.as_ref()
    }

    /// Checks the callback's `iss` parameter (RFC 9207), which tells an honest provider from another one's answer.
    pub fn check_response_issuer(&self, iss: Option<&str>) -> Result<(), SignInError> {
        let promised = self.metadata.additional_metadata().authorization_response_iss_parameter_supported;
        match iss {
            Some(iss) if iss == self.issuer() => Ok(()),
            None if !promised => Ok(()),
            other => Err(SignInError::WrongIssuer { expected: self.issuer().into(), found: brief(other.unwrap_or_default()) }),
        }
    }

    /// Fetches the provider's keys again.
    pub async fn refresh_keys(&mut self, http: &Guarded) -> Result<(), SignInError> {
        let set = http.get_json(self.metadata.jwks_uri().url()).await?;
        self.hold_keys(set)
    }

    pub(super) fn issuer_url(&self) -> &IssuerUrl {
        self.metadata.issuer()
    }
}
