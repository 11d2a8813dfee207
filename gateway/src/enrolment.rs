//! The first start: a one-time token is traded for an id, and the fingerprint in it becomes what all trust starts from.

use crate::config::Config;
use crate::data::Identity;
use crate::link::{LinkError, printable, read, refused, unreachable};
use serde::Deserialize;
use serde_json::json;
use token::PublicJwk;

/// The largest answer that is read, in bytes.
const LARGEST_ANSWER: u64 = 64 << 10;

/// An enrolment token: a secret, and the SHA-256 of the first root.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentToken {
    whole: String,
    root_sha256: String,
}

impl std::fmt::Debug for EnrolmentToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolmentToken").field("root_sha256", &self.root_sha256).finish_non_exhaustive()
    }
}

/// Enrolment failed. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// Not a token of ours.
    #[error("the enrolment token is not complete: copy the whole of it (wge_….…) from Delivery, Gateways, Add a gateway")]
    BadToken,
    /// Used, expired, revoked or unknown.
    #[error(
        "the control plane refused the enrolment token ({status}: {detail}): tokens work once and not for long, make a new one at Delivery, Gateways"
    )]
    TokenRefused {
        /// HTTP status.
        status: u16,
        /// What it said.
        detail: String,
    },
    /// Another server than the token's.
    #[error(
        "the control plane's root is {found}, the token names {expected}: this is not the server that made the token; check --control-plane, and tell whoever runs it"
    )]
    OtherRoot {
        /// In the token.
        expected: String,
        /// From the server.
        found: String,
    },
    /// Another tenant than the address says.
    #[error("the token belongs to tenant {found:?}, --control-plane names {expected:?}: give the address of the token's tenant")]
    OtherTenant {
        /// In the address.
        expected: String,
        /// From the server.
        found: String,
    },
    /// The link.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl EnrolError {
    /// Whether waiting could help.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Link(LinkError::Unreachable(_) | LinkError::Refused { status: 500.., .. }))
    }
}

impl EnrolmentToken {
    /// Reads `wge_<43 base64url>.<64 hex>`.
    ///
    /// # Errors
    /// [`EnrolError::BadToken`].
    pub fn parse(text: &str) -> Result<Self, EnrolError> {
        let text = text.trim();
        let (secret, root) = text.strip_prefix("wge_").and_then(|rest| rest.split_once('.')).ok_or(EnrolError::BadToken)?;
        let url_safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if secret.len() != 43 || !secret.chars().all(url_safe) || root.len() != 64 || !root.chars().all(hex) {
            return Err(EnrolError::BadToken);
        }
        Ok(Self { whole: text.to_owned(), root_sha256: root.to_owned() })
    }

    /// The fingerprint that it pins.
    pub fn root_sha256(&self) -> &str {
        &self.root_sha256
    }

    /// Who we are, by what the control plane at `control_plane`, where we want `tenant`, answered to this token.
    ///
    /// # Errors
    /// [`EnrolError`]: another root or tenant than was meant, or what no control plane answers.
    pub fn identity(&self, control_plane: &str, tenant: &str, answer: &[u8]) -> Result<Identity, EnrolError> {
        let enrolled: Enrolled = serde_json::from_slice(answer).map_err(|_| LinkError::Unreadable("enroll"))?;
        if enrolled.root_sha256 != self.root_sha256 {
            return Err(EnrolError::OtherRoot { expected: self.root_sha256.clone(), found: printable(&enrolled.root_sha256) });
        }
        if enrolled.tenant != tenant {
            return Err(EnrolError::OtherTenant { expected: tenant.to_owned(), found: printable(&enrolled.tenant) });
        }
        // It becomes part of names: of our keys, and of our lines in other people's logs.
        let is_id = |text: &str| (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_id(&enrolled.gateway_id) {
            return Err(LinkError::Unreadable("enroll").into());
        }
        Ok(Identity {
            gateway_id: enrolled.gateway_id,
            name: printable(&enrolled.name),
            tenant: enrolled.tenant,
            // From the token, which came another way than the answer.
            root_sha256: self.root_sha256.clone(),
            control_plane: control_plane.to_owned(),
        })
    }
}

#[derive(Deserialize)]
struct Enrolled {
    gateway_id: String,
    name: String,
    tenant: String,
    root_sha256: String,
}

/// Trades `token` for an identity.
///
/// # Errors
/// [`EnrolError`].
pub async fn enrol(
    http: &reqwest::Client,
    config: &Config,
    tenant: &str,
    token: &EnrolmentToken,
    key: &PublicJwk,
) -> Result<Identity, EnrolError> {
    let body = json!({"token": token.whole, "name": config.name, "public_key": key});
    let request = http.post(format!("{}/delivery/enroll", config.control_plane)).json(&body).timeout(config.patience.request);
    let response = request.send().await.map_err(unreachable)?;
    if !response.status().is_success() {
        return Err(match refused("enroll", response).await {
            LinkError::Refused { status: status @ (400 | 401 | 403 | 404 | 409 | 410), detail, .. } => {
                EnrolError::TokenRefused { status, detail }
            }
            other => EnrolError::Link(other),
        });
    }
    token.identity(&config.control_plane, tenant, &read(response, LARGEST_ANSWER).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_whole_or_refused_and_never_shown() {
        let (secret, root) = ("A".repeat(43), "0a".repeat(32));
        let token = EnrolmentToken::parse(&format!(" wge_{secret}.{root}\n")).expect("whole");
        assert_eq!(token.root_sha256(), root);
        assert!(!format!("{token:?}").contains(&secret));
        for bad in [
            format!("wge_{secret}"),
            format!("wge_{secret}.{}", &root[1..]),
            format!("{secret}.{root}"),
            format!("wge_{secret}.{}", root.to_uppercase()),
        ] {
            assert!(matches!(EnrolmentToken::parse(&bad), Err(EnrolError::BadToken)), "{bad}");
        }
    }

    #[test]
    fn an_answer_names_us_and_changes_nothing_that_we_trust() {
        let root = "0a".repeat(32);
        let token = EnrolmentToken::parse(&format!("wge_{}.{root}", "A".repeat(43))).expect("whole");
        let answer = |gateway_id: &str, tenant: &str, root: &str| {
            json!({"gateway_id": gateway_id, "name": "gw\u{202e}-1", "tenant": tenant, "root_sha256": root}).to_string()
        };
        let identity = |answer: &str| token.identity("https://writ.example/t/acme", "acme", answer.as_bytes());
        let ours = identity(&answer("gw_1", "acme", &root)).expect("ours");
        assert_eq!((ours.gateway_id.as_str(), ours.name.as_str(), ours.root_sha256.as_str()), ("gw_1", "gw-1", root.as_str()));
        let other = identity(&answer("gw_1", "acme", "\u{1b}[31m")).expect_err("another root");
        assert!(matches!(&other, EnrolError::OtherRoot { found, .. } if found == "[31m"), "{other}");
        assert!(matches!(identity(&answer("gw_1", "umbrella", &root)), Err(EnrolError::OtherTenant { .. })));
        for no_id in ["", "gw 1", "gw/1", "gw_\n", &"g".repeat(65)] {
            assert!(matches!(identity(&answer(no_id, "acme", &root)), Err(EnrolError::Link(LinkError::Unreadable(_)))), "{no_id:?}");
        }
    }
}
