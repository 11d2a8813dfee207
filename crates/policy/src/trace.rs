//! The steps that a decision took, for people. Recording costs nothing where nobody listens.

use crate::Reason;

/// One link of the chain: what was asked, and whether it held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What was checked, as a statement: true when `broken` is `None`.
    pub what: String,
    /// Why the chain ends here, if it does.
    pub broken: Option<Reason>,
    /// Until when it holds, Unix seconds, where that is known beforehand.
    pub until: Option<i64>,
}

/// All links up to the broken one, or up to the end.
pub type Trace = Vec<Link>;

/// Where the links go.
pub(crate) trait Recorder {
    fn link(&mut self, what: impl FnOnce() -> String, broken: Option<Reason>);
    /// A link that holds, and until when.
    fn until(&mut self, what: impl FnOnce() -> String, end: i64);
}

/// Forgets: for deciding.
pub(crate) struct Silent;

impl Recorder for Silent {
    #[inline]
    fn link(&mut self, _: impl FnOnce() -> String, _: Option<Reason>) {}
    #[inline]
    fn until(&mut self, _: impl FnOnce() -> String, _: i64) {}
}

impl Recorder for Trace {
    fn link(&mut self, what: impl FnOnce() -> String, broken: Option<Reason>) {
        self.push(Link { what: what(), broken, until: None });
    }

    fn until(&mut self, what: impl FnOnce() -> String, end: i64) {
        self.push(Link { what: what(), broken: None, until: Some(end) });
    }
}
