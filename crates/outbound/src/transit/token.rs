//! The token: from a file, which whoever renews it replaces.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use ::http::HeaderValue;

use super::TransitError;

/// Where the token is.
#[derive(Clone, Debug)]
pub(super) struct TokenFile(pub(super) PathBuf);

impl TokenFile {
    /// The token as the file has it now: it is read for each call, so a renewed one counts at once. Marked as sensitive.
    pub(super) async fn read(&self) -> Result<HeaderValue, TransitError> {
        let path = self.0.display();
        let unreadable = |error: std::io::Error| TransitError::Token(format!("the token file {path} cannot be read: {error}"));
        let mode = tokio::fs::metadata(&self.0).await.map_err(unreadable)?.permissions().mode();
        if mode & 0o007 != 0 {
            return Err(TransitError::Token(format!("the token file {path} may be read by everybody; run: chmod 600 {path}")));
        }
        let text = tokio::fs::read_to_string(&self.0).await.map_err(unreadable)?;
        let token = text.trim();
        let mut value = HeaderValue::from_str(token).map_err(|_| TransitError::Token(format!("the token file {path} holds no token")))?;
        if token.is_empty() {
            return Err(TransitError::Token(format!("the token file {path} is empty")));
        }
        value.set_sensitive(true);
        Ok(value)
    }
}
