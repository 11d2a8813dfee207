//! What a single value must be like, wherever it comes from. Each error says what to write instead, and never repeats a secret.

use http::HeaderName;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use url::Url;

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address and port, such as 127.0.0.1:7500 or [::]:7500"))
}

pub(super) fn name(text: &str) -> Result<String, String> {
    policy::valid_name(text).map(|()| text.to_owned()).map_err(|_| "use 1 to 64 of a-z, 0-9, `.`, `_` and `-`".into())
}

/// An `http` or `https` URL without its last slash.
pub(super) fn base(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| format!("this is not a URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("leave out query, fragment and credentials".into());
    }
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("it must be an http or https URL with a host".into());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Where a repository lies: an address, or a directory.
pub(super) fn repository(text: &str) -> Result<String, String> {
    match text.contains("://") {
        true => base(text),
        false if text.is_empty() => Err("name a directory or an http(s) address".into()),
        false => Ok(text.to_owned()),
    }
}

/// A fingerprint.
pub(super) fn sha256(text: &str) -> Result<String, String> {
    let shaped = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if shaped { Ok(text.to_owned()) } else { Err("it is 64 lower-case hex digits".into()) }
}

/// The tenant's address.
pub(super) fn control_plane(text: &str) -> Result<String, String> {
    let base = base(text)?;
    tenant_of(&base).map(|_| ())?;
    Ok(base)
}

/// The tenant's slug at the end of an address.
pub(super) fn tenant_of(control_plane: &str) -> Result<&str, String> {
    match control_plane.rsplit_once("/t/") {
        Some((_, slug)) if !slug.is_empty() && !slug.contains('/') => Ok(slug),
        _ => Err("give the tenant's address, such as https://writ.example/t/acme".into()),
    }
}

/// `name=value` pairs: names and values of `[a-z0-9._-]{1,64}`, at most 16 of them.
pub(super) fn labels(pairs: &[String]) -> Result<BTreeMap<String, String>, String> {
    const MOST: usize = 16;
    let mut labels = BTreeMap::new();
    for pair in pairs {
        let parts = pair.split_once('=').filter(|(name, value)| [name, value].iter().all(|part| policy::valid_name(part).is_ok()));
        let Some((name, value)) = parts else {
            return Err(format!("`{pair}` is not NAME=VALUE, each of a-z, 0-9, `.`, `_` and `-`"));
        };
        if labels.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(format!("`{name}` is given twice"));
        }
    }
    if labels.len() > MOST { Err(format!("give at most {MOST}")) } else { Ok(labels) }
}

/// A header that may carry a credential: none that the connection or the protocol itself needs.
pub(super) fn credential_header(text: &str) -> Result<HeaderName, String> {
    const TAKEN: [&str; 12] = [
        "accept",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "writ-assertion",
    ];
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| format!("`{text}` is no name of a header"))?;
    if TAKEN.contains(&name.as_str()) || name.as_str().starts_with("mcp-") {
        return Err(format!("`{name}` means something else: use `authorization`, `x-api-key` or the like"));
    }
    Ok(name)
}
