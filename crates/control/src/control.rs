//! The control plane's use cases behind one handle.

use crate::chance::Chance;
use crate::clock::Clock;
use crate::ctx::{Actor, Ctx};
use crate::delivery::{Ack, Callers};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::evidence::Showing;
use crate::gather::Gather;
use crate::lease::Held;
use crate::oauth::Refresh;
use crate::permission::Permission;
use crate::scene::{Chore, Done, Everywhere, Play, Scene, Upkeep, UseCase};
use crate::service::KeyService;
use crate::signal::Signals;
use crate::signatures::{Attempt, Desk};
use crate::vault::Vault;
use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use store::{Backend, Hint, Reader, Store, StoreError, TenantId, Unit};

/// What use cases need beside the database.
pub struct Parts {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids and secrets.
    pub chance: Chance,
    /// Secrets at rest.
    pub vault: Vault,
    /// Where people and gateways reach this installation: scheme, host and port, without a trailing slash.
    pub public_url: String,
    /// The key management service that signs with keys of tenants which lie there, if there is one.
    pub key_service: Option<Arc<dyn KeyService>>,
}

impl Parts {
    /// The issuer of a tenant's tokens.
    pub fn issuer(&self, tenant: &TenantId) -> String {
        format!("{}/t/{tenant}", self.public_url)
    }
}

/// A handle to everything. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    store: Store,
    parts: Arc<Parts>,
    signals: Arc<Signals>,
    refreshes: Gather<Refresh>,
    acks: Gather<Ack>,
    callers: Callers,
    showing: Arc<Showing>,
    known: Arc<RwLock<HashSet<TenantId>>>,
    held: Arc<Held>,
    desk: Arc<Desk>,
    replica: Arc<str>,
}

impl Control {
    /// Over an open database.
    pub fn new(store: Store, parts: Parts) -> Self {
        let replica = parts.chance.id("rpl", parts.clock.now_ms()).into();
        Self {
            store,
            replica,
            held: Arc::default(),
            desk: Arc::default(),
            parts: Arc::new(parts),
            signals: Arc::default(),
            refreshes: Gather::default(),
            acks: Gather::default(),
            callers: Callers::default(),
            showing: Arc::default(),
            known: Arc::default(),
        }
    }

    /// Clock, chance, vault, addresses.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Who to wake.
    pub fn signals(&self) -> &Signals {
        &self.signals
    }

    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(crate) async fn execute<U: Unit<Error = Error>>(&self, unit: U) -> Result<U::Out> {
        self.store.execute(unit).await
    }

    /// What this process is called among replicas, from its start to its end.
    pub fn replica(&self) -> &str {
        &self.replica
    }

    /// Which database there is.
    pub fn backend(&self) -> Backend {
        self.store.backend()
    }

    /// Wakes those who watch a tenant, here and at other replicas.
    async fn wake(&self, tenant: &TenantId) {
        self.signals.wake(tenant);
        if let Err(error) = self.store.hint(tenant).await {
            tracing::warn!(%tenant, error = &error as &dyn std::error::Error, "other replicas hear of a change only when they look");
        }
    }

