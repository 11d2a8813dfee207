//! Text that an OPA wrote, on its way to be kept.

/// No text of an OPA's that is kept is longer, in characters.
pub(crate) const LONGEST: usize = 512;

/// What is kept of it: printable and not endless.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}
