//! How often calls were denied under a policy version.

use std::ops::Add;

/// Decisions of a gateway, or of several, while a policy version was in force there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that were allowed.
    pub allowed: u64,
    /// Calls that were denied.
    pub denied: u64,
}

impl Tally {
    /// How many calls were decided.
    #[must_use]
    pub const fn calls(self) -> u64 {
        self.allowed.saturating_add(self.denied)
    }

    /// The share of calls that were denied, in hundredths of a percent; none of nothing.
    #[must_use]
    pub fn denied_share(self) -> u16 {
        let share = u128::from(self.denied) * 10_000 / u128::from(self.calls().max(1));
        u16::try_from(share).unwrap_or(10_000)
    }

    /// Denials and calls, so that products of two of them with a share fit. Counts beyond 2^56, which no fleet decides, lose their last digits.
    fn bounded(self) -> (u128, u128) {
        let calls = self.calls();
        let excess = (u64::BITS - calls.leading_zeros()).saturating_sub(56);
        (u128::from(self.denied >> excess), u128::from(calls >> excess))
    }

    /// Whether the share of denials is more than `rise` hundredths of a percent above that of `before`.
    #[must_use]
    pub fn jumps(self, before: Self, rise: u16) -> bool {
        let ((denied, own), (denied_before, base)) = (self.bounded(), before.bounded());
        own > 0 && base > 0 && denied * base * 10_000 > denied_before * own * 10_000 + u128::from(rise) * own * base
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { allowed: self.allowed.saturating_add(other.allowed), denied: self.denied.saturating_add(other.denied) }
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn a_jump_is_more_than_the_rise_and_never_from_nothing() {
        let tally = |allowed, denied| Tally { allowed, denied };
        let calm = tally(98, 2);
        assert_eq!(calm.denied_share(), 200);
        // Exactly five points more is within five points.
        assert!(!tally(93, 7).jumps(calm, 500));
        assert!(tally(92, 8).jumps(calm, 500));
        assert!(!tally(0, 0).jumps(calm, 0) && !tally(0, 9).jumps(Tally::default(), 0));
        assert!(tally(0, u64::MAX).jumps(tally(u64::MAX, 0), 9_999));
        assert_eq!(Tally::default().denied_share(), 0);
    }
}
