//! Keys in a key management service: whatever lies there, what is signed is the same; and a service that fails changes nothing.

mod failing;
mod placing;
mod racing;

use super::*;
use crate::key_service::Answers;
use control::delivery::{RefreshTimestamp, refresh_timestamp};
use control::keys::{Place, RotateKeys, Rotated, Rotation, prove};
use control::{NotSigned, ServiceError};

fn rotate(roles: &[Role]) -> RotateKeys {
    RotateKeys { roles: roles.to_vec(), elsewhere: None, service: None, replaces: None, compromised: false }
}

/// Has a role's key lie in the service from now on.
async fn place(h: &Harness, role: Role) -> Result<Rotation> {
    place_as(h, role, &format!("test:{role}")).await
}

async fn place_as(h: &Harness, role: Role, reference: &str) -> Result<Rotation> {
    let key = prove(&h.control, &ada(h).await, reference).await?;
    h.control.run(&ada(h).await, RotateKeys { service: Some(key), ..rotate(&[role]) }).await
}

async fn place_all(h: &Harness, roles: &[Role]) {
    for each in roles {
        h.advance_ms(10);
        let done = place(h, *each).await.expect("rotates");
        assert!(matches!(done.rotated, Rotated::Done), "{each}: {done:?}");
    }
    h.service.asked();
}

async fn revoke(h: &Harness, grant: &str) -> Result<i64> {
    h.control.run(&ada(h).await, Revoke(Target::Grant(grant.to_owned()), None)).await
}

fn asked(h: &Harness) -> Vec<String> {
    h.service.asked().iter().map(|reference| reference.trim_start_matches("test:").trim_end_matches("@1").to_owned()).collect()
}

/// Why the service did not sign.
fn cause<T: std::fmt::Debug>(result: Result<T>) -> ServiceError {
    match result {
        Err(Error::NotSigned(NotSigned::Service { cause, .. })) => cause,
        other => panic!("{other:?}"),
    }
}
