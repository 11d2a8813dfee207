//! The lines of an export as they are written and read.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::hash::{Hash, Salt};

/// The format's name, in the header.
pub const FORMAT: &str = "writ-audit-export/1";
/// Longest line that a verifier reads, in bytes, newline included.
pub const MAX_LINE: usize = 4 * 1024 * 1024;

/// The most checkpoints with cosignatures in a header.
pub const MAX_SEEN: usize = 16;

/// What an export says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// The tenant's slug.
    pub tenant: String,
    /// What was asked for, in words or as a query; empty when everything was.
    pub filter: String,
    /// Whether every event of the log is here, from the first to the checkpoint's last.
    pub complete: bool,
    /// Unix milliseconds.
    pub exported_at_ms: i64,
    /// The log's checkpoint that all proofs lead to, as a signed note.
    pub checkpoint: String,
    /// The log's key in note form.
    pub verifier: String,
    /// How the log came to this key from the ones before it, the oldest handover first; none while the first key signs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handovers: Vec<Handed>,
    /// What gateways cosigned of the log, the largest log first; at most [`MAX_SEEN`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Seen>,
}

/// A checkpoint of the log that witnesses cosigned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// How many entries the log had.
    pub size: u64,
    /// Its root then.
    pub root: Hash,
    /// That it is the beginning of the log at the export's checkpoint.
    pub proof: Vec<Hash>,
    /// Who cosigned it.
    pub by: Vec<Cosigned>,
}

/// One witness's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosigned {
    /// Its key, in note form.
    pub key: String,
    /// Its signature line over the checkpoint, C2SP `cosignature/v1`, without its newline.
    pub line: String,
}

/// One [`crate::Handover`] as an export carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handed {
    /// The key that handed over, in note form.
    pub from: String,
    /// The handover.
    pub note: String,
    /// That the log as it was then is the beginning of the log at the export's checkpoint.
    pub proof: Vec<Hash>,
}

/// A header line: the header, and the log key's signature over [`header_message`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderLine {
    pub header: Header,
    pub signature: String,
}

/// One event.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventLine<'a> {
    pub n: u64,
    pub index: u64,
    pub salt: Salt,
    #[serde(borrow)]
    pub body: &'a RawValue,
    pub proof: Cow<'a, [Hash]>,
}

/// The end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FooterLine {
    pub count: u64,
    pub sha256: Hash,
    pub signature: String,
}

/// What the header's signature covers. The prefix keeps it apart from notes and footers signed by the same key.
pub(crate) fn header_message(header: &Header) -> Vec<u8> {
    let json = serde_json::to_string(header).expect("strings and numbers always serialise");
    format!("{FORMAT} header\n{json}\n").into_bytes()
}

/// What the footer's signature covers.
pub(crate) fn footer_message(count: u64, sha256: &Hash) -> Vec<u8> {
    format!("{FORMAT} footer\n{count}\n{sha256}\n").into_bytes()
}
