//! The pages of a list of tools, checked one after the other.

use std::collections::HashSet;

use serde_json::Value;

use super::{Bounds, ImportError, ImportedTool, tool::label};

/// What the pages so far held.
#[derive(Debug)]
pub struct Pages {
    bounds: Bounds,
    left: usize,
    tools: Vec<ImportedTool>,
    names: HashSet<String>,
    cursor: Option<String>,
}

impl Pages {
    /// Nothing yet.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, left: bounds.pages, tools: Vec::new(), names: HashSet::new(), cursor: None }
    }

    /// What to ask the next page with; `None` for the first.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Takes the result of `tools/list`, and says whether there is another page.
    ///
    /// # Errors
    /// [`ImportError`]: nothing of the list is to be used.
    pub fn take(&mut self, result: &Value) -> Result<bool, ImportError> {
        let Some(page) = result.get("tools").and_then(Value::as_array) else {
            return Err(ImportError::Protocol("its answer lists no tools".into()));
        };
        // Counted before anything is looked at, so that a flood costs no more than reading it.
        if self.tools.len() + page.len() > self.bounds.tools {
            return Err(ImportError::TooManyTools { limit: self.bounds.tools });
        }
        for definition in page {
            let bad = |problem| ImportError::BadTool { number: self.tools.len() + 1, name: label(definition), problem };
            let tool = ImportedTool::from_definition(definition, &self.bounds).map_err(bad)?;
            if !self.names.insert(tool.name.clone()) {
                return Err(bad("has the name of another tool".into()));
            }
            self.tools.push(tool);
        }
        self.left = self.left.saturating_sub(1);
        match result.get("nextCursor") {
            None | Some(Value::Null) => Ok(false),
            Some(Value::String(next)) if self.cursor.as_ref() == Some(next) => {
                Err(ImportError::Protocol("its pages go round in circles".into()))
            }
            Some(Value::String(_)) if self.left == 0 => Err(ImportError::TooLarge { limit: self.bounds.pages, unit: "pages" }),
            Some(Value::String(next)) => {
                self.cursor = Some(next.clone());
                Ok(true)
            }
            Some(_) => Err(ImportError::Protocol("its cursor is not text".into())),
        }
    }

    /// All tools, in the server's order.
    pub fn into_tools(self) -> Vec<ImportedTool> {
        self.tools
    }
}
