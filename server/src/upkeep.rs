//! What has to happen without anybody asking: events get their place in the log, rollouts go on or back, requests
//! that nobody decided end. What fails for one tenant is logged, tried again, and holds up no other.

use crate::rounds::rounds;
use control::{Control, Error, NotSigned, ServiceError, TenantId, delivery, evidence, governance, oauth};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Events are under a signed checkpoint about so long after they were written.
const PLACE_EVERY: Duration = Duration::from_secs(1);
/// How often to look whether a rollout goes on.
const TEND_EVERY: Duration = Duration::from_secs(1);
/// How often to look at what is slow to change.
const FORGET_EVERY: Duration = Duration::from_secs(30);

/// Runs until the process is asked to end.
pub async fn run(control: Control, ending: CancellationToken) {
    // Each for itself: none of them is late because another is, and events get their place whatever a key management service does.
    tokio::join!(
        rounds(control.clone(), ending.clone(), PLACE_EVERY, place),
        rounds(control.clone(), ending.clone(), TEND_EVERY, tend),
        rounds(control, ending, FORGET_EVERY, forget),
    );
}

async fn place(control: Control, tenant: TenantId) {
    if let Err(error) = evidence::place_all(&control, &tenant).await {
        tracing::error!(%tenant, error = &error as &dyn std::error::Error, "events could not be placed in the log");
    }
}

async fn tend(control: Control, tenant: TenantId) {
    // Once a second it need not be said that a key management service is left alone for a while: that it failed was said.
    if let Err(error) = delivery::rollout::tend_rollout(&control, &tenant).await
        && !rests(&error)
    {
        tracing::error!(%tenant, error = &error as &dyn std::error::Error, "the rollout under way could not be looked after");
    }
}

async fn forget(control: Control, tenant: TenantId) {
    if let Err(error) = governance::expire_requests(&control, &tenant).await {
        tracing::error!(%tenant, error = &error as &dyn std::error::Error, "unanswered requests could not be ended");
    }
    if let Err(error) = control.keep(&tenant, delivery::opa::ForgetDecisions).await {
        tracing::error!(%tenant, error = &error as &dyn std::error::Error, "which decisions OPAs sent long ago could not be forgotten");
    }
    if let Err(error) = control.keep(&tenant, oauth::ForgetEnded).await {
        tracing::error!(%tenant, error = &error as &dyn std::error::Error, "ended codes and tokens could not be forgotten");
    }
}

const fn rests(error: &Error) -> bool {
    matches!(error, Error::NotSigned(NotSigned::Service { cause: ServiceError::Resting, .. }))
}

/// Hears what other replicas changed, until the process is asked to end.
pub async fn hear_replicas(control: Control, ending: CancellationToken) {
    /// How long to wait before the database is tried again.
    const AGAIN: Duration = Duration::from_secs(2);
    let hearing = async {
        loop {
            if let Err(error) = control.hear_replicas().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "other replicas cannot be heard: watchers wait for the next look");
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    tokio::select! {
        () = ending.cancelled() => {}
        () = hearing => {}
    }
}
