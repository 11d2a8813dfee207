//! What is in force: bundles beside each other.

use crate::load::{Bundle, Refused, overlap};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The bundles in force, by name.
#[derive(Debug, Clone, Default)]
pub struct Store {
    active: BTreeMap<String, Bundle>,
}

impl Store {
    /// Puts a bundle in force under `name`, in the place of the one before.
    ///
    /// # Errors
    /// When its roots are another's; the store is as it was then.
    pub fn activate(&mut self, name: &str, bundle: Bundle) -> Result<(), Refused> {
        if bundle.is_delta() {
            let held = self.active.get_mut(name).filter(|held| held.roots() == bundle.roots()).ok_or(Refused::DeltaWithoutBase)?;
            for operation in &bundle.patch {
                patch(&mut held.data, operation);
            }
            (held.manifest, held.raw_manifest) = (bundle.manifest, bundle.raw_manifest);
            return Ok(());
        }
        for (other, held) in self.active.iter().filter(|(other, _)| *other != name) {
            if bundle.roots().iter().any(|a| held.roots().iter().any(|b| overlap(a, b))) {
                return Err(Refused::OverlapsOthers(other.clone()));
            }
        }
        self.active.insert(name.to_owned(), bundle);
        Ok(())
    }

    /// The bundle in force under `name`.
    pub fn active(&self, name: &str) -> Option<&Bundle> {
        self.active.get(name)
    }

    /// All modules in force.
    pub fn modules(&self) -> Vec<(String, String)> {
        self.active.values().flat_map(|bundle| bundle.modules.clone()).collect()
    }

    /// All data in force, manifests included, as Rego reads it.
    pub fn data(&self) -> Value {
        let mut data = json!({});
        for (name, bundle) in &self.active {
            merge(&mut data, &bundle.data);
            data["system"]["bundles"][name]["manifest"] = bundle.raw_manifest.clone();
        }
        data
    }
}

fn merge(held: &mut Value, new: &Value) {
    match (held, new) {
        (Value::Object(held), Value::Object(new)) => {
            for (name, value) in new {
                merge(held.entry(name).or_insert_with(|| json!({})), value);
            }
        }
        (held, new) => *held = new.clone(),
    }
}

/// One operation of a delta, as far as tests need it: objects only.
fn patch(data: &mut Value, operation: &Value) {
    let path = operation["path"].as_str().unwrap_or_default().trim_matches('/');
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut at = data;
    for part in parent.split('/').filter(|part| !part.is_empty()) {
        at = &mut at[part];
    }
    match operation["op"].as_str() {
        Some("remove") => {
            if let Value::Object(members) = at {
                members.remove(name);
            }
        }
        _ => at[name] = operation["value"].clone(),
    }
}
