//! What is wrong with a configuration: all of it at once, each with its place and its remedy.

use std::fmt;

/// One thing that cannot work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is: `gateway.toml:12`, the file alone for what is absent, or the option of the command line.
    pub place: String,
    /// Which setting.
    pub setting: String,
    /// What is wrong and what to do. Never a secret.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.setting.is_empty() || self.setting == self.place {
            true => write!(f, "{}: {}", self.place, self.what),
            false => write!(f, "{}: {}: {}", self.place, self.setting, self.what),
        }
    }
}

/// So many are told at once; a file that has more is not the right file.
const MOST: usize = 100;

/// Everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, place: impl Into<String>, setting: impl Into<String>, what: impl Into<String>) {
        let place = place.into();
        match self.0.len() {
            ..MOST => self.0.push(Problem { place, setting: setting.into(), what: what.into() }),
            MOST => self.0.push(Problem { place, setting: String::new(), what: "this and more is wrong, too".into() }),
            _ => {}
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => write!(f, "{one}"),
            all => {
                write!(f, "the configuration has {} errors", all.len())?;
                all.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for Problems {}
