//! Whose session it is, and how much one caller has under way.

use enforce::{Enforcer, Generations};
use policy::TokenFacts;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

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
pub(crate) struct Sessions(Mutex<Generations<(String, String), Begun>>);

/// By whom a session was begun.
#[derive(Debug, Clone)]
struct Begun {
    caller: Caller,
    facts: Arc<TokenFacts>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self(Mutex::new(Generations::new(SESSIONS)))
    }
}

impl Sessions {
    fn map(&self) -> std::sync::MutexGuard<'_, Generations<(String, String), Begun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Binds a new session. One that is bound keeps its caller.
    pub(crate) fn begin(&self, resource: &str, id: &str, caller: Caller, facts: &Arc<TokenFacts>) {
        let (mut map, key) = (self.map(), (resource.to_owned(), id.to_owned()));
        if map.get(&key).is_none() {
            map.insert(key, Begun { caller, facts: Arc::clone(facts) });
        }
    }

    /// Whether this caller began it.
    pub(crate) fn belongs(&self, resource: &str, id: &str, caller: &Caller) -> bool {
        self.map().get(&(resource.to_owned(), id.to_owned())).is_some_and(|begun| begun.caller == *caller)
    }

    /// Forgets it.
    pub(crate) fn end(&self, resource: &str, id: &str) {
        self.map().remove(&(resource.to_owned(), id.to_owned()));
    }

    /// Forgets those that have to end by what is in force now.
    pub(crate) fn end_refused(&self, enforcer: &Enforcer, now: i64) {
        self.map().retain(|(resource, _), begun| enforcer.ends_session(&begun.facts, resource, now).is_none());
    }
}

/// What each caller has under way.
#[derive(Debug, Default)]
pub(crate) struct Busy(Mutex<HashMap<Caller, Load>>);

#[derive(Debug, Default, Clone, Copy)]
struct Load {
    requests: usize,
    streams: usize,
}

impl Load {
    const fn of(&mut self, stream: bool) -> &mut usize {
        if stream { &mut self.streams } else { &mut self.requests }
    }
}

/// One request's or stream's part of its caller's load, until this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Arc<Busy>,
    caller: Caller,
    stream: bool,
}

impl Busy {
    /// Counts one more, unless there are `most` already.
    pub(crate) fn take(self: &Arc<Self>, caller: &Caller, stream: bool, most: usize) -> Option<Share> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.entry(caller.clone()).or_default().of(stream);
        if *taken >= most {
            return None;
        }
        *taken += 1;
        Some(Share { of: Arc::clone(self), caller: caller.clone(), stream })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut all = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(load) = all.get_mut(&self.caller) {
            *load.of(self.stream) -= 1;
            if load.requests == 0 && load.streams == 0 {
                all.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_a_share_and_gives_it_back() {
        let busy = Arc::new(Busy::default());
        let caller = |subject: &str| Caller { subject: subject.into(), client: "cli".into(), agent: None };
        let (sam, dev) = (caller("usr_sam"), caller("usr_dev"));
        let first = busy.take(&sam, false, 1).expect("a share");
        assert!(busy.take(&sam, false, 1).is_none());
        let _stream = busy.take(&sam, true, 1).expect("streams are counted apart");
        let _other = busy.take(&dev, false, 1).expect("others are not touched");
        drop(first);
        assert!(busy.take(&sam, false, 1).is_some());
        assert_eq!(busy.0.lock().expect("lock").len(), 2, "sam has a stream, dev a request");
        assert!(busy.take(&caller("usr_none"), true, 0).is_none());
    }
}
