//! The stages, from what fails fast to what takes long.

use clap::ValueEnum;

/// One stage.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Stage {
    /// Formatting.
    Fmt,
    /// The programs.
    Build,
    /// Clippy.
    Clippy,
    /// Unit and integration tests, on both databases.
    Rust,
    /// The attack table, as three clients of The Update Framework see it.
    Tuf,
    /// The generated Rego against our own decision, in OPA's engine.
    Opa,
    /// Doc tests and the documentation.
    Docs,
    /// Licences, bans and sources of dependencies.
    Licences,
    /// The browser half.
    Web,
    /// The story, against real processes.
    Walk,
    /// The console in Chromium.
    Browser,
}

impl Stage {
    /// In the order of running.
    pub const ALL: [Self; 11] = [
        Self::Fmt,
        Self::Build,
        Self::Clippy,
        Self::Rust,
        Self::Tuf,
        Self::Opa,
        Self::Docs,
        Self::Licences,
        Self::Web,
        Self::Walk,
        Self::Browser,
    ];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Build => "build",
            Self::Clippy => "clippy",
            Self::Rust => "rust",
            Self::Tuf => "tuf",
            Self::Opa => "opa",
            Self::Docs => "docs",
            Self::Licences => "licences",
            Self::Web => "web",
            Self::Walk => "walk",
            Self::Browser => "browser",
        }
    }

    /// What it checks, in a line.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Fmt => "sources are formatted",
            Self::Build => "every program builds",
            Self::Clippy => "no warning from clippy",
            Self::Rust => "unit and integration tests, on SQLite and PostgreSQL",
            Self::Tuf => "evil repositories are refused and good ones taken: by our client, by tough and by python-tuf",
            Self::Opa => "the generated Rego decides as policy does, 102,400 times, in regorus and in OPA's own engine",
            Self::Docs => "examples in the documentation run, and it has no broken link",
            Self::Licences => "dependencies have accepted licences and sources",
            Self::Web => "the browser half builds",
            Self::Walk => "the story from sign-in to revocation, against real processes",
            Self::Browser => "the console in Chromium, with no error in its console",
        }
    }
}
