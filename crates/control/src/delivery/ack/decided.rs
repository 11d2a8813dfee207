//! How calls were decided at a gateway, by policy version, over its restarts.

use super::{Ack, Counted};
use bundle::rollout::Tally;
use serde::{Deserialize, Serialize};
use store::Gateway;

/// So many policy versions of one gateway are kept.
const MOST: usize = 4;

/// What is kept of one policy version. A gateway counts from 0 when it starts: what it counted before is added up here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decided {
    /// The policy version.
    pub(crate) version: u64,
    /// When the process started that counts, Unix seconds.
    run: i64,
    allowed: u64,
    denied: u64,
    /// Of earlier runs.
    earlier: (u64, u64),
}

impl Decided {
    /// What is kept of a gateway, newest versions first.
    pub(crate) fn of(gateway: &Gateway) -> Vec<Self> {
        gateway.decided.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// All runs together.
    pub(crate) const fn tally(self) -> Tally {
        let (allowed, denied) = self.earlier;
        Tally { allowed: self.allowed.saturating_add(allowed), denied: self.denied.saturating_add(denied) }
    }

    const fn begin(run: i64, said: Counted) -> Self {
        Self { version: said.policy_version, run, allowed: said.allowed, denied: said.denied, earlier: (0, 0) }
    }

    fn update(self, run: i64, said: Counted) -> Self {
        if run == self.run {
            // An answer that was overtaken says less.
            return Self { allowed: self.allowed.max(said.allowed), denied: self.denied.max(said.denied), ..self };
        }
        let Tally { allowed, denied } = self.tally();
        Self { earlier: (allowed, denied), ..Self::begin(run, said) }
    }
}

impl Ack {
    /// What is kept after this acknowledgement; none if there is nothing.
    pub(super) fn decided_json(&self, row: &Gateway) -> Option<String> {
        let mut kept = Decided::of(row);
        for said in self.decided.iter().take(MOST) {
            let run = self.started_at;
            match kept.iter_mut().find(|held| held.version == said.policy_version) {
                Some(held) => *held = held.update(run, *said),
                None => kept.push(Decided::begin(run, *said)),
            }
        }
        kept.sort_by_key(|held| std::cmp::Reverse(held.version));
        kept.truncate(MOST);
        (!kept.is_empty()).then(|| serde_json::to_string(&kept).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Gateway {
        crate::delivery::enrolment::new_gateway("gw_1", "gw-1", String::new(), 0)
    }

    fn say(row: &Gateway, started_at: i64, said: &[(u64, u64, u64)]) -> Gateway {
        let counted = |(policy_version, allowed, denied): &(u64, u64, u64)| Counted {
            policy_version: *policy_version,
            allowed: *allowed,
            denied: *denied,
        };
        let ack = Ack { started_at, decided: said.iter().map(counted).collect(), ..Ack::default() };
        Gateway { decided: ack.decided_json(row), ..row.clone() }
    }

    fn tally(row: &Gateway, version: u64) -> (u64, u64) {
        let found = Decided::of(row).into_iter().find(|held| held.version == version).map(Decided::tally).unwrap_or_default();
        (found.allowed, found.denied)
    }

    #[test]
    fn counts_go_on_over_restarts_and_never_fall() {
        let one = say(&row(), 100, &[(7, 10, 2)]);
        assert_eq!(tally(&one, 7), (10, 2));
        // The same run: overtaken, repeated, further.
        for (said, expected) in [((7, 9, 1), (10, 2)), ((7, 10, 2), (10, 2)), ((7, 15, 3), (15, 3))] {
            assert_eq!(tally(&say(&one, 100, &[said]), 7), expected);
        }
        // A restart counts anew.
        let two = say(&one, 200, &[(7, 1, 1)]);
        assert_eq!(tally(&two, 7), (11, 3));
        let three = say(&two, 200, &[(8, 5, 5), (7, 2, 1)]);
        assert_eq!((tally(&three, 7), tally(&three, 8)), ((12, 3), (5, 5)));
        // Old versions are forgotten.
        let many = (9..14).fold(three, |row, version| say(&row, 200, &[(version, 1, 0)]));
        assert_eq!((Decided::of(&many).len(), tally(&many, 7), tally(&many, 13)), (MOST, (0, 0), (1, 0)));
        assert_eq!(say(&row(), 1, &[]).decided, None);
    }
}
