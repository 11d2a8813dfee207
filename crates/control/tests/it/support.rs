//! The harness: a control plane over a fresh database, a clock that the test moves, and chance from a seed.
//!
//! Write a test once with [`on_each_database`]; it runs on SQLite, and on PostgreSQL too when `WRIT_TEST_POSTGRES` names a server.

use crate::key_service::Service;
use control::tenancy::CreateTenant;
use control::{
    Actor, AdminRole, Chance, Clock, Control, Ctx, Done, Event, MasterKey, Parts, Permission, Result, Scene, TenantId, UseCase, Vault,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sea_orm::{ConnectionTrait, Database};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::{Row, Settings, Store};
use tempfile::TempDir;

/// When every test begins: 2026-11-23T09:00:00Z, in Unix milliseconds.
pub const START_MS: i64 = 1_795_424_400_000;
/// Where the control plane under test says that it is.
pub const PUBLIC_URL: &str = "http://127.0.0.1:7400";
/// What secrets are sealed under, unless a test says otherwise.
const MASTER: [u8; 32] = [7; 32];
/// Names the PostgreSQL server.
const VARIABLE: &str = "WRIT_TEST_POSTGRES";

/// A clock that stands still until it is moved.
pub struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl TestClock {
    /// Moves it on.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

/// A control plane with the tenant `acme`.
pub struct Harness {
    pub control: Control,
    /// What signs with keys that were moved into it.
    pub service: Service,
    clock: Arc<TestClock>,
    settings: Settings,
    _folder: Option<TempDir>,
}

impl Harness {
    /// Over a new SQLite file.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = Settings::Sqlite(folder.path().join("writ.db"));
        Self::over(settings, Some(folder)).await
    }

    /// Over a new database of the PostgreSQL server, if one was named. `test` tells tests apart: each has a database of its own,
    /// which the next run replaces.
    pub async fn postgres(test: &str) -> Option<Self> {
        let server = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())?;
        let name = format!("writ_{}", &control::sha256_hex(test)[..24]);
        let admin = Database::connect(&server).await.expect("WRIT_TEST_POSTGRES can be reached");
        admin.execute_unprepared(&format!("drop database if exists {name} with (force)")).await.expect("the old database goes");
        admin.execute_unprepared(&format!("create database {name} template template0")).await.expect("a new database");
        admin.close().await.expect("closes");
        let mut url = url::Url::parse(&server).expect("WRIT_TEST_POSTGRES is a URL");
        url.set_path(&name);
        Some(Self::over(Settings::Postgres(url.to_string()), None).await)
    }

    async fn over(settings: Settings, folder: Option<TempDir>) -> Self {
        // The tenant was made before the test began, so its event stands before all others.
        let clock = Arc::new(TestClock(AtomicI64::new(START_MS - 1)));
        let service = Service::default();
        let control = open(&settings, &clock, &service, 1, MASTER).await;
        let create = CreateTenant { name: "Acme".to_owned() };
        control.create_tenant("acme", create).await.expect("the tenant is made");
        clock.0.store(START_MS, Ordering::SeqCst);
        Self { control, service, clock, settings, _folder: folder }
    }

    /// Opens the same database again, as after a restart or in a second replica. Give each a seed of its own.
    pub async fn another(&self, seed: u64) -> Control {
        open(&self.settings, &self.clock, &self.service, seed, MASTER).await
    }

    /// The same without the key management service.
    pub async fn without_service(&self, seed: u64) -> Control {
        let store = Store::open(&self.settings).await.expect("the database opens");
        Control::new(store, Parts { key_service: None, ..parts(&self.clock, &self.service, seed, MASTER) })
    }

    /// The same with another master key.
    pub async fn under(&self, master: [u8; 32], seed: u64) -> Control {
        open(&self.settings, &self.clock, &self.service, seed, master).await
    }

    /// Makes another tenant.
    pub async fn tenant(&self, slug: &str) {
        self.control.create_tenant(slug, CreateTenant { name: slug.to_owned() }).await.expect("the tenant is made");
    }

    /// The clock, for what moves it while something else goes on.
    pub fn clock(&self) -> Arc<TestClock> {
        Arc::clone(&self.clock)
    }

    /// Moves the clock on.
    pub fn advance_s(&self, seconds: i64) {
        self.advance_ms(seconds * 1000);
    }

    /// Moves the clock on.
    pub fn advance_ms(&self, ms: i64) {
        self.clock.advance_ms(ms);
    }

    /// Unix milliseconds, as the control plane sees it.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Unix seconds, as the control plane sees it.
    pub fn now_s(&self) -> i64 {
        self.clock.now_ms() / 1000
    }

    /// The tenant.
    pub fn acme(&self) -> TenantId {
        TenantId::parse("acme").expect("a slug")
    }

    /// A context in `acme` for this actor, at the time it now is.
    pub async fn cx(&self, actor: Actor) -> Ctx {
        self.cx_in("acme", actor).await
    }

    /// A context in another tenant.
    pub async fn cx_in(&self, tenant: &str, actor: Actor) -> Ctx {
        self.control.ctx(tenant, actor, "req-test").await.expect("the tenant exists")
    }

    /// Somebody on the host's shell.
    pub async fn host(&self) -> Ctx {
        self.cx(Actor::Host).await
    }

    /// A signed-in person with these admin roles. They need no row for use cases that only ask who acts.
    pub async fn person(&self, user: &str, roles: &[AdminRole]) -> Ctx {
        self.cx(person(user, roles)).await
    }

    /// Puts a row there, past all use cases: for what a test takes as given.
    pub async fn plant<R: Row + Clone + 'static>(&self, row: R) {
        self.plant_in("acme", row).await;
    }

    /// Puts a row into a tenant.
    pub async fn plant_in<R: Row + Clone + 'static>(&self, tenant: &str, row: R) {
        let cx = self.cx_in(tenant, Actor::Host).await;
        self.control.run(&cx, Plant(row)).await.expect("the row is planted");
    }

    /// The row of this id in `acme`.
    pub async fn row<R: Row>(&self, id: &str) -> Option<R> {
        let cx = self.host().await;
        self.control.read(&cx).get::<R>(id).await.expect("the database answers")
    }

    /// All rows of `acme`.
    pub async fn rows<R: Row>(&self) -> Vec<R> {
        let cx = self.host().await;
        self.control.read(&cx).all::<R>().await.expect("the database answers")
    }

    /// Runs SQL past everything: for a database that fails where a test wants it to.
    pub async fn raw(&self, sql: &str) {
        let url = match &self.settings {
            Settings::Sqlite(file) => format!("sqlite://{}", file.display()),
            Settings::Postgres(url) => url.clone(),
        };
        let raw = Database::connect(url).await.expect("the database opens");
        raw.execute_unprepared(sql).await.expect("runs");
        raw.close().await.expect("closes");
    }

    /// The actions of all audit events in `acme`, oldest first, without those of planting. Those of the same millisecond stand in no
    /// particular order: move the clock between what a test wants to tell apart.
    pub async fn actions(&self) -> Vec<String> {
        let mut events = self.rows::<store::AuditEvent>().await;
        events.sort_by(|a, b| (a.at_ms, &a.id).cmp(&(b.at_ms, &b.id)));
        events.into_iter().map(|event| event.action).filter(|action| action != "test.plant").collect()
    }
}

