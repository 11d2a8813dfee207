//! A file as it was received.

use std::sync::OnceLock;

use crate::digest::sha256_hex;

/// A file's text, with its digest computed once: lists are long, and many steps refer to them.
#[derive(Debug)]
pub(super) struct Blob {
    text: String,
    sha256: OnceLock<String>,
}

impl Blob {
    pub fn new(text: String) -> Self {
        Self { text, sha256: OnceLock::new() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256, lower-case hex.
    pub fn sha256(&self) -> &str {
        self.sha256.get_or_init(|| sha256_hex(self.text.as_bytes()))
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Blob {}
