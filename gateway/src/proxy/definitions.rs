//! How each tool is defined now, as far as its server has shown it: learned from every list that passes, and asked for by the gateway itself.
//!
//! Only tools that policy names are kept, so it cannot grow beyond the policy. What is known survives a restart: the file is sealed with a
//! key of the gateway's own, and whatever does not verify is forgotten and asked for anew.

use crate::data::DataDir;
use enforce::rpc::ParamHeaders;
use enforce::{Active, definition_digest};
use policy::McpServer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The name of the file.
const FILE: &str = "definitions";
/// The most drifted tools that are reported.
const MOST_REPORTED: usize = 50;

/// One tool as it was last shown.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Digest of its definition.
    pub(crate) digest: String,
    /// Arguments that its callers repeat in headers; `None` after a restart, until the server has shown it again.
    pub(crate) params: Option<Arc<ParamHeaders>>,
}

/// What one server has shown.
#[derive(Debug, Default)]
struct Shown {
    /// By whom: what another address showed before says nothing.
    upstream: String,
    tools: HashMap<String, Seen>,
}

/// A tool whose live definition is not the reviewed one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drifted {
    /// The server's resource URI.
    pub resource: String,
    /// The tool.
    pub tool: String,
    /// Digest of its live definition.
    pub digest: String,
}

/// All that is known.
#[derive(Debug, Default)]
pub struct Definitions {
    by_resource: RwLock<HashMap<String, Shown>>,
    unsaved: AtomicBool,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    upstream: String,
    tools: BTreeMap<String, String>,
}

impl Definitions {
    /// What was kept in `data`, if it verifies.
    pub fn restore(data: &DataDir) -> Self {
        let definitions = Self::default();
        let kept: BTreeMap<String, Kept> = match data.open_sealed(FILE) {
            Ok(Some(text)) => serde_json::from_slice(&text).unwrap_or_default(),
            Ok(None) => BTreeMap::new(),
            Err(error) => {
                tracing::warn!(%error, "the kept definitions of tools are not used; the servers are asked again");
                BTreeMap::new()
            }
        };
        let mut all = definitions.by_resource.write().unwrap_or_else(PoisonError::into_inner);
        for (resource, Kept { upstream, tools }) in kept {
            let tools = tools.into_iter().map(|(name, digest)| (name, Seen { digest, params: None })).collect();
            all.insert(resource, Shown { upstream, tools });
        }
        drop(all);
        definitions
    }

    /// Keeps what is known in `data`, if anything changed since.
    ///
    /// # Errors
    /// The file system's.
    pub fn keep(&self, data: &DataDir) -> std::io::Result<()> {
        if !self.unsaved.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let kept: BTreeMap<String, Kept> = {
            let all = self.by_resource.read().unwrap_or_else(PoisonError::into_inner);
            let kept = |shown: &Shown| Kept {
                upstream: shown.upstream.clone(),
                tools: shown.tools.iter().map(|(name, seen)| (name.clone(), seen.digest.clone())).collect(),
            };
            all.iter().map(|(resource, shown)| (resource.clone(), kept(shown))).collect()
        };
        let written = serde_json::to_vec(&kept).map_err(std::io::Error::from).and_then(|text| data.seal(FILE, &text));
        if written.is_err() {
            self.unsaved.store(true, Ordering::Relaxed);
        }
        written
    }

    /// A tool as it was last seen.
    pub(crate) fn get(&self, server: &McpServer, resource: &str, tool: &str) -> Option<Seen> {
        let all = self.by_resource.read().unwrap_or_else(PoisonError::into_inner);
        all.get(resource).filter(|shown| shown.upstream == server.upstream)?.tools.get(tool).cloned()
    }

    /// Takes in definitions that a server shows now.
    pub(crate) fn learn(&self, active: &Active, resource: &str, definitions: &[Value]) {
        let Some(server) = active.policy().servers.get(resource) else { return };
        let mut found = Vec::new();
        for definition in definitions {
            let name = definition.get("name").and_then(Value::as_str);
            let Some((name, _)) = name.and_then(|name| server.tools.get_key_value(name)) else { continue };
            let seen = Seen { digest: definition_digest(definition), params: Some(Arc::new(ParamHeaders::of(definition))) };
            found.push((name.to_string(), seen));
        }
        let mut all = self.by_resource.write().unwrap_or_else(PoisonError::into_inner);
        let shown = all.entry(resource.to_owned()).or_default();
        if shown.upstream != server.upstream {
            *shown = Shown { upstream: server.upstream.clone(), tools: HashMap::new() };
        }
        for (name, seen) in found {
            let reviewed = server.tools.get(name.as_str()).and_then(|tool| tool.digest.as_deref());
            let before = shown.tools.get(&name).map(|seen| seen.digest.as_str());
            if before != Some(seen.digest.as_str()) {
                self.unsaved.store(true, Ordering::Relaxed);
                if reviewed.is_some_and(|reviewed| reviewed != seen.digest) {
                    let (server, tool, live) = (server.name.as_str(), name.as_str(), seen.digest.as_str());
                    tracing::warn!(server, tool, live, "a tool is not defined as it was reviewed: calls of it are denied");
                }
            }
            shown.tools.insert(name, seen);
        }
    }

    /// Forgets what policy does not name any more.
    pub(crate) fn prune(&self, active: &Active) {
        let servers = &active.policy().servers;
        let mut all = self.by_resource.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|resource, shown| servers.get(resource).is_some_and(|server| server.upstream == shown.upstream));
        for (resource, shown) in all.iter_mut() {
            let tools = servers.get(resource).map(|server| &server.tools);
            shown.tools.retain(|name, _| tools.is_some_and(|tools| tools.contains_key(name.as_str())));
        }
    }

    /// Tools whose live definition is not the reviewed one, in a stable order, not more than can be reported.
    pub fn drifted(&self, active: &Active) -> Vec<Drifted> {
        let all = self.by_resource.read().unwrap_or_else(PoisonError::into_inner);
        let mut drifted = Vec::new();
        for (resource, server) in &active.policy().servers {
            let Some(shown) = all.get(resource).filter(|shown| shown.upstream == server.upstream) else { continue };
            for (tool, reviewed) in server.tools.iter().filter_map(|(name, tool)| Some((name, tool.digest.as_deref()?))) {
                if let Some(seen) = shown.tools.get(tool.as_str()).filter(|seen| seen.digest != reviewed) {
                    drifted.push(Drifted { resource: resource.clone(), tool: tool.to_string(), digest: seen.digest.clone() });
                    if drifted.len() == MOST_REPORTED {
                        return drifted;
                    }
                }
            }
        }
        drifted
    }
}
