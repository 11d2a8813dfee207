//! From a code to an identity: OpenID Connect Core 1.0, sections 3.1.3.1 to 3.1.3.7.

use chrono::{DateTime, Utc};
use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, ClientId, IdTokenVerifier, Nonce, RequestTokenError, SignatureVerificationError,
    TokenResponse,
    core::{CoreJsonWebKey, CoreJwsSigningAlgorithm},
};

use super::{
    ClientConfig, Flow, Identity, Provider, SignInError,
    client::{TokenAnswer, relying, verifier},
};
use crate::{
    http::{Guarded, OutboundError},
    text::brief,
};

/// How far the provider's clock may be ahead of ours, in seconds.
const AHEAD: i64 = 120;

/// What ID tokens may be signed with: public-key algorithms only, so neither `none` nor one that takes our client
/// secret for a key.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
];

/// Redeems the code and verifies the ID token: signature, issuer, audience, authorized party, expiry at `now`
/// (unix seconds), nonce. When the token names a key that `provider` does not hold, the keys are fetched once more.
pub async fn exchange(
    http: &Guarded,
    provider: &Provider,
    config: &ClientConfig,
    code: &str,
    flow: &Flow,
    now: i64,
) -> Result<Identity, SignInError> {
    // Owned, not borrowed: a closure over a reference makes a future that callers on many threads cannot hold.
    let client = http.clone();
    let call = move |request| {
        let client = client.clone();
        async move { client.call(request).await }
    };
    let answer = relying(provider, config)?
        .exchange_code(AuthorizationCode::new(code.into()))
        .map_err(|_| SignInError::IdpUnreachable(OutboundError::Malformed("it names no token endpoint".into())))?
        .set_pkce_verifier(verifier(flow)?)
        .request_async(&call)
        .await
        .map_err(|error| match error {
            RequestTokenError::ServerResponse(answer) => SignInError::TokenExchangeFailed {
                error: brief(answer.error().as_ref()),
                description: brief(answer.error_description().map_or("", String::as_str)),
            },
            RequestTokenError::Request(cause) => SignInError::IdpUnreachable(cause),
            RequestTokenError::Parse(cause, _) => SignInError::Malformed(brief(&cause.to_string())),
            RequestTokenError::Other(cause) => SignInError::Malformed(brief(&cause)),
        })?;
    match judge(provider, config, flow, &answer, now) {
        Err(Failure::UnknownKey) => {
            let mut rotated = provider.clone();
            rotated.refresh_keys(http).await?;
            verify(&rotated, config, flow, &answer, now)
        }
        verdict => verdict.map_err(SignInError::from),
    }
}

/// Verifies the ID token in a token response, by the keys that `provider` holds: the second half of [`exchange`].
///
/// # Errors
/// [`SignInError`].
pub fn verify(provider: &Provider, config: &ClientConfig, flow: &Flow, answer: &TokenAnswer, now: i64) -> Result<Identity, SignInError> {
    judge(provider, config, flow, answer, now).map_err(SignInError::from)
}

enum Failure {
    UnknownKey,
    Final(SignInError),
}

impl From<Failure> for SignInError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::UnknownKey => Self::BadSignature("the provider publishes no such key".into()),
            Failure::Final(error) => error,
        }
    }
}

fn judge(provider: &Provider, config: &ClientConfig, flow: &Flow, answer: &TokenAnswer, now: i64) -> Result<Identity, Failure> {
    let fail = |error| Err(Failure::Final(error));
    let Some(token) = answer.id_token() else {
        return fail(SignInError::Malformed("the token response carries no ID token".into()));
    };
    let Some(time) = DateTime::<Utc>::from_timestamp(now, 0) else {
        return fail(SignInError::Expired);
    };
    // A public client's verifier: the secret is no key for anything.
    let verifier = IdTokenVerifier::<CoreJsonWebKey>::new_public_client(
        ClientId::new(config.client_id.clone()),
        provider.issuer_url().clone(),
        provider.metadata.jwks().clone(),
    )
    .set_allowed_algs(ALGORITHMS)
    .set_time_fn(move || time)
    .set_issue_time_verifier_fn(move |issued| {
        if issued.timestamp() <= now.saturating_add(AHEAD) { Ok(()) } else { Err("issued in the future".into()) }
    });
    let claims = token.claims(&verifier, &Nonce::new(flow.nonce.clone())).map_err(|error| match error {
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => Failure::UnknownKey,
        ClaimsVerificationError::SignatureVerification(cause) => Failure::Final(SignInError::BadSignature(brief(&cause.to_string()))),
        ClaimsVerificationError::Expired(_) => Failure::Final(SignInError::Expired),
        ClaimsVerificationError::InvalidNonce(_) => Failure::Final(SignInError::WrongNonce),
        ClaimsVerificationError::InvalidAudience(_) => Failure::Final(SignInError::WrongAudience),
        ClaimsVerificationError::InvalidIssuer(_) => {
            Failure::Final(SignInError::WrongIssuer { expected: provider.issuer().into(), found: claimed_issuer(answer) })
        }
        other => Failure::Final(SignInError::Malformed(brief(&other.to_string()))),
    })?;
    if claims.authorized_party().is_some_and(|party| party.as_str() != config.client_id) {
        return fail(SignInError::WrongAudience);
    }
    if claims.subject().is_empty() || claims.subject().len() > 255 {
        return fail(SignInError::Malformed("the subject is empty or longer than 255 characters".into()));
    }
    Ok(Identity::from_claims(claims, &config.groups_claim))
}

/// What an unverified token calls its issuer, for the error message only.
fn claimed_issuer(answer: &TokenAnswer) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let token = answer.id_token().map(ToString::to_string).unwrap_or_default();
    let claims = token
        .split('.')
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok())
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    brief(claims.as_ref().and_then(|claims| claims.get("iss")?.as_str()).unwrap_or_default())
}
