//! What has happened in the worlds that were played: a judge who never sees a crime proves nothing.

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
        for what in [
            "a call was allowed",
            "a call was refused",
            "a call came before its list",
            "a stream was ended",
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
            assert!(self.0.contains_key(what), "it never came to this: {what}");
        }
    }
}
