//! Modules and data as they stand in an engine once bundles are activated.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// What an engine holds.
#[derive(Debug, Clone)]
pub struct World {
    /// Path to source.
    pub modules: Vec<(String, String)>,
    /// Everything below `data` but what modules define.
    pub data: Value,
}

impl Default for World {
    fn default() -> Self {
        Self { modules: Vec::new(), data: json!({}) }
    }
}

impl World {
    /// Activates a bundle of these files under `name`.
    ///
    /// # Errors
    /// When a file is not what its name says.
    pub fn activate<'f>(&mut self, name: &str, files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> Result<()> {
        for (path, bytes) in files {
            if path == ".manifest" {
                let manifest: Value = serde_json::from_slice(bytes).context("a manifest")?;
                self.data["system"]["bundles"][name]["manifest"] = manifest;
            } else if let Some(path) = path.strip_suffix("/data.json") {
                let value = serde_json::from_slice(bytes).with_context(|| format!("data at {path}"))?;
                self.insert(path, value);
            } else if path.ends_with(".rego") {
                self.modules.push((path.to_owned(), String::from_utf8(bytes.to_vec())?));
            }
        }
        Ok(())
    }

    /// Merges a document into the data; what is there already stays beside it.
    fn insert(&mut self, path: &str, value: Value) {
        let mut at = &mut self.data;
        for part in path.split('/') {
            at = &mut at[part];
        }
        match (at, value) {
            (Value::Object(held), Value::Object(new)) => held.extend(new),
            (at, value) => *at = value,
        }
    }
}
