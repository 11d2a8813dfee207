//! Which of several replicas does a tenant's upkeep.
//!
//! The lease saves work and is no lock: what upkeep writes is right whoever writes it, since versions and positions are allotted in the
//! transaction that uses them. A replica that dies keeps others waiting for one term.

use crate::control::Control;
use crate::error::Result;
use crate::scene::{Scene, Upkeep};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use store::{Backend, Lease, TenantId};

/// How long a lease lasts, milliseconds; it is renewed when half of it has gone.
const TERM_MS: i64 = 10_000;
const UPKEEP: &str = "upkeep";

/// The leases that this process holds, and until when: what need not be asked again.
#[derive(Default)]
pub(crate) struct Held(Mutex<HashMap<TenantId, i64>>);

impl Held {
    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes or renews the lease; until when this process holds it, if it does.
struct Take {
    holder: String,
}

impl Upkeep for Take {
    type Out = Option<i64>;

    async fn run(&self, scene: &Scene<'_>) -> Result<(Option<i64>, bool)> {
        let now_ms = scene.cx.now_ms;
        let held = scene.db.get::<Lease>(UPKEEP).await?;
        let free =
            held.as_ref().is_none_or(|lease| lease.holder == self.holder || lease.until_ms <= now_ms || lease.until_ms > now_ms + TERM_MS);
        if !free {
            return Ok((None, false));
        }
        let until_ms = now_ms + TERM_MS;
        scene.db.put(Lease { id: UPKEEP.to_owned(), holder: self.holder.clone(), until_ms }).await?;
        Ok((Some(until_ms), false))
    }
}

impl Control {
    /// Whether this process is the one to do the tenant's upkeep now. With an embedded database there is no other.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn does_upkeep(&self, tenant: &TenantId) -> Result<bool> {
        if self.backend() == Backend::Sqlite {
            return Ok(true);
        }
        let now_ms = self.parts().clock.now_ms();
        let fresh = |until: &i64| *until - now_ms > TERM_MS / 2 && *until - now_ms <= TERM_MS;
        if self.held().map().get(tenant).is_some_and(fresh) {
            return Ok(true);
        }
        let until = self.keep(tenant, Take { holder: self.replica().to_owned() }).await?;
        match until {
            Some(until) => self.held().map().insert(tenant.clone(), until),
            None => self.held().map().remove(tenant),
        };
        Ok(until.is_some())
    }
}
