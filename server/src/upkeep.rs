//! What has to happen without anybody asking: events get their place in the log, rollouts go on or back, requests
//! that nobody decided end.

use control::{Control, Error, NotSigned, ServiceError, TenantId, delivery, evidence, governance, oauth};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Events are under a signed checkpoint about so long after they were written.
const PLACE_EVERY: Duration = Duration::from_secs(1);
/// How many rounds pass between looks at what is slow to change.
const SLOW: u64 = 30;

/// Runs until the process is asked to end. What fails for one tenant is logged, tried again, and holds up no other.
pub async fn run(control: Control, ending: CancellationToken) {
    let mut rounds = interval(PLACE_EVERY);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0u64.. {
        tokio::select! {
            () = ending.cancelled() => return,
            _ = rounds.tick() => {}
        }
        match control.tenants().await {
            Ok(tenants) => {
                for tenant in tenants {
                    look_after(&control, &tenant, round.is_multiple_of(SLOW)).await;
                }
            }
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the tenants cannot be listed"),
        }
    }
}

async fn look_after(control: &Control, tenant: &TenantId, slow: bool) {
    match control.does_upkeep(tenant).await {
        Ok(true) => {}
        // Another replica does.
        Ok(false) => return,
        Err(error) => return tracing::error!(%tenant, error = &error as &dyn std::error::Error, "who does upkeep cannot be told"),
    }
    if let Err(error) = evidence::place_all(control, tenant).await {
        tracing::error!(%tenant, error = &error as &dyn std::error::Error, "events could not be placed in the log");
    }
    // Once a second it need not be said that a key management service is left alone for a while: that it failed was said.
    if let Err(error) = delivery::rollout::tend_rollout(control, tenant).await
        && !rests(&error)
    {
        tracing::error!(%tenant, error = &error as &dyn std::error::Error, "the rollout under way could not be looked after");
    }
    if !slow {
        return;
    }
    if let Err(error) = governance::expire_requests(control, tenant).await {
        tracing::error!(%tenant, error = &error as &dyn std::error::Error, "unanswered requests could not be ended");
    }
    if let Err(error) = control.keep(tenant, delivery::opa::ForgetDecisions).await {
        tracing::error!(%tenant, error = &error as &dyn std::error::Error, "which decisions OPAs sent long ago could not be forgotten");
    }
    if let Err(error) = control.keep(tenant, oauth::ForgetEnded).await {
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
