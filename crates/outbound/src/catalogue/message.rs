//! What a server sends back: a JSON-RPC message.

use serde::Deserialize;
use serde_json::Value;

use super::ImportError;
use crate::text::brief;

/// A message, as far as an answer is looked for in it.
#[derive(Debug, Deserialize)]
pub struct Message {
    id: Option<Value>,
    result: Option<Value>,
    error: Option<RpcError>,
}

#[derive(Debug, Deserialize)]
struct RpcError {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Value,
}

/// What a gateway answers to somebody who brings no token, whether or not it has a policy and knows the address.
const GATEWAY_REASONS: [&str; 3] = ["gateway_closed", "token_missing", "unknown_resource"];

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// [`ImportError::Protocol`] for what is none.
    pub fn read(body: &[u8]) -> Result<Self, ImportError> {
        serde_json::from_slice(body)
            .map_err(|error| ImportError::Protocol(format!("its answer is not JSON-RPC ({})", brief(&error.to_string()))))
    }

    /// Whether it ends the waiting for the answer to request `id`.
    pub fn ends(&self, id: u64) -> bool {
        self.is_about(id) && (self.result.is_some() || self.error.is_some())
    }

    /// Whether a gateway of Writ speaks, rather than a server: it says so by what it gives as the reason.
    pub fn is_of_a_gateway(&self) -> bool {
        self.error.as_ref().is_some_and(|error| {
            let reason = error.data["reason"].as_str().unwrap_or_default();
            error.data["remedy"].is_string() && GATEWAY_REASONS.contains(&reason)
        })
    }

    /// The error that it says, if it says one: code and words, made visible and cut.
    pub fn error(&self) -> Option<(i64, String)> {
        self.error.as_ref().map(|error| (error.code, brief(&error.message)))
    }

    /// What it answers to request `id`.
    ///
    /// # Errors
    /// [`ImportError::Protocol`] when it is no answer to that.
    pub fn into_result(self, id: u64) -> Result<Value, ImportError> {
        let about = self.is_about(id);
        self.result.filter(|_| about).ok_or_else(|| ImportError::Protocol("its answer belongs to no request".into()))
    }

    fn is_about(&self, id: u64) -> bool {
        self.id.as_ref().is_some_and(|answered| *answered == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_message_is_said_without_its_tricks() {
        let hostile = json!({"id": 1, "error": {"code": format!("\u{202e}{}", "x".repeat(100_000))}}).to_string();
        let said = Message::read(hostile.as_bytes()).expect_err("no number").to_string();
        assert!(!said.contains('\u{202e}') && said.len() < 1_000, "{said}");
    }

    #[test]
    fn an_answer_is_to_the_request() {
        let read = |message: serde_json::Value| Message::read(message.to_string().as_bytes()).expect("a message");
        assert_eq!(read(json!({"id": 7, "result": {"a": 1}})).into_result(7), Ok(json!({"a": 1})));
        for other in
            [json!({"id": "7", "result": {}}), json!({"id": 8, "result": {}}), json!({"result": {}}), json!({"id": 7, "result": null})]
        {
            assert!(!read(other.clone()).ends(7) && read(other.clone()).into_result(7).is_err(), "{other}");
        }
        assert!(Message::read(br#"{"id":7,"result":{},"result":{}}"#).is_err());
    }
}
