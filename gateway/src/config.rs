//! What the operator says on the command line, checked once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use url::Url;

/// The settings of one gateway.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where its key, identity, verified state and decision log lie.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// How clients reach it, without a slash at the end: resource URIs start with it.
    pub public_url: String,
    /// The tenant at the control plane, without a slash at the end: `https://writ.example/t/acme`.
    pub control_plane: String,
    /// Its name in the fleet.
    pub name: String,
    /// The enrolment token, for the first start.
    pub enrol_token: Option<String>,
    /// What its operator labels it with; rings may go by it.
    pub labels: BTreeMap<String, String>,
}

/// A setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {why}")]
pub struct BadSetting {
    setting: &'static str,
    why: String,
}

fn bad<T>(setting: &'static str, why: impl Into<String>) -> Result<T, BadSetting> {
    Err(BadSetting { setting, why: why.into() })
}

impl Config {
    /// Checks the addresses and takes their last slash off.
    ///
    /// # Errors
    /// Says which setting is wrong.
    pub fn checked(mut self) -> Result<Self, BadSetting> {
        self.public_url = base("--public-url", &self.public_url)?;
        self.control_plane = base("--control-plane", &self.control_plane)?;
        self.tenant()?;
        if policy::valid_name(&self.name).is_err() {
            return bad("--name", "use 1 to 64 of a-z, 0-9, `.`, `_` and `-`");
        }
        Ok(self)
    }

    /// The tenant's slug: the end of the control plane's address.
    ///
    /// # Errors
    /// When the address does not end in `/t/{tenant}`.
    pub fn tenant(&self) -> Result<&str, BadSetting> {
        match self.control_plane.rsplit_once("/t/") {
            Some((_, slug)) if !slug.is_empty() && !slug.contains('/') => Ok(slug),
            _ => bad("--control-plane", "give the tenant's address, such as https://writ.example/t/acme"),
        }
    }
}

/// Reads `name=value` pairs: names and values of `[a-z0-9._-]{1,64}`, at most 16 of them.
///
/// # Errors
/// Says which pair is wrong.
pub fn labels(pairs: &[String]) -> Result<BTreeMap<String, String>, BadSetting> {
    const MOST: usize = 16;
    let mut labels = BTreeMap::new();
    for pair in pairs {
        let Some((name, value)) =
            pair.split_once('=').filter(|(name, value)| [name, value].iter().all(|part| policy::valid_name(part).is_ok()))
        else {
            return bad("--label", format!("`{pair}` is not NAME=VALUE, each of a-z, 0-9, `.`, `_` and `-`"));
        };
        if labels.insert(name.to_owned(), value.to_owned()).is_some() {
            return bad("--label", format!("`{name}` is given twice"));
        }
    }
    if labels.len() > MOST { bad("--label", format!("give at most {MOST}")) } else { Ok(labels) }
}

fn base(setting: &'static str, text: &str) -> Result<String, BadSetting> {
    let url = Url::parse(text).or_else(|error| bad(setting, format!("`{text}` is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return bad(setting, "it must be an http or https URL with a host");
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return bad(setting, "leave out query, fragment and credentials");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(public: &str, control: &str) -> Config {
        Config {
            data: PathBuf::new(),
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: public.into(),
            control_plane: control.into(),
            name: "gw-1".into(),
            enrol_token: None,
            labels: BTreeMap::new(),
        }
    }

    #[test]
    fn addresses_lose_their_last_slash_and_name_the_tenant() {
        let config = config("http://127.0.0.1:7500/", "http://127.0.0.1:7400/t/acme/").checked().expect("good");
        assert_eq!((config.public_url.as_str(), config.tenant()), ("http://127.0.0.1:7500", Ok("acme")));
    }

    #[test]
    fn labels_are_pairs_each_named_once() {
        let read = |pairs: &[&str]| labels(&pairs.iter().map(|pair| (*pair).to_owned()).collect::<Vec<_>>());
        assert_eq!(read(&["env=test", "region=eu-1"]).expect("good").len(), 2);
        for bad in [&["env"][..], &["=x"], &["env="], &["Env=x"], &["env=a", "env=b"]] {
            assert_eq!(read(bad).expect_err("bad").setting, "--label", "{bad:?}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        for (public, control, setting) in [
            ("127.0.0.1:7500", "http://c/t/acme", "--public-url"),
            ("http://u:p@h", "http://c/t/acme", "--public-url"),
            ("http://h?x", "http://c/t/acme", "--public-url"),
            ("http://h", "http://c", "--control-plane"),
            ("http://h", "http://c/t/a/b", "--control-plane"),
            ("http://h", "ftp://c/t/a", "--control-plane"),
        ] {
            let error = config(public, control).checked().expect_err(public);
            assert_eq!(error.setting, setting, "{public} {control}");
        }
    }
}
