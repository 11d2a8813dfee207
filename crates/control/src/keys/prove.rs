//! That a key in a key management service signs, before anything depends on it.

use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::service::{Reference, ServiceError, ServiceKey};
use tokio::time::timeout;

/// Asks the service for the key of this name, and has it sign something that is nothing else: a key that only reads, or of which the public
/// half is not the private one's, is found out now. Answers the key, with its version pinned, for [`super::RotateKeys`].
///
/// # Errors
/// [`Error::Invalid`] for a reference of the wrong shape; [`Error::Refused`] with `no_such_key` or `service_refused` when the service has
/// no such key or does not sign with it.
pub async fn prove(control: &Control, cx: &Ctx, reference: &str) -> Result<ServiceKey> {
    cx.needs(Permission::WriteKeys)?;
    let named = Reference::parse(reference)
        .ok_or_else(|| Error::invalid("in", "write it as KIND:REST, for example vault:transit/acme-timestamp"))?;
    let unproven = |cause: ServiceError| {
        let code = if matches!(cause, ServiceError::NoSuchKey(_)) { "no_such_key" } else { "service_refused" };
        Error::refused(code, format!("nothing was changed: the key management service, asked for {named}, {cause}"))
    };
    let service = control.parts().key_service.as_ref().ok_or_else(|| unproven(ServiceError::None))?;
    let key = timeout(service.patience(), service.key(&named)).await.unwrap_or(Err(ServiceError::TimedOut)).map_err(unproven)?;
    let message = format!("A test by Writ, which is no metadata: {}", control.parts().chance.secret());
    control.ask_for(cx, &key, message.as_bytes()).await.map_err(unproven)?;
    Ok(key)
}
