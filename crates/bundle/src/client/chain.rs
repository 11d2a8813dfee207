//! Roots one after another, verified by somebody who follows no repository: a person about to sign.

use super::Refused;
use super::workflow::{Judge, Opened, check, parse, same_version};
use crate::digest::sha256_hex;
use crate::layout::Role;
use crate::repository::Repository;
use crate::schema::{Root, Targets};

/// A chain of roots, verified from one that was trusted before.
///
/// Ends are not judged: a root that has ended must still be replaced by its own keys.
#[derive(Debug, Clone)]
pub struct Chain {
    tenant: String,
    first_sha256: String,
    newest: Opened<Root>,
    text: String,
}

impl Chain {
    /// Verifies `roots`, the oldest first. Trust begins at the one whose SHA-256 is `trusted` (lower-case hex), whichever it is; those
    /// before it are not looked at.
    ///
    /// # Errors
    /// [`Refused::PinnedRootMismatch`] when none of them is the trusted one; whatever is wrong with one that follows it.
    pub fn verify(tenant: &str, trusted: &str, roots: &[String]) -> Result<Self, Refused> {
        let missing = || Refused::Missing { file: Role::Root.path(1) };
        let first = sha256_hex(roots.first().ok_or_else(missing)?.as_bytes());
        let mut after = roots.iter().skip_while(|text| sha256_hex(text.as_bytes()) != trusted);
        let Some(start) = after.next() else {
            return Err(Refused::PinnedRootMismatch { expected: trusted.to_owned(), found: first });
        };
        let mut newest = open(tenant, start, None)?;
        let mut text = start;
        for next in after {
            newest = open(tenant, next, Some(&newest))?;
            text = next;
        }
        Ok(Self { tenant: tenant.to_owned(), first_sha256: first, newest, text: text.clone() })
    }

    /// Version of the newest root.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.newest.version
    }

    /// End of the newest root, Unix seconds.
    #[must_use]
    pub fn expires(&self) -> i64 {
        self.newest.expires
    }

    /// SHA-256 of the oldest root that was given, lower-case hex: what gateways pin, if it is the first of all.
    #[must_use]
    pub fn first_sha256(&self) -> &str {
        &self.first_sha256
    }

    /// The repository as far as it can be told from these roots and `targets`, its list of policies, which the newest root must vouch for.
    ///
    /// # Errors
    /// Whatever is wrong with `targets`.
    pub fn repository(&self, targets: Option<&str>) -> Result<Repository, Refused> {
        let mut metadata = vec![(Role::Root, self.text.clone())];
        if let Some(text) = targets {
            let Root { keys, roles, .. } = &self.newest.body;
            let judge = Judge { keys, role: &roles.targets, label: "root" };
            check::<Targets>(Role::Targets, "the list of policies", text, judge, &self.tenant)?;
            metadata.push((Role::Targets, text.to_owned()));
        }
        Ok(Repository::verified(&self.tenant, &self.first_sha256, metadata))
    }
}

/// One root, signed by its own keys and by those of the one before.
fn open(tenant: &str, text: &str, previous: Option<&Opened<Root>>) -> Result<Opened<Root>, Refused> {
    let path = previous.map_or_else(|| "the trusted root".to_owned(), |previous| Role::Root.path(previous.version + 1));
    if let Some(Opened { version, body, .. }) = previous {
        let judge = Judge { keys: &body.keys, role: &body.roles.root, label: "previous root" };
        let opened: Opened<Root> = check(Role::Root, &path, text, judge, tenant)?;
        same_version(&path, version + 1, opened.version)?;
    }
    let parsed: Root = parse(&path, text)?.1;
    let judge = Judge { keys: &parsed.keys, role: &parsed.roles.root, label: "itself" };
    check(Role::Root, &path, text, judge, tenant)
}
