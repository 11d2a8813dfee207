//! What a use case is, and what it gets to work with.

use crate::control::Parts;
use crate::ctx::{Actor, Ctx};
use crate::error::{Error, Result};
use crate::event::{Event, Events};
use crate::permission::Permission;
use crate::signatures::Attempt;
use crate::tenancy::keys;
use crate::vault::Sealed;
use futures::future::BoxFuture;
use std::future::Future;
use std::sync::Arc;
use store::{Scoped, TenantId, Transaction, Unit};
use zeroize::Zeroizing;

/// A change. It is a value, so that it can wait its turn, be run again after a conflict, and be listed.
pub trait UseCase: Send + Sync + 'static {
    /// What it answers.
    type Out: Send + 'static;
    /// What the actor must hold. [`Permission::Anyone`] where the use case authenticates by what it is given.
    const NEEDS: Permission;
    /// Validates and applies. No network, no clock, no sleep in here.
    fn run<'a>(&'a self, scene: &'a Scene<'a>) -> impl Future<Output = Result<Done<Self::Out>>> + Send + 'a;
}

/// A change that is no act of anybody and leaves no audit event: re-signing a timestamp, noting that a gateway was seen, placing
/// events in the log. Everything else is a [`UseCase`].
pub trait Upkeep: Send + Sync + 'static {
    /// What it answers.
    type Out: Send + 'static;
    /// Applies. The flag in the answer says whether those who watch the tenant are to be woken.
    fn run<'a>(&'a self, scene: &'a Scene<'a>) -> impl Future<Output = Result<(Self::Out, bool)>> + Send + 'a;
}

/// A change that was applied, with its audit events: there is no way to make one without.
pub struct Done<T> {
    out: T,
    events: Vec<Event>,
    wake: bool,
}

impl<T> Done<T> {
    /// Applied, as this event says.
    pub fn new(out: T, event: Event) -> Self {
        Self { out, events: vec![event], wake: false }
    }

    /// Applied, as these say; the first is given apart so that there is one.
    pub fn many(out: T, first: Event, rest: impl IntoIterator<Item = Event>) -> Self {
        Self { out, events: std::iter::once(first).chain(rest).collect(), wake: false }
    }

    /// Applied, as all of these say.
    pub(crate) fn all(out: T, events: Events) -> Self {
        Self { out, events: events.into_vec(), wake: false }
    }

    /// Those who watch the tenant are to be woken after the commit.
    #[must_use]
    pub const fn wake(mut self) -> Self {
        self.wake = true;
        self
    }
}

/// One of several changes that are applied together.
pub enum Part<T> {
    /// Applied, as the events say.
    Changed {
        /// What it answers.
        out: T,
        /// There is always one event.
        first: Box<Event>,
        /// Further ones.
        rest: Vec<Event>,
        /// Those who watch the tenant are to be woken.
        wake: bool,
    },
    /// Nothing was changed for it.
    Refused(T),
    /// What is no act of anybody was noted, as [`Upkeep`] does.
    Noted(T),
}

impl<T> Part<T> {
    /// The same, with the id of the request that it came in on its events.
    #[must_use]
    pub fn of_request(self, id: &str) -> Self {
        match self {
            Self::Changed { out, first, rest, wake } => {
                let rest = rest.into_iter().map(|event| event.in_request(id)).collect();
                Self::Changed { out, first: Box::new(first.in_request(id)), rest, wake }
            }
            Self::Refused(_) | Self::Noted(_) => self,
        }
    }
}

impl<T> Done<Vec<T>> {
    /// Several at once, each applied with its events, noted, or refused.
    pub fn each(parts: Vec<Part<T>>) -> Self {
        let mut done = Self { out: Vec::with_capacity(parts.len()), events: Vec::new(), wake: false };
        for part in parts {
            match part {
                Part::Changed { out, first, rest, wake } => {
                    done.out.push(out);
                    done.events.push(*first);
                    done.events.extend(rest);
                    done.wake |= wake;
                }
                Part::Refused(out) | Part::Noted(out) => done.out.push(out),
            }
        }
        done
    }
}

impl<T> Done<T> {
    /// The same change with another answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Done<U> {
        Done { out: change(self.out), events: self.events, wake: self.wake }
    }
}

