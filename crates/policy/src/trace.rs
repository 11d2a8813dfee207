//! The steps that a decision took, for people. Recording costs nothing where nobody listens.

use crate::Reason;

/// One link of the chain: what was asked, and whether it held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What was checked, as a statement: true when `broken` is `None`.
    pub what: String,
    /// Why the chain ends here, if it does.
    pub broken: Option<Reason>,
}

/// All links up to the broken one, or up to the end.
pub type Trace = Vec<Link>;

/// Where the links go.
pub(crate) trait Recorder {
    fn link(&mut self, what: impl FnOnce() -> String, broken: Option<Reason>);
}

/// Forgets: for deciding.
pub(crate) struct Silent;

impl Recorder for Silent {
    #[inline]
    fn link(&mut self, _: impl FnOnce() -> String, _: Option<Reason>) {}
}

impl Recorder for Trace {
    fn link(&mut self, what: impl FnOnce() -> String, broken: Option<Reason>) {
        self.push(Link { what: what(), broken });
    }
}
