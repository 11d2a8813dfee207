//! What a gateway does while it cannot reach the control plane.

use serde::{Deserialize, Serialize};

/// One step of the staleness ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// Applies once the newest verified timestamp has been out of date for so many seconds.
    pub after: i64,
    /// What then applies, together with all lower rungs.
    pub effect: Effect,
}

/// What a rung does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Say so, change nothing.
    Alarm,
    /// Accept only tokens issued at most so many seconds ago.
    CapTokenAge(i64),
    /// Deny scopes of high and critical risk.
    DenyHighRisk,
    /// Deny everything.
    DenyAll,
}

impl Rung {
    /// The ladder of a new tenant: an hour of ordinary work, then less and less, nothing after a day.
    pub fn default_ladder() -> Vec<Self> {
        vec![
            Self { after: 0, effect: Effect::Alarm },
            Self { after: 3600, effect: Effect::CapTokenAge(3600) },
            Self { after: 4 * 3600, effect: Effect::DenyHighRisk },
            Self { after: 24 * 3600, effect: Effect::DenyAll },
        ]
    }
}
