//! The shape of names. One rule in one place: whoever takes a name from outside asks here.

/// Why a name was refused. The text is meant for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("it is empty")]
    Empty,
    /// Longer than allowed.
    #[error("it is longer than {0} characters")]
    TooLong(usize),
    /// A character that names may not hold.
    #[error("it holds {0:?}, but only a-z, 0-9 and {1} may be used")]
    Character(char, &'static str),
}

/// A scope such as `logs.read`: `[a-z0-9._:-]{1,80}`.
///
/// # Errors
/// Says which character or length is wrong.
pub fn valid_scope(name: &str) -> Result<(), NameError> {
    check(name, 80, "._:-", ". _ : -")
}

/// A role, class, server or gateway name: `[a-z0-9._-]{1,64}`.
///
/// # Errors
/// Says which character or length is wrong.
pub fn valid_name(name: &str) -> Result<(), NameError> {
    check(name, 64, "._-", ". _ -")
}

fn check(name: &str, longest: usize, marks: &str, shown: &'static str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > longest {
        return Err(NameError::TooLong(longest));
    }
    match name.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || marks.contains(*c))) {
        Some(c) => Err(NameError::Character(c, shown)),
        None => Ok(()),
    }
}
