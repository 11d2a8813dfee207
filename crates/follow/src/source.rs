//! Where a repository is followed.

/// How news comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A control plane: it holds a request until there is news, and is told what is in force.
    ControlPlane,
    /// A web server or a directory that holds the files and nothing else: asked every so many milliseconds, and told nothing.
    Files {
        /// How often to ask.
        every_ms: i64,
    },
}

impl Source {
    /// Whether somebody is there to acknowledge to.
    #[must_use]
    pub const fn hears(self) -> bool {
        matches!(self, Self::ControlPlane)
    }
}
