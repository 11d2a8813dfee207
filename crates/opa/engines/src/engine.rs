//! What both engines can be asked.

use crate::{Genuine, Interpreter};
use anyhow::{Context as _, Result};
use serde_json::Value;

/// An engine at a time that stands still.
pub enum Engine {
    /// regorus.
    Interpreter(Box<Interpreter>),
    /// The genuine one, with the time in Unix nanoseconds.
    Genuine(Box<Genuine>, i64),
}

impl Engine {
    /// The value of a document, such as `data.writ.decision`, for this input.
    ///
    /// # Errors
    /// When it is undefined, or cannot be evaluated: in the engine's own words.
    pub fn document(&mut self, path: &str, input: &Value) -> Result<Value> {
        match self {
            Self::Interpreter(engine) => engine.document(path, input),
            Self::Genuine(engine, now_ns) => {
                let query = format!("x := {path} with time.now_ns as {now_ns}");
                engine.query(&query, input)?.with_context(|| format!("{path} is undefined"))
            }
        }
    }

    /// For messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Interpreter(_) => "regorus",
            Self::Genuine(..) => "the genuine engine",
        }
    }
}
