//! What a verifier found wrong, and where.

use std::fmt;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Content differs from what was logged or exported.
    Edited,
    /// An event is gone.
    Dropped,
    /// An event stands in another place, or twice.
    Reordered,
    /// The export ends before its end.
    Truncated,
    /// It is of another tenant, or signed by another key.
    Foreign,
    /// The log's checkpoint does not hold.
    BadCheckpoint,
    /// Too few witnesses cosigned the log.
    NotWitnessed,
    /// It cannot be read.
    Malformed,
}

impl Kind {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Dropped => "dropped",
            Self::Reordered => "reordered",
            Self::Truncated => "truncated",
            Self::Foreign => "foreign",
            Self::BadCheckpoint => "bad_checkpoint",
            Self::NotWitnessed => "not_witnessed",
            Self::Malformed => "malformed",
        }
    }
}

/// The first thing wrong with an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Line, from 1.
    pub line: u64,
    /// What kind of thing.
    pub kind: Kind,
    /// Says it in words.
    pub detail: String,
}

impl Finding {
    pub(super) fn new(line: u64, kind: Kind, detail: impl Into<String>) -> Self {
        Self { line, kind, detail: detail.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {}", self.line, self.kind.code(), self.detail)
    }
}

impl std::error::Error for Finding {}
