//! Which tenant.

/// A tenant's slug: `[a-z0-9-]{1,40}`, not starting with `-`. Having one says nothing about the tenant's existence.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(String);

impl TenantId {
    /// The slug, if it has the right shape.
    pub fn parse(slug: &str) -> Option<Self> {
        let shaped = !slug.is_empty() && slug.len() <= 40 && !slug.starts_with('-');
        let allowed = slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        (shaped && allowed).then(|| Self(slug.to_owned()))
    }

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for TenantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
