//! Keeping every tenant's repository fresh while the process lives.

use crate::rounds::rounds;
use control::delivery::opa::refresh_archives;
use control::delivery::{offer_renewal, refresh_timestamp};
use control::keys::settle_keys;
use control::{Control, TenantId};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often to look. A timestamp is signed again after three minutes and lasts ten.
const EVERY: Duration = Duration::from_secs(20);

/// Runs until the process is asked to end. What fails for one tenant is logged, tried again at the next round, and holds up no other.
pub async fn upkeep_loop(control: Control, ending: CancellationToken) {
    rounds(control, ending, EVERY, tend).await;
}

async fn tend(control: Control, tenant: TenantId) {
    match refresh_timestamp(&control, &tenant).await {
        Ok(signed) => tracing::debug!(%tenant, signed, "upkeep"),
        Err(error) => tracing::error!(%tenant, error = &error as &dyn std::error::Error, "the repository could not be signed again"),
    }
    match refresh_archives(&control, &tenant).await {
        Ok(signed) => tracing::debug!(%tenant, signed, "upkeep of bundles for OPAs"),
        Err(error) => tracing::error!(%tenant, error = &error as &dyn std::error::Error, "bundles for OPAs could not be signed again"),
    }
    // What has to be signed elsewhere holds up nothing of the above.
    if let Err(error) = offer_renewal(&control, &tenant).await {
        tracing::error!(%tenant, error = &error as &dyn std::error::Error, "the list of policies could not be offered for renewal");
    }
    if let Err(error) = settle_keys(&control, &tenant).await {
        tracing::error!(%tenant, error = &error as &dyn std::error::Error, "keys that were rotated could not be settled");
    }
}
