//! The bytes of a fuzzing engine, read as choices: which sample, which edit, where.
//!
//! An engine only knows bytes. Read this way, one that it adds or changes is one more edit or another place, and one that it drops makes the
//! failing case smaller; nothing here depends on which engine it is.

/// What is left of the engine's bytes. When they run out, each further choice is the first one.
#[derive(Debug, Clone, Copy)]
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// All choices that these bytes hold.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number below `end`; 0 if there is none. Takes as many bytes as it needs, so that short choices stay short.
    pub fn below(&mut self, end: usize) -> usize {
        let (mut number, mut left) = (0_usize, end.saturating_sub(1));
        while left > 0 {
            number = number << 8 | usize::from(self.byte());
            left >>= 8;
        }
        number % end.max(1)
    }

    /// One of these.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    /// Two places in something of this length, in order.
    pub fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let (one, other) = (self.below(length + 1), self.below(length + 1));
        one.min(other)..one.max(other)
    }

    /// Any number, extremes more often than by chance.
    pub fn number(&mut self) -> i64 {
        const SPECIAL: [i64; 10] = [0, 1, -1, 59, 60, 1 << 31, 1 << 53, i64::MAX, i64::MIN, i64::MAX - 60];
        match self.byte() {
            kind if kind < 128 => *self.pick(&SPECIAL),
            _ => i64::from_be_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    /// All the rest, as it is.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_end_and_stay_in_range() {
        let mut choices = Choices::new(&[7, 1, 0, 255]);
        assert_eq!((choices.below(5), choices.below(300)), (2, 256));
        assert_eq!((choices.range(10), choices.byte(), choices.below(0)), (0..2, 0, 0));
        assert!(choices.rest().is_empty());
    }
}
