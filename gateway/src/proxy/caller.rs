//! Whose session it is.

use enforce::Generations;
use policy::TokenFacts;
use std::sync::{Mutex, PoisonError};

/// Sessions remembered at least.
const SESSIONS: usize = 20_000;

/// Who calls, as far as a session belongs to them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    subject: String,
    client: String,
    agent: Option<String>,
}

impl From<&TokenFacts> for Caller {
    fn from(facts: &TokenFacts) -> Self {
        Self { subject: facts.subject.clone(), client: facts.client.clone(), agent: facts.agent.as_ref().map(|agent| agent.id.clone()) }
    }
}

/// Which caller began which session at which server. A session id is a secret of the upstream's; here it is only a name, and good for
/// nobody but who began it. Sessions from before a restart are unknown: clients begin a new one, as MCP wants after a 404.
#[derive(Debug)]
pub(crate) struct Sessions(Mutex<Generations<(String, String), Caller>>);

impl Default for Sessions {
    fn default() -> Self {
        Self(Mutex::new(Generations::new(SESSIONS)))
    }
}

impl Sessions {
    fn map(&self) -> std::sync::MutexGuard<'_, Generations<(String, String), Caller>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Binds a new session. One that is bound keeps its caller.
    pub(crate) fn begin(&self, resource: &str, id: &str, caller: Caller) {
        let (mut map, key) = (self.map(), (resource.to_owned(), id.to_owned()));
        if map.get(&key).is_none() {
            map.insert(key, caller);
        }
    }

    /// Whether this caller began it.
    pub(crate) fn belongs(&self, resource: &str, id: &str, caller: &Caller) -> bool {
        self.map().get(&(resource.to_owned(), id.to_owned())).as_ref() == Some(caller)
    }

    /// Forgets it.
    pub(crate) fn end(&self, resource: &str, id: &str) {
        self.map().remove(&(resource.to_owned(), id.to_owned()));
    }
}
