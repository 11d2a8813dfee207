//! How much of a tool's description nobody here can have read.

use super::servers::ImportedTool;
use store::Tool;

/// The shortest description, in bytes, that can have been cut: what is kept is cut at 4 KiB, between characters of at most four bytes.
const MAY_BE_CUT: usize = 4 * 1024 - 3;

/// The part of a description that was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// None: all of it is kept.
    Nothing,
    /// So many characters.
    Chars {
        /// How long the description is in all, in characters.
        of: u64,
        /// How many of these were not kept.
        unread: u64,
    },
    /// It was read when nobody counted, and it is as long as one that was cut.
    Unknown,
}

/// What of this tool's description was not kept.
pub fn unread(tool: &Tool) -> Unread {
    let number = |column: Option<i64>| column.and_then(|count| u64::try_from(count).ok());
    match (number(tool.description_chars), number(tool.description_unread)) {
        (Some(_), Some(0)) => Unread::Nothing,
        (Some(of), Some(unread)) => Unread::Chars { of, unread },
        _ if tool.description.len() >= MAY_BE_CUT => Unread::Unknown,
        _ => Unread::Nothing,
    }
}

/// Both numbers as columns hold them: characters in all, and of these those that were not kept.
pub(super) fn columns(tool: &ImportedTool) -> (Option<i64>, Option<i64>) {
    let number = |count| Some(i64::try_from(count).unwrap_or(i64::MAX));
    (number(tool.description_chars), number(tool.description_unread))
}
