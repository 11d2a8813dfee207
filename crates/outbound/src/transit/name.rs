//! What a key is called.

use std::fmt;

/// A key of a Transit engine, such as `transit/acme-timestamp@1`: where the engine is mounted, the key's name there, and its version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyName {
    pub(super) mount: String,
    pub(super) name: String,
    pub(super) version: Option<u64>,
}

/// Letters, digits, `_`, `-` and `.`, as the engine allows them in names; a dot neither begins nor ends one, so that no path goes up.
fn is_segment(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !text.is_empty() && text.bytes().all(plain) && !text.starts_with('.') && !text.ends_with('.')
}

impl KeyName {
    /// Reads one: `MOUNT/NAME` or `MOUNT/NAME@VERSION`. A mount may have several segments. A key has one name: a version is written without a
    /// sign and without zeros before it.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |written: &str| written.parse().ok().filter(|version: &u64| *version > 0 && version.to_string() == written);
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(number(version)?)),
            None => (text, None),
        };
        let (mount, name) = path.rsplit_once('/')?;
        let fits = mount.split('/').all(is_segment) && is_segment(name);
        fits.then(|| Self { mount: mount.to_owned(), name: name.to_owned(), version })
    }

    /// The same key in this version.
    #[must_use]
    pub fn at(&self, version: u64) -> Self {
        Self { version: Some(version), ..self.clone() }
    }

    /// Its version, if one is named.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.version
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.mount, self.name)?;
        match self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KeyName;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["transit/acme-timestamp", "transit/acme-timestamp@1", "team/a/transit/x_1.y@12"] {
            assert_eq!(KeyName::parse(text).expect("a name").to_string(), text);
        }
        for text in [
            "",
            "x",
            "/x",
            "transit/",
            "transit/x@",
            "transit/x@0",
            "transit/x@-1",
            "transit/x@+1",
            "transit/x@01",
            "transit/x@18446744073709551616",
            "transit/x@1@2",
            "../x",
            "a/../x",
            "a//x",
            "a/x?y",
            "a/x y",
            "a/ä",
        ] {
            assert_eq!(KeyName::parse(text), None, "{text}");
        }
    }
}
