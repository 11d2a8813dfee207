//! Home: what needs this person, and how far setting up has come.

use super::questions::servers;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::delivery::rollout::course;
use crate::delivery::{CandidateView, GatewayView, Standing, candidate, fleet};
use crate::error::{Error, Result};
use crate::governance::{self, GrantFilter, GrantIs, Page, Tab};
use crate::keys::endings;
use crate::permission::Permission;
use bundle::Role;
use store::{Agent, Client, Gateway, GroupRole, IdpConnection, Server, Tool};

/// What home shows. What this person may not see is left out.
#[derive(Debug, Clone, Default)]
pub struct Home {
    /// Requests that wait for this person's decision, and for somebody else's.
    pub waiting: Option<(u64, u64)>,
    /// One's own requests that wait for somebody.
    pub own_waiting: u64,
    /// Servers with tools that are denied since they changed: id, name, how many.
    pub drifted: Vec<(String, String, u64)>,
    /// Servers with tools that are denied since nobody bound them: id, name, how many.
    pub unbound: Vec<(String, String, u64)>,
    /// Edits that wait for a publish.
    pub draft_edits: u64,
    /// Gateways that are not as they should be.
    pub gateways: Vec<GatewayView>,
    /// All gateways, and those that run what they should.
    pub converged: Option<(u64, u64)>,
    /// Grants in force: everybody's for those who may see them, one's own otherwise.
    pub grants: u64,
    /// People who have signed in.
    pub people: Option<u64>,
    /// What is published.
    pub live: Live,
    /// What has been signed and nears its end, or has ended: the role, the end in Unix seconds, and whether it has to be signed elsewhere.
    pub endings: Vec<(Role, i64, bool)>,
    /// The candidate that awaits the signature of the policy key.
    pub candidate: Option<CandidateView>,
    /// How far setting up has come; none for those who do not set up.
    pub setup: Option<Setup>,
}

/// What is published, as far as this person may know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Live {
    /// Not theirs to read.
    #[default]
    Unknown,
    /// Nothing: gateways deny everything.
    Nothing,
    /// This version, since this time (Unix milliseconds).
    Version(u64, i64),
    /// A version is on its way through the rings.
    OnItsWay {
        /// That version.
        version: u64,
        /// What all ran before.
        stable: u64,
        /// How many rings have it.
        reached: i64,
        /// How many there are.
        rings: usize,
        /// A person stopped it.
        halted: bool,
    },
}

/// Steps of setting up, each done or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one step of a list")]
pub struct Setup {
    /// An identity provider is connected.
    pub idp: bool,
    /// There are roles.
    pub roles: bool,
    /// A group gives a role.
    pub groups: bool,
    /// A server is registered and at least one of its tools is bound.
    pub server: bool,
    /// A client is registered.
    pub client: bool,
    /// Something was published.
    pub published: bool,
    /// A gateway is enrolled.
    pub gateway: bool,
}

impl Setup {
    /// Whether nothing is left to do.
    pub const fn done(self) -> bool {
        self.idp && self.roles && self.groups && self.server && self.client && self.published && self.gateway
    }
}

/// What needs this person.
///
/// # Errors
/// [`Error::Forbidden`] for who is not signed in.
pub async fn home(control: &Control, cx: &Ctx) -> Result<Home> {
    let may = |permission| cx.actor.may(permission);
    if !may(Permission::ReadConsole) {
        cx.needs(Permission::SignedIn)?;
    }
    let db = control.read(cx);
    let tenant = db.this_tenant().await?.ok_or(Error::NotFound)?;
    let mut home = Home::default();
    if may(Permission::ReadRequests) {
        home.waiting = Some(governance::inbox(control, cx, Tab::ToDecide, &Page::first(1)).await?.waiting);
    }
    if let Ok(person) = cx.person() {
        let own = store::RequestFilter { user: Some(person.to_owned()), open: Some(true), now_ms: cx.now_ms };
        home.own_waiting = db.count_requests(&own).await?;
    }
    let whose = if may(Permission::ReadRequests) { None } else { cx.person().ok().map(str::to_owned) };
    let in_force = GrantFilter { user: whose, state: Some(GrantIs::Active), now_s: cx.now_s(), ..GrantFilter::default() };
    home.grants = db.count_grants(&in_force).await?;
    if may(Permission::ReadPeople) {
        home.people = Some(db.count_users().await?);
    }
    if may(Permission::ReadFleet) {
        let fleet = fleet(control, cx).await?;
        let current = fleet.gateways.iter().filter(|gateway| gateway.standing == Standing::Current).count() as u64;
        home.converged = Some((fleet.gateways.len() as u64, current));
        home.gateways = fleet.gateways.into_iter().filter(|gateway| !matches!(gateway.standing, Standing::Current)).collect();
    }
    if may(Permission::ReadConfig) {
        home.endings = endings(&db, cx.now_s()).await?;
        home.candidate = candidate(control, cx).await?;
        home.draft_edits = u64::try_from(tenant.draft - tenant.published_draft).unwrap_or_default();
        for view in servers(control, cx).await? {
            let drifted = view.tools.iter().filter(|tool| tool.drifted()).count() as u64;
            let unbound = view.tools.iter().filter(|tool| tool.tool.present == 1 && tool.tool.scope.is_none()).count() as u64;
            let (id, name) = (view.server.id, view.server.name);
            if drifted > 0 {
                home.drifted.push((id.clone(), name.clone(), drifted));
            }
            if unbound > 0 {
                home.unbound.push((id, name, unbound));
            }
        }
    }
    if may(Permission::ReadConfig) || may(Permission::ReadFleet) {
        let live = db.bundle_heads().await?.into_iter().find(|head| head.version == tenant.policy_version);
        home.live = live.map_or(Live::Nothing, |head| Live::Version(u64::try_from(head.version).unwrap_or_default(), head.published_ms));
        if let Some(row) = db.rollout_under_way().await? {
            let course = course(&db).await?;
            home.live = Live::OnItsWay {
                version: row.version.unsigned_abs(),
                stable: course.stable(),
                reached: row.reached,
                rings: course.rings().len(),
                halted: course.rollout().is_some_and(|rollout| rollout.halted),
            };
        }
    }
    if may(Permission::WriteConfig) {
        let setup = Setup {
            idp: !db.all::<IdpConnection>().await?.is_empty(),
            roles: !db.all::<store::Role>().await?.is_empty(),
            groups: !db.all::<GroupRole>().await?.is_empty(),
            server: !db.all::<Server>().await?.is_empty() && db.all::<Tool>().await?.iter().any(|tool| tool.scope.is_some()),
            client: !db.all::<Client>().await?.is_empty() || !db.all::<Agent>().await?.is_empty(),
            published: tenant.policy_version > 0,
            gateway: !db.all::<Gateway>().await?.is_empty(),
        };
        home.setup = Some(setup);
    }
    Ok(home)
}
