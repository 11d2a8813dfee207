//! Why nothing was imported.

use std::time::Duration;

use thiserror::Error;

use crate::http::OutboundError;

/// Why an import was refused. Nothing of it was kept. `Display` is a sentence that can be shown.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ImportError {
    /// The server could not be asked, or broke off.
    #[error("The MCP server {0}.")]
    Outbound(#[from] OutboundError),
    /// The server wants credentials, or other ones.
    #[error("The MCP server asks for credentials (status {0}).")]
    Unauthorized(u16),
    /// The address is that of one of Writ's gateways.
    #[error("A gateway of Writ answers at this address, not the server behind it.")]
    Gateway,
    /// The whole import took too long.
    #[error("The MCP server did not list its tools within {} seconds.", limit.as_secs_f32())]
    TooSlow {
        /// The bound.
        limit: Duration,
    },
    /// More tools than the bound.
    #[error("The MCP server offers more than {limit} tools; nothing was imported.")]
    TooManyTools {
        /// The bound.
        limit: usize,
    },
    /// More bytes, or pages, than the bound.
    #[error("The MCP server's list of tools is larger than {limit} {unit}; nothing was imported.")]
    TooLarge {
        /// The bound.
        limit: usize,
        /// Of what: `bytes` or `pages`.
        unit: &'static str,
    },
    /// One tool breaks a rule.
    #[error("Tool number {number} (“{name}”) {problem}; nothing was imported.")]
    BadTool {
        /// Its place in the list, counted from 1.
        number: usize,
        /// Its name, made visible and cut.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The server answered with a JSON-RPC error.
    #[error("The MCP server refused: {message} (code {code}).")]
    Refused {
        /// The JSON-RPC code.
        code: i64,
        /// The server's words, made visible and cut.
        message: String,
    },
    /// The server does not speak MCP as specified.
    #[error("This does not look like an MCP server: {0}.")]
    Protocol(String),
}

impl ImportError {
    /// The stable name of the kind.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Outbound(cause) => cause.code(),
            Self::Unauthorized(_) => "unauthorized",
            Self::Gateway => "is_a_gateway",
            Self::TooSlow { .. } => "too_slow",
            Self::TooManyTools { .. } => "too_many_tools",
            Self::TooLarge { .. } => "catalogue_too_large",
            Self::BadTool { .. } => "bad_tool",
            Self::Refused { .. } => "refused_by_server",
            Self::Protocol(_) => "not_mcp",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Outbound(cause) => cause.remedy(),
            Self::Unauthorized(_) => "Give Writ a credential for this server, or let the server accept Writ.",
            Self::Gateway => {
                "Resource and upstream look swapped: the resource is the address at the gateway, the upstream is where the real server listens."
            }
            Self::TooSlow { .. } => "Check that the server runs and is not overloaded, then import again.",
            Self::TooManyTools { .. } | Self::TooLarge { .. } => {
                "Ask the server's owner whether this is meant; a server of that size should be split."
            }
            Self::BadTool { .. } => "Ask the server's owner to correct that tool, then import again.",
            Self::Refused { .. } => "Look into the server's own log.",
            Self::Protocol(_) => "Check that the address is the server's MCP endpoint (it often ends in /mcp).",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ImportError, OutboundError};

    #[test]
    fn each_cause_reads_as_a_sentence() {
        let said = |cause: OutboundError| ImportError::from(cause).to_string();
        for (cause, sentence) in [
            (OutboundError::RefusedAddress, "The MCP server is at an address that this installation may not call."),
            (
                OutboundError::RefusedScheme("http".into()),
                "The MCP server is at an address that begins with http:, which is not allowed here; use https.",
            ),
            (OutboundError::Unreachable("connection refused".into()), "The MCP server could not be reached by Writ: connection refused."),
            (OutboundError::TimedOut, "The MCP server did not answer in time."),
            (OutboundError::TooLarge { limit: 9 }, "The MCP server answered with more than 9 bytes."),
            (OutboundError::BadStatus(404), "The MCP server answered with status 404."),
            (OutboundError::Malformed("no JSON".into()), "The MCP server answered with something unexpected: no JSON."),
        ] {
            assert_eq!(said(cause), sentence);
        }
    }
}