    /// Wakes those who watch here whenever another replica changed something. Returns when the database cannot be reached; call it again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hear_replicas(&self) -> Result<()> {
        let Some(mut hints) = self.store.hints().await? else { return std::future::pending().await };
        loop {
            match hints.next().await? {
                Hint::Changed(tenant) => self.signals.wake(&tenant),
                Hint::Missed => self.signals.wake_all(),
            }
        }
    }

    /// Refreshes that wait.
    pub(crate) const fn refreshes(&self) -> &Gather<Refresh> {
        &self.refreshes
    }

    /// Acknowledgements that wait.
    pub(crate) const fn acks(&self) -> &Gather<Ack> {
        &self.acks
    }

    /// Gateways that call.
    pub(crate) const fn callers(&self) -> &Callers {
        &self.callers
    }

    /// Checkpoints that witnesses are shown.
    pub(crate) fn showing(&self) -> &Showing {
        &self.showing
    }

    /// A context for this tenant and actor.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant.
    pub async fn ctx(&self, tenant: &str, actor: Actor, request_id: &str) -> Result<Ctx> {
        let tenant = TenantId::parse(tenant).ok_or(Error::NotFound)?;
        self.exists(&tenant).await?;
        Ok(self.ctx_of(tenant, actor, request_id))
    }

    /// A tenant that exists goes on to exist, so it is looked for once.
    async fn exists(&self, tenant: &TenantId) -> Result<()> {
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains(tenant) {
            return Ok(());
        }
        self.store.tenant(tenant).await?.ok_or(Error::NotFound)?;
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(tenant.clone());
        Ok(())
    }

    fn ctx_of(&self, tenant: TenantId, actor: Actor, request_id: &str) -> Ctx {
        Ctx { tenant, actor, request_id: request_id.to_owned(), now_ms: self.parts.clock.now_ms() }
    }

    /// A context for what Writ does by itself.
    pub(crate) fn upkeep_ctx(&self, tenant: &TenantId, request_id: &str) -> Ctx {
        self.ctx_of(tenant.clone(), Actor::System, request_id)
    }

    /// The tenant's rows, for questions. The caller has asked [`Ctx::needs`] before.
    pub fn read<'t>(&'t self, cx: &'t Ctx) -> Reader<'t> {
        self.store.read(&cx.tenant)
    }

    /// All tenants, for upkeep.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tenants(&self) -> Result<Vec<TenantId>> {
        Ok(self.store.tenants().await?.iter().filter_map(|tenant| TenantId::parse(&tenant.id)).collect())
    }

    /// Runs a use case: authorizes, then applies and audits in one transaction. A refusal for want of permission is audited too.
    ///
    /// # Errors
    /// The use case's own; nothing was changed then.
    pub async fn run<U: UseCase>(&self, cx: &Ctx, use_case: U) -> Result<U::Out> {
        if let Err(error) = cx.needs(U::NEEDS) {
            self.note_denied(cx, U::NEEDS).await?;
            return Err(error);
        }
        let attempt = Arc::default();
        let play = Play { use_case, cx: cx.clone(), parts: Arc::clone(&self.parts), attempt: Arc::clone(&attempt) };
        self.carry_out(cx.clone(), play, attempt).await
    }

    /// Runs a use case in every tenant, in one transaction, from the host's shell.
    pub(crate) async fn run_everywhere<U: UseCase>(&self, use_case: U) -> Result<Vec<(TenantId, U::Out)>> {
        self.store.execute(Everywhere { use_case, now_ms: self.parts.clock.now_ms(), parts: Arc::clone(&self.parts) }).await
    }

    /// Runs upkeep in a transaction, as the system.
    ///
    /// # Errors
    /// The upkeep's own; nothing was changed then.
    pub async fn keep<U: Upkeep>(&self, tenant: &TenantId, upkeep: U) -> Result<U::Out> {
        let cx = self.ctx_of(tenant.clone(), Actor::System, "upkeep");
        let attempt = Arc::default();
        let chore = Chore { upkeep, cx: cx.clone(), parts: Arc::clone(&self.parts), attempt: Arc::clone(&attempt) };
        self.carry_out(cx, chore, attempt).await
    }

    /// Runs it in a task of its own: whoever asked may go away, and those who watch are woken all the same.
    async fn carry_out<T, U>(&self, cx: Ctx, unit: U, attempt: Arc<Attempt>) -> Result<T>
    where
        T: Send + 'static,
        U: Unit<Out = (T, bool), Error = Error>,
    {
        let control = self.clone();
        let work = async move {
            let (out, wake) = control.signed(&cx, unit, &attempt).await?;
            if wake {
                control.wake(&cx.tenant).await;
            }
            Ok(out)
        };
        tokio::spawn(work).await.map_err(|_| StoreError::Stopped)?
    }

    async fn note_denied(&self, cx: &Ctx, permission: Permission) -> Result<()> {
        let play = Play { use_case: NoteDenied(permission), cx: cx.clone(), parts: Arc::clone(&self.parts), attempt: Arc::default() };
        self.store.execute(play).await.map(drop)
    }

    /// Makes a tenant, from the host's shell. The one use case whose tenant does not exist yet.
    ///
    /// # Errors
    /// [`Error::Refused`] with `tenant_exists`; [`Error::Invalid`] for a slug of the wrong shape.
    pub async fn create_tenant<U: UseCase>(&self, slug: &str, create: U) -> Result<(Ctx, U::Out)> {
        let tenant = TenantId::parse(slug).ok_or_else(|| Error::invalid("slug", "use a-z, 0-9 and -, at most 40 characters"))?;
        if self.store.tenant(&tenant).await?.is_some() {
            return Err(Error::refused("tenant_exists", format!("there is a tenant {slug} already")));
        }
        let cx = self.ctx_of(tenant, Actor::Host, "shell");
        let out = self.run(&cx, create).await?;
        Ok((cx, out))
    }
}

struct NoteDenied(Permission);

impl UseCase for NoteDenied {
    type Out = ();
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, _: &Scene<'_>) -> Result<Done<()>> {
        Ok(Done::new((), Event::new("access.denied").denied().details(serde_json::json!({ "needs": format!("{:?}", self.0) }))))
    }
}
