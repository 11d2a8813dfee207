//! What the rule goes by, as the tenant set it.

use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use bundle::rollout::Bounds;
use serde_json::json;
use store::{Reader, RolloutRule};

const ID: &str = "rule";
/// A week.
const LONGEST_SOAK_S: i64 = 7 * 24 * 3600;

/// The rule's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Whether the rule promotes by itself. It takes back what goes wrong in any case.
    pub promotes: bool,
    /// How long a ring has a version before the next gets it, seconds.
    pub soak_s: i64,
    /// By how much the share of denied calls may rise, in hundredths of a percent.
    pub most_rise: u16,
    /// From so many calls on that is judged.
    pub least_calls: u64,
    /// Counts edits; 0 while the defaults hold.
    pub version: i64,
}

impl Default for Rule {
    /// A person promotes; ten minutes; five points; a hundred calls.
    fn default() -> Self {
        Self { promotes: false, soak_s: 600, most_rise: 500, least_calls: 100, version: 0 }
    }
}

impl Rule {
    pub(super) async fn read(db: &Reader<'_>) -> Result<Self> {
        let Some(row) = db.get::<RolloutRule>(ID).await? else { return Ok(Self::default()) };
        Ok(Self {
            promotes: row.promotes == 1,
            soak_s: row.soak_s,
            most_rise: u16::try_from(row.most_rise).unwrap_or(u16::MAX),
            least_calls: row.least_calls.unsigned_abs(),
            version: row.version,
        })
    }

    pub(super) const fn bounds(self) -> Bounds {
        Bounds { promotes: self.promotes, soak_ms: self.soak_s * 1000, most_rise: self.most_rise, least_calls: self.least_calls }
    }
}

/// The rule's settings.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadFleet`].
pub async fn rule(control: &Control, cx: &Ctx) -> Result<Rule> {
    cx.needs(Permission::ReadFleet)?;
    Rule::read(&control.read(cx)).await
}

/// Sets them. They hold for a rollout under way, too.
pub struct SetRule(
    /// `version` is that of the settings that were shown.
    pub Rule,
);

impl UseCase for SetRule {
    type Out = ();
    const NEEDS: Permission = Permission::WriteRollouts;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let Rule { promotes, soak_s, most_rise, least_calls, version } = self.0;
        if !(0..=LONGEST_SOAK_S).contains(&soak_s) {
            return Err(Error::invalid("soak", "use 0 minutes to 7 days"));
        }
        if most_rise > 10_000 {
            return Err(Error::invalid("most_rise", "use 0 to 100 points"));
        }
        let calls = i64::try_from(least_calls).ok().filter(|calls| *calls <= 1_000_000_000);
        let least_calls = calls.ok_or_else(|| Error::invalid("least_calls", "use at most 1,000,000,000"))?;
        if Rule::read(&scene.db).await?.version != version {
            return Err(Error::Changed("the rule was edited after you saw it".to_owned()));
        }
        let row = RolloutRule {
            id: ID.to_owned(),
            promotes: i64::from(promotes),
            soak_s,
            most_rise: most_rise.into(),
            least_calls,
            version: version + 1,
        };
        let details = json!({ "promotes": promotes, "soak_s": soak_s, "most_rise": most_rise, "least_calls": least_calls });
        scene.db.put(row).await?;
        Ok(Done::new((), Event::new("rollout.set_rule").details(details)))
    }
}
