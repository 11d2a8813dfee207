//! The scopes of a role.

use crate::model::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Scopes in their order, each once, side by side: a role has few, and for a gateway with a thousand roles a tree for each is mostly room for
/// what is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeSet<Name>")]
pub struct ScopeSet(Box<[Name]>);

impl ScopeSet {
    /// Whether the scope is one of them.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.binary_search_by(|held| held.as_str().cmp(scope)).is_ok()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(Name::as_str)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that `other` does not have.
    pub fn difference<'s>(&'s self, other: &'s Self) -> impl Iterator<Item = &'s str> {
        self.iter().filter(|scope| !other.contains(scope))
    }

    /// As a set that can be changed.
    pub fn to_set(&self) -> BTreeSet<String> {
        self.iter().map(str::to_owned).collect()
    }
}

impl From<BTreeSet<Name>> for ScopeSet {
    fn from(scopes: BTreeSet<Name>) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl<const N: usize> From<[&str; N]> for ScopeSet {
    fn from(scopes: [&str; N]) -> Self {
        scopes.into_iter().collect()
    }
}

impl<S: Into<Name>> FromIterator<S> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = S>>(scopes: I) -> Self {
        scopes.into_iter().map(Into::into).collect::<BTreeSet<Name>>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order_and_each_once_however_they_came() {
        let set: ScopeSet = ["b", "a", "c", "a"].into();
        assert_eq!(set.iter().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(["a", "b", "c"].iter().all(|scope| set.contains(scope)) && !set.contains("") && !set.contains("d"));
        let read: ScopeSet = serde_json::from_str(r#"["c","a","b","c"]"#).expect("a list");
        assert_eq!((&read, serde_json::to_string(&read).expect("a list")), (&set, r#"["a","b","c"]"#.to_owned()));
        let other = ScopeSet::from(["b"]);
        assert_eq!(set.difference(&other).collect::<Vec<_>>(), ["a", "c"]);
    }
}
