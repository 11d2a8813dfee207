//! Answers that say no, so that a client can act on them and a person can understand them.

use super::metadata::metadata_url;
use axum::body::Body;
use axum::response::Response;
use chrono::DateTime;
use enforce::rpc::{DENIED, METHOD_NOT_FOUND, UNSUPPORTED_REVISION, Unreadable};
use enforce::{Cause, Challenge, ChallengeError, Outcome};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use policy::Reason;
use serde_json::{Value, json};
use std::sync::atomic::AtomicU64;

/// Which request is being answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) public_url: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) request_id: &'a str,
    /// The JSON-RPC id.
    pub(crate) rpc_id: Option<&'a Value>,
    /// When it came, Unix seconds.
    pub(crate) now: i64,
    /// Whether it is of the revision in which each request stands alone.
    pub(crate) stateless: bool,
    /// Nanoseconds that were spent waiting for client and MCP server.
    pub(crate) waited: &'a AtomicU64,
}

/// What became of a request, for the metrics. Travels with the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcomes {
    /// `allow`, `deny` (policy or an obligation) or `refuse` (nothing that policy was asked about).
    pub(crate) decision: &'static str,
    pub(crate) reason: &'static str,
}

impl Outcomes {
    pub(crate) const ALLOWED: Self = Self { decision: "allow", reason: "allowed" };

    fn noted(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }
}

/// A JSON-RPC error as an HTTP response.
pub(crate) fn rpc_error(status: StatusCode, id: Option<&Value>, code: i64, message: &str, data: &Value) -> Response {
    let body = json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message, "data": data}});
    json_response(status, &body)
}

/// A JSON response that nobody stores.
pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A refusal that has nothing to do with policy.
pub(crate) fn plain(status: StatusCode, about: &About<'_>, reason: &'static str, remedy: &str) -> Response {
    let data = json!({"reason": reason, "remedy": remedy, "request_id": about.request_id});
    Outcomes { decision: "refuse", reason }.noted(rpc_error(status, about.rpc_id, DENIED, remedy, &data))
}

/// A message that cannot be read in one way only.
pub(crate) fn unreadable(about: &About<'_>, why: &Unreadable) -> Response {
    let mut data = json!({"request_id": about.request_id});
    if why.code == UNSUPPORTED_REVISION {
        data["supported"] = json!(enforce::rpc::REVISIONS);
    }
    let response = rpc_error(StatusCode::BAD_REQUEST, why.id.as_ref(), why.code, &why.why, &data);
    Outcomes { decision: "refuse", reason: "unreadable" }.noted(response)
}

