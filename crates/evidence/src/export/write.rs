//! Writing an export, line by line: nothing is held but a running digest.

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::value::RawValue;

use super::line::{EventLine, FooterLine, Header, HeaderLine, MAX_LINE, footer_message, header_message};
use crate::hash::{Hash, Salt, finish};
use crate::note::Signer;

/// One event to export.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// Its index in the log.
    pub index: u64,
    /// Its salt.
    pub salt: Salt,
    /// Its body, byte for byte as it was committed: one JSON object on one line.
    pub body: &'a str,
    /// Its inclusion proof in the header's checkpoint.
    pub proof: &'a [Hash],
}

/// An event cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The body is not a JSON object on one line without space around it.
    #[error("the body of event {0} is not a JSON object on one line")]
    Body(u64),
    /// Indexes have to ascend.
    #[error("event {0} does not come after the event before it")]
    Order(u64),
    /// The line would be longer than a verifier reads.
    #[error("event {0} is too long to export")]
    TooLong(u64),
}

/// Writes one export. Every method returns a line, newline included, to be sent in this order.
#[derive(Debug)]
pub struct Exporter<'a> {
    signer: &'a Signer,
    digest: Running,
    count: u64,
    last: Option<u64>,
}

/// A digest that can be formatted for `Debug`.
pub(super) struct Running(Context);

impl Running {
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn value(&self) -> Hash {
        finish(self.0.clone())
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.value())
    }
}

impl<'a> Exporter<'a> {
    /// Starts an export; returns the header line.
    #[must_use]
    pub fn start(signer: &'a Signer, header: Header) -> (Self, String) {
        let signature = hex::encode(signer.sign(&header_message(&header)));
        let line = to_line(&HeaderLine { header, signature });
        let mut digest = Running::new();
        digest.update(line.as_bytes());
        (Self { signer, digest, count: 0, last: None }, line)
    }

    /// The line of one event.
    ///
    /// # Errors
    /// [`ExportError`]; the event is then not part of the export.
    pub fn event(&mut self, event: Event<'_>) -> Result<String, ExportError> {
        let Event { index, salt, body, proof } = event;
        if self.last.is_some_and(|last| index <= last) {
            return Err(ExportError::Order(index));
        }
        let body: &RawValue = serde_json::from_str(body)
            .ok()
            .filter(|raw: &&RawValue| raw.get().len() == body.len() && is_object_on_one_line(raw))
            .ok_or(ExportError::Body(index))?;
        let line = to_line(&EventLine { n: self.count + 1, index, salt, body, proof: proof.into() });
        if line.len() > MAX_LINE {
            return Err(ExportError::TooLong(index));
        }
        self.digest.update(line.as_bytes());
        self.count += 1;
        self.last = Some(index);
        Ok(line)
    }

    /// Ends the export; returns the footer line.
    #[must_use]
    pub fn finish(self) -> String {
        let sha256 = self.digest.value();
        let signature = hex::encode(self.signer.sign(&footer_message(self.count, &sha256)));
        to_line(&FooterLine { count: self.count, sha256, signature })
    }
}

pub(super) fn is_object_on_one_line(raw: &RawValue) -> bool {
    raw.get().starts_with('{') && !raw.get().contains(['\n', '\r'])
}

pub(super) fn to_line(line: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string(line).expect("lines of strings and numbers always serialise");
    text.push('\n');
    text
}