/// A signed-in person as an actor.
pub fn person(user: &str, roles: &[AdminRole]) -> Actor {
    Actor::Person { user: user.to_owned(), name: user.to_owned(), roles: roles.to_vec() }
}

async fn open(settings: &Settings, clock: &Arc<TestClock>, service: &Service, seed: u64, master: [u8; 32]) -> Control {
    let store = Store::open(settings).await.expect("the database opens");
    Control::new(store, parts(clock, service, seed, master))
}

fn parts(clock: &Arc<TestClock>, service: &Service, seed: u64, master: [u8; 32]) -> Parts {
    let vault = Vault::new(&MasterKey::new(master)).expect("a vault");
    let chance = Chance::new(ChaCha20Rng::seed_from_u64(seed));
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    Parts { clock, chance, vault, public_url: PUBLIC_URL.to_owned(), key_service: Some(Arc::new(service.clone())) }
}

struct Plant<R>(R);

impl<R: Row + Clone + 'static> UseCase for Plant<R> {
    type Out = ();
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        scene.db.put(self.0.clone()).await?;
        Ok(Done::new((), Event::new("test.plant")))
    }
}

/// Declares tests that run on SQLite and, where `WRIT_TEST_POSTGRES` is set, on PostgreSQL:
///
/// ```ignore
/// on_each_database! {
///     async fn a_request_waits(h: Harness) { … }
/// }
/// ```
macro_rules! on_each_database {
    ($($(#[$meta:meta])* async fn $name:ident($h:ident: Harness) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn body($h: $crate::support::Harness) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                body($crate::support::Harness::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let test = concat!(module_path!(), "::", stringify!($name));
                if let Some(harness) = $crate::support::Harness::postgres(test).await {
                    body(harness).await;
                }
            }
        }
    )*};
}
pub(crate) use on_each_database;