/// The refusal that an outcome is; `None` if it allows.
pub(crate) fn refusal(about: &About<'_>, outcome: &Outcome) -> Option<Response> {
    let cause = outcome.cause()?;
    let mut data = json!({"reason": cause.code(), "remedy": cause.remedy(), "request_id": about.request_id});
    if let Cause::ArgumentsRefused { what } = cause {
        data["what"] = json!(what);
    }
    let (status, challenge) = match outcome {
        Outcome::Allow { .. } => return None,
        Outcome::Challenge(challenge) => (StatusCode::UNAUTHORIZED, Some(unauthorized(about, challenge))),
        Outcome::Forbidden { scope, cause } => {
            data["scope"] = json!(scope);
            (StatusCode::FORBIDDEN, Some(forbidden(about, scope, cause)))
        }
        Outcome::Denied(cause) => (denied_status(cause), None),
    };
    if let Cause::RateLimited { counted, .. } = cause {
        data["limit"] = json!(counted.as_str());
    }
    // A client of that revision tells by these that there is no such method, and may do without.
    let (status, code) = match cause {
        Cause::Policy(Reason::UnknownMethod) if about.stateless => (StatusCode::NOT_FOUND, METHOD_NOT_FOUND),
        _ => (status, DENIED),
    };
    let mut response =
        Outcomes { decision: "deny", reason: cause.code() }.noted(rpc_error(status, about.rpc_id, code, cause.remedy(), &data));
    if let Some(value) = challenge.and_then(|challenge| HeaderValue::from_str(&challenge).ok()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    if let Some(seconds) = retry_after(cause) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Some(response)
}

const fn denied_status(cause: &Cause) -> StatusCode {
    match cause {
        Cause::RateLimited { .. } | Cause::TooManyAtOnce { .. } => StatusCode::TOO_MANY_REQUESTS,
        Cause::Closed | Cause::DefinitionUnknown | Cause::Policy(Reason::BehindRevocations) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    }
}

fn retry_after(cause: &Cause) -> Option<u64> {
    match cause {
        Cause::RateLimited { retry_after_ms, .. } => u64::try_from(*retry_after_ms).ok().map(|ms| ms.div_ceil(1000)),
        Cause::Policy(Reason::BehindRevocations) | Cause::TooManyAtOnce { .. } => Some(1),
        Cause::Closed | Cause::DefinitionUnknown => Some(5),
        _ => None,
    }
}

fn unauthorized(about: &About<'_>, challenge: &Challenge) -> String {
    let mut parts = Parts::default();
    match &challenge.error {
        None => {}
        Some(ChallengeError::InvalidToken) => {
            parts.add("error", "invalid_token");
            parts.add("error_description", challenge.cause.remedy());
        }
        Some(ChallengeError::StepUp(step_up)) => {
            parts.add("error", "insufficient_user_authentication");
            parts.add("error_description", challenge.cause.remedy());
            if let Some(seconds) = step_up.max_age {
                parts.add("max_age", &seconds.to_string());
            }
            if let Some(acr) = &step_up.acr {
                parts.add("acr_values", acr);
            }
        }
    }
    parts.add("resource_metadata", &metadata_url(about.public_url, about.resource));
    if !challenge.scopes.is_empty() {
        parts.add("scope", &challenge.scopes.join(" "));
    }
    parts.finish()
}

fn forbidden(about: &About<'_>, scope: &str, cause: &Cause) -> String {
    let mut parts = Parts::default();
    parts.add("error", "insufficient_scope");
    parts.add("scope", scope);
    parts.add("resource_metadata", &metadata_url(about.public_url, about.resource));
    parts.add("error_description", cause.remedy());
    // Some clients give up on a challenge that they have seen before, and would go on to do so after somebody approved what was missing.
    // The minute tells a new attempt from a repeated one, and still ends a loop.
    parts.add("as_of", &minute(about.now));
    parts.finish()
}

/// RFC 3339, to the minute.
fn minute(now: i64) -> String {
    DateTime::from_timestamp(now, 0).map_or_else(String::new, |at| at.format("%Y-%m-%dT%H:%MZ").to_string())
}

/// The parameters of a `WWW-Authenticate` challenge.
#[derive(Default)]
struct Parts(String);

impl Parts {
    /// RFC 6750 keeps quotes and backslashes out of values; whatever is not printable ASCII goes as well.
    fn add(&mut self, name: &str, value: &str) {
        let value: String = value.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
        let separator = if self.0.is_empty() { "" } else { ", " };
        self.0.push_str(&format!("{separator}{name}=\"{value}\""));
    }

    fn finish(self) -> String {
        format!("Bearer {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use enforce::StepUp;

    static WAITED: AtomicU64 = AtomicU64::new(0);
    const ABOUT: About<'_> = About {
        public_url: "http://h:1",
        resource: "http://h:1/mcp/a",
        request_id: "req_1",
        rpc_id: None,
        now: 1_800_000_030,
        stateless: false,
        waited: &WAITED,
    };

    fn answered(outcome: &Outcome) -> (u16, String) {
        let response = refusal(&ABOUT, outcome).expect("a refusal");
        let challenge = response.headers().get(WWW_AUTHENTICATE).map_or("", |value| value.to_str().expect("text"));
        (response.status().as_u16(), challenge.to_owned())
    }

    fn challenge(error: Option<ChallengeError>, cause: Cause) -> Outcome {
        Outcome::Challenge(Challenge { error, cause, scopes: vec!["a.read".into(), "b.read".into()] })
    }

    #[test]
    fn challenges_have_the_form_of_their_specifications() {
        let metadata = "resource_metadata=\"http://h:1/.well-known/oauth-protected-resource/mcp/a\"";
        assert_eq!(answered(&challenge(None, Cause::TokenMissing)), (401, format!("Bearer {metadata}, scope=\"a.read b.read\"")));
        let (status, text) = answered(&challenge(Some(ChallengeError::InvalidToken), Cause::Policy(Reason::TokenExpired)));
        assert_eq!(status, 401);
        assert!(text.starts_with("Bearer error=\"invalid_token\", error_description=\"Refresh the token, or sign in again.\", "), "{text}");
        let step_up = StepUp { max_age: Some(300), acr: Some("urn:x:\"mfa\"".into()) };
        let (status, text) = answered(&challenge(Some(ChallengeError::StepUp(step_up)), Cause::Policy(Reason::AuthenticationTooOld)));
        assert_eq!(status, 401);
        assert!(
            text.contains("error=\"insufficient_user_authentication\"") && text.contains("max_age=\"300\", acr_values=\"urn:x:mfa\""),
            "{text}"
        );
        let (status, text) = answered(&Outcome::Forbidden { scope: "a.write".into(), cause: Cause::Policy(Reason::ScopeNotHeld) });
        assert_eq!(status, 403);
        assert!(text.starts_with(&format!("Bearer error=\"insufficient_scope\", scope=\"a.write\", {metadata}, ")), "{text}");
        assert!(text.ends_with(", as_of=\"2027-01-15T08:00Z\""), "{text}");
    }

    #[test]
    fn a_denial_that_no_token_would_change_carries_no_challenge() {
        for (cause, status) in [
            (Cause::Policy(Reason::ToolDrifted), 403),
            (Cause::Policy(Reason::TenantBlocked), 403),
            (Cause::RateLimited { counted: policy::Counted::Tool, retry_after_ms: 1_500 }, 429),
            (Cause::TooManyAtOnce { streams: true }, 429),
            (Cause::DefinitionUnknown, 503),
            (Cause::Policy(Reason::BehindRevocations), 503),
            (Cause::Closed, 503),
        ] {
            assert_eq!(answered(&Outcome::Denied(cause.clone())), (status, String::new()), "{cause}");
        }
    }

    #[test]
    fn an_unknown_method_is_told_as_the_revision_wants() {
        let unknown = Outcome::Denied(Cause::Policy(Reason::UnknownMethod));
        assert_eq!(answered(&unknown).0, 403);
        let response = refusal(&About { stateless: true, ..ABOUT }, &unknown).expect("a refusal");
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.extensions().get(), Some(&Outcomes { decision: "deny", reason: "unknown_method" }));
    }

    #[test]
    fn every_reason_has_an_answer_that_fits_a_header() {
        for reason in Reason::ALL {
            let (status, text) = answered(&challenge(Some(ChallengeError::InvalidToken), Cause::Policy(*reason)));
            assert!(status == 401 && text.contains("error_description=\""), "{reason}: {text}");
        }
    }
}
