//! The two bundles.

/// One of the two bundles that an OPA follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// What may be called by whom. Moves with a publish.
    Policy,
    /// What was taken away. Moves at once.
    Revocations,
}

impl Lane {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Policy, Self::Revocations];

    /// The bundle's name in an OPA's configuration. It is part of the contract: the Rego finds the manifests by it.
    #[must_use]
    pub const fn bundle_name(self) -> &'static str {
        match self {
            Self::Policy => "writ-policy",
            Self::Revocations => "writ-revocations",
        }
    }

    /// The lane of the bundle of that name.
    #[must_use]
    pub fn of_bundle(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.bundle_name() == name)
    }

    /// The paths below `data` that the bundle owns. No two overlap, within a lane or across.
    #[must_use]
    pub const fn roots(self) -> &'static [&'static str] {
        match self {
            Self::Policy => &["writ/checks", "writ/decision", "writ/listing", "writ/policy"],
            Self::Revocations => &["writ/revocations"],
        }
    }

    /// Its name in URLs and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Revocations => "revocations",
        }
    }
}