/// A use case at work: who asks, the tenant's rows in the open transaction, and the installation's parts.
pub struct Scene<'t> {
    /// Who asks, and when.
    pub cx: &'t Ctx,
    /// The tenant's rows.
    pub db: Scoped<'t>,
    /// Clock, chance, vault, addresses.
    pub parts: &'t Parts,
    /// What stays the same when this runs again.
    pub(crate) attempt: &'t Attempt,
}

impl Scene<'_> {
    /// A new id. The same again when the use case runs again.
    pub fn id(&self, prefix: &str) -> String {
        self.attempt.id(prefix, || self.parts.chance.id(prefix, self.cx.now_ms))
    }

    /// The private half of a new key, as `make` makes it. The same again when the use case runs again.
    pub(crate) fn new_key(&self, purpose: &'static str, make: impl FnOnce() -> Result<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>> {
        self.attempt.key(purpose, make)
    }

    /// Seals a secret of the tenant's for this place. What lies there already has to open with the same master key: a process that was
    /// started with one that was changed since would seal what nobody can open.
    ///
    /// # Errors
    /// [`Error::Refused`] with `another_master_key`; when sealing or the database fails.
    pub async fn seal(&self, place: &str, secret: &[u8]) -> Result<Sealed> {
        if !keys::opens(&self.db, &self.parts.vault).await? {
            let text = "the master key was changed meanwhile: start Writ again, with the new one";
            return Err(Error::refused("another_master_key", text));
        }
        self.parts.vault.seal(&self.parts.chance, place, secret).map_err(|error| Error::internal("sealing a secret", error))
    }
}

/// A use case as a transaction.
pub(crate) struct Play<U> {
    pub(crate) use_case: U,
    pub(crate) cx: Ctx,
    pub(crate) parts: Arc<Parts>,
    pub(crate) attempt: Arc<Attempt>,
}

impl<U: UseCase> Unit for Play<U> {
    type Out = (U::Out, bool);
    type Error = Error;

    fn run<'t>(&'t self, tx: Transaction<'t>) -> BoxFuture<'t, Result<Self::Out>> {
        Box::pin(self.attempt.run(play(&self.use_case, &self.cx, &self.parts, &self.attempt, tx)))
    }
}

/// Applies a use case and writes its events.
async fn play<U: UseCase>(use_case: &U, cx: &Ctx, parts: &Parts, attempt: &Attempt, tx: Transaction<'_>) -> Result<(U::Out, bool)> {
    let scene = Scene { cx, db: tx.tenant(&cx.tenant), parts, attempt };
    let done = use_case.run(&scene).await?;
    let rows = done.events.into_iter().map(|event| event.into_row(cx, &parts.chance)).collect();
    scene.db.insert_all::<store::AuditEvent>(rows).await?;
    Ok((done.out, done.wake))
}

/// A use case in every tenant, in one transaction: in all of them or in none.
pub(crate) struct Everywhere<U> {
    pub(crate) use_case: U,
    pub(crate) now_ms: i64,
    pub(crate) parts: Arc<Parts>,
}

impl<U: UseCase> Unit for Everywhere<U> {
    type Out = Vec<(TenantId, U::Out)>;
    type Error = Error;

    fn run<'t>(&'t self, tx: Transaction<'t>) -> BoxFuture<'t, Result<Self::Out>> {
        Box::pin(async move {
            let mut all = Vec::new();
            for tenant in tx.tenants().await? {
                let cx = Ctx { tenant, actor: Actor::Host, request_id: "shell".to_owned(), now_ms: self.now_ms };
                cx.needs(U::NEEDS)?;
                let attempt = Attempt::default();
                let (out, _) = attempt.run(play(&self.use_case, &cx, &self.parts, &attempt, tx)).await?;
                all.push((cx.tenant, out));
            }
            Ok(all)
        })
    }
}

/// Upkeep as a transaction.
pub(crate) struct Chore<U> {
    pub(crate) upkeep: U,
    pub(crate) cx: Ctx,
    pub(crate) parts: Arc<Parts>,
    pub(crate) attempt: Arc<Attempt>,
}

impl<U: Upkeep> Unit for Chore<U> {
    type Out = (U::Out, bool);
    type Error = Error;

    fn run<'t>(&'t self, tx: Transaction<'t>) -> BoxFuture<'t, Result<Self::Out>> {
        Box::pin(self.attempt.run(async move {
            let scene = Scene { cx: &self.cx, db: tx.tenant(&self.cx.tenant), parts: &self.parts, attempt: &self.attempt };
            self.upkeep.run(&scene).await
        }))
    }
}
