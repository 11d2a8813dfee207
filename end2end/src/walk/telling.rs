//! Printing a step while it happens, and comparing it with what should happen.

use anyhow::Result;
use std::fmt::{Debug, Display};

/// One step as it is told.
pub struct Telling {
    number: usize,
    differences: Vec<String>,
}

impl Telling {
    /// Prints what the step is about.
    pub fn begin(number: usize, title: &str) -> Self {
        println!("\nstep {number}: {title}");
        Self { number, differences: Vec::new() }
    }

    /// Something that came about and is only told.
    pub fn note(&mut self, what: impl Display) {
        println!("    {what}");
    }

    /// Something that must be so.
    pub fn expect(&mut self, what: impl Display, so: bool) {
        if so {
            println!("    {what}");
        } else {
            self.differ(format!("NOT SO: {what}"));
        }
    }

    /// Something that must be equal to what is told.
    pub fn equal<T: PartialEq + Debug>(&mut self, what: impl Display, found: T, told: T) {
        if found == told {
            println!("    {what}: {}", plain(&told));
        } else {
            self.differ(format!("DIFFERENT: {what}: expected {}, found {}", plain(&told), plain(&found)));
        }
    }

    fn differ(&mut self, what: String) {
        println!("  ! {what}");
        self.differences.push(what);
    }

    /// Ends the step and says whether it was as told.
    pub fn end(mut self, result: Result<()>) -> bool {
        if let Err(error) = result {
            self.differ(format!("BROKEN: {error:#}"));
        }
        let outcome = match self.differences.len() {
            0 => "as told".to_owned(),
            1 => "1 difference".to_owned(),
            n => format!("{n} differences"),
        };
        println!("step {}: {outcome}", self.number);
        self.differences.is_empty()
    }
}

/// A value as people write it: without what only Rust needs.
fn plain(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    let text = text.strip_prefix("Some(").and_then(|inner| inner.strip_suffix(')')).unwrap_or(&text);
    text.trim_matches('"').to_owned()
}
