//! What has happened in the worlds that were played: a judge who never sees a crime proves nothing.

use policy::Kind;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    pub fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    pub fn add(&mut self, other: Self) {
        for (what, times) in other.0 {
            *self.0.entry(what).or_default() += times;
        }
    }

    /// Everything that has to happen in a hundred worlds or so.
    pub fn judge(&self) {
        println!("{:?}", self.0);
        for kind in Kind::ALL {
            self.came_to(&format!("a call ended: {kind}", kind = kind.as_str()));
            // These take single scopes, which a stream or session does not need.
            if !matches!(kind, Kind::Grant | Kind::RoleScope) {
                self.came_to(&format!("a stream ended: {kind}", kind = kind.as_str()));
                self.came_to(&format!("a session ended: {kind}", kind = kind.as_str()));
            }
        }
        for what in [
            "a call was allowed",
            "a call was refused",
            "a call came before its list",
            "a call was allowed by a grant",
            "a call ended: nothing gives it",
            "a call ended: stale",
            "a stream ended: stale",
            "a stream ended: its token ran out",
            "a call outlived its token",
            "something was taken from a call that had outlived its token",
            "something went on that nothing was taken from",
            "a message was lost",
            "a file was altered",
            "a file was old",
            "an old mirror was followed",
            "a replica lagged",
            "a replica died",
            "a gateway died",
            "a clock jumped",
            "a disk was full",
            "a disk was spoilt",
            "a gateway started closed",
            "a gateway started with what it kept",
            "a kept state was older than the floors",
            "rings ran different versions",
            "a gateway was pinned",
            "a key was replaced",
            "refused: rollback",
            "refused: expired",
            "told: rollback",
            "told: state_not_kept",
        ] {
            self.came_to(what);
        }
    }

    fn came_to(&self, what: &str) {
        assert!(self.0.contains_key(what), "it never came to this: {what}");
    }
}
