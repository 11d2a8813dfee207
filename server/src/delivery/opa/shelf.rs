//! What lies ready for OPAs: read once for a tenant, shared by all who wait.
//!
//! One task for each tenant with an OPA asks the database when it is woken, and every two seconds anyway, since another replica may have
//! signed. Bytes are read once for each archive, however many ask for it.

use crate::app::App;
use bytes::Bytes;
use control::delivery::opa::{self, Offer, Shelf};
use control::{Actor, Ctx, TenantId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How often the database is asked without being woken.
const RECHECK: Duration = Duration::from_secs(2);
/// After so many rounds in which nobody waited the task ends.
const IDLE_ROUNDS: u32 = 60;

/// One tenant's.
#[derive(Default)]
struct Stock {
    /// `None` until the database was asked.
    shelf: watch::Sender<Option<Arc<Shelf>>>,
    /// Digest to bytes. Held while one is read, so that others wait for it in place of reading it too.
    bytes: tokio::sync::Mutex<HashMap<String, Bytes>>,
}

/// What lies ready in all tenants.
#[derive(Clone, Default)]
pub struct Shelves(Arc<Mutex<HashMap<TenantId, Arc<Stock>>>>);

/// One who waits.
pub struct Waiter {
    stock: Arc<Stock>,
    news: watch::Receiver<Option<Arc<Shelf>>>,
}

impl Shelves {
    fn tenants(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<Stock>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits along with all others of the tenant.
    pub fn subscribe(&self, app: &App, cx: &Ctx) -> Waiter {
        let mut tenants = self.tenants();
        if let Some(stock) = tenants.get(&cx.tenant) {
            return Waiter { news: stock.shelf.subscribe(), stock: Arc::clone(stock) };
        }
        let stock = Arc::new(Stock::default());
        tenants.insert(cx.tenant.clone(), Arc::clone(&stock));
        let waiter = Waiter { news: stock.shelf.subscribe(), stock: Arc::clone(&stock) };
        tokio::spawn(follow(self.clone(), app.clone(), system(cx), stock));
        waiter
    }

    /// Whether nobody waits any more; then the next one begins a new task.
    fn retire(&self, tenant: &TenantId, stock: &Stock) -> bool {
        let mut tenants = self.tenants();
        let idle = stock.shelf.receiver_count() == 0;
        if idle {
            tenants.remove(tenant);
        }
        idle
    }
}

fn system(cx: &Ctx) -> Ctx {
    Ctx { actor: Actor::System, request_id: "opa".to_owned(), ..cx.clone() }
}

impl Waiter {
    /// What lies ready now, once that is known; `None` while the database does not answer.
    pub async fn first(&mut self) -> Option<Arc<Shelf>> {
        let shelf = self.news.wait_for(Option::is_some).await.ok()?;
        shelf.clone()
    }

    /// What lies ready after the next change.
    pub async fn next(&mut self) -> Option<Arc<Shelf>> {
        self.news.changed().await.ok()?;
        self.news.borrow_and_update().clone()
    }

    /// The bytes of an offer; `None` when it was replaced meanwhile.
    pub async fn bytes(&self, app: &App, cx: &Ctx, offer: &Offer) -> control::Result<Option<Bytes>> {
        let mut held = self.stock.bytes.lock().await;
        if let Some(bytes) = held.get(&offer.sha256) {
            return Ok(Some(bytes.clone()));
        }
        let Some(bytes) = opa::archive(app.control(), &system(cx), offer).await?.map(Bytes::from) else { return Ok(None) };
        // What lies on the shelf no more will not be asked for again.
        if let Some(shelf) = self.stock.shelf.borrow().as_ref() {
            held.retain(|sha256, _| shelf.archives.values().any(|offer| offer.sha256 == *sha256));
        }
        held.insert(offer.sha256.clone(), bytes.clone());
        Ok(Some(bytes))
    }
}

async fn follow(shelves: Shelves, app: App, cx: Ctx, stock: Arc<Stock>) {
    let mut news = app.control().signals().watch(&cx.tenant);
    let mut idle = 0;
    loop {
        match opa::heads(app.control(), &cx).await {
            Ok(shelf) => drop(stock.shelf.send_if_modified(|held| {
                let changed = held.as_deref() != Some(&shelf);
                if changed {
                    *held = Some(Arc::new(shelf));
                }
                changed
            })),
            Err(error) => tracing::warn!(tenant = %cx.tenant, %error, "OPAs wait longer: their bundles cannot be read"),
        }
        idle = if stock.shelf.receiver_count() == 0 { idle + 1 } else { 0 };
        if idle > IDLE_ROUNDS && shelves.retire(&cx.tenant, &stock) {
            return;
        }
        tokio::select! {
            () = app.ending().cancelled() => return,
            () = tokio::time::sleep(RECHECK) => {}
            woken = news.changed() => if woken.is_err() { return },
        }
    }
}
