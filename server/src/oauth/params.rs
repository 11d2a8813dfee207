//! OAuth parameters: each at most once, an empty one counts as not sent (RFC 6749 sections 3.1 and 3.2).

use std::collections::{BTreeMap, BTreeSet};

/// More than this is no request of ours.
const MOST: usize = 100;

/// Parameters as they were sent, the empty ones left out.
#[derive(Debug, Clone, Default)]
pub struct Params(BTreeMap<String, Vec<String>>);

/// Parameters that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// Too many, or with control characters.
    Malformed,
    /// This one is there more than once.
    Repeated(String),
}

impl Unreadable {
    /// For whoever writes the client.
    pub fn text(&self) -> String {
        match self {
            Self::Malformed => "the parameters cannot be read".to_owned(),
            Self::Repeated(name) => format!("{name} is there more than once"),
        }
    }
}

impl Params {
    /// From a query or the body of a form.
    ///
    /// # Errors
    /// [`Unreadable::Malformed`].
    pub fn parse(encoded: &[u8]) -> Result<Self, Unreadable> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut count = 0;
        for (name, value) in url::form_urlencoded::parse(encoded) {
            count += 1;
            if count > MOST || name.chars().chain(value.chars()).any(char::is_control) {
                return Err(Unreadable::Malformed);
            }
            if !value.is_empty() {
                found.entry(name.into_owned()).or_default().push(value.into_owned());
            }
        }
        Ok(Self(found))
    }

    /// The parameter, if it was sent.
    ///
    /// # Errors
    /// [`Unreadable::Repeated`].
    pub fn one(&self, name: &str) -> Result<Option<String>, Unreadable> {
        match self.all(name) {
            [] => Ok(None),
            [one] => Ok(Some(one.clone())),
            _ => Err(Unreadable::Repeated(name.to_owned())),
        }
    }

    /// The first of this name, when whether it repeats is judged elsewhere.
    pub fn first(&self, name: &str) -> Option<String> {
        self.all(name).first().cloned()
    }

    /// All of this name.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Names that are there more than once.
    pub fn repeated(&self) -> BTreeSet<String> {
        self.0.iter().filter(|(_, values)| values.len() > 1).map(|(name, _)| name.clone()).collect()
    }

    /// Whether it was sent.
    pub fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_is_absent_and_twice_is_an_error() {
        let params = Params::parse(b"a=1&b=&c=x&c=y&d=%20").expect("readable");
        assert_eq!(params.one("a"), Ok(Some("1".to_owned())));
        assert_eq!(params.one("b"), Ok(None));
        assert_eq!(params.one("c"), Err(Unreadable::Repeated("c".to_owned())));
        assert_eq!(params.repeated(), BTreeSet::from(["c".to_owned()]));
        assert!(params.has("d") && !params.has("b"));
    }

    #[test]
    fn control_characters_are_refused_wherever_they_are() {
        assert_eq!(Params::parse(b"state=a%00b").err(), Some(Unreadable::Malformed));
        assert_eq!(Params::parse(b"st%0Aate=a").err(), Some(Unreadable::Malformed));
        let many: String = (0..=MOST).map(|n| format!("p{n}=1&")).collect();
        assert_eq!(Params::parse(many.as_bytes()).err(), Some(Unreadable::Malformed));
    }
}
