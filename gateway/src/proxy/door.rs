//! Who may knock at all: the address that was called (against DNS rebinding), and where a browser says that it comes from.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use url::{Host, Url};

/// The names that this gateway goes by.
#[derive(Debug, Clone)]
pub struct Door {
    authority: String,
    origin: String,
}

impl Door {
    /// From its public URL, which was checked at the start.
    pub fn new(public_url: &str) -> Self {
        let url = Url::parse(public_url).ok();
        let origin = url.as_ref().map_or_else(String::new, |url| url.origin().ascii_serialization());
        let authority = origin.split_once("://").map_or("", |(_, authority)| authority).to_owned();
        Self { authority, origin }
    }

    /// Whether the request names us as its host, and comes from no foreign page.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let host = single(headers, HOST.as_str()).is_some_and(|host| host.eq_ignore_ascii_case(&self.authority) || is_loopback(host));
        let origin = match single(headers, ORIGIN.as_str()) {
            None => !headers.contains_key(ORIGIN),
            Some(origin) => origin == self.origin || origin.split_once("://").is_some_and(|(_, authority)| is_loopback(authority)),
        };
        host && origin
    }
}

fn is_loopback(authority: &str) -> bool {
    // Parsed as the authority of a URL, so that nothing like `localhost@evil` or `localhost/` passes.
    if authority.contains(['/', '@', '?', '#', '\\']) {
        return false;
    }
    match Url::parse(&format!("http://{authority}/")).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The value of a header that is there exactly once.
pub fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// What came as a credential.
#[derive(Debug, PartialEq, Eq)]
pub enum Bearer<'h> {
    /// Nothing.
    None,
    /// A token.
    Token(&'h str),
    /// Something else, or more than one.
    Other,
}

/// The bearer token of a request (RFC 6750 section 2.1: in this header and nowhere else).
pub fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    if !headers.contains_key(AUTHORIZATION) {
        return Bearer::None;
    }
    let token = single(headers, AUTHORIZATION.as_str())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match token.map(|(_, token)| token.trim()) {
        Some(token) if !token.is_empty() && token.len() <= 16 * 1024 => Bearer::Token(token),
        _ => Bearer::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_str(value).expect("a header value"));
        }
        map
    }

    #[test]
    fn only_our_names_are_admitted() {
        let door = Door::new("https://gw.example:8443");
        for (good, host, origin) in [
            (true, "gw.example:8443", None),
            (true, "GW.example:8443", None),
            (true, "127.0.0.1:7500", None),
            (true, "[::1]:7500", None),
            (true, "localhost:7500", Some("http://localhost:3000")),
            (true, "gw.example:8443", Some("https://gw.example:8443")),
            (false, "gw.example", None),
            (false, "evil.example:8443", None),
            (false, "localhost.evil.example", None),
            (false, "localhost@evil.example", None),
            (false, "gw.example:8443", Some("https://evil.example")),
            (false, "gw.example:8443", Some("null")),
        ] {
            let mut pairs = vec![("host", host)];
            pairs.extend(origin.map(|origin| ("origin", origin)));
            assert_eq!(door.admits(&headers(&pairs)), good, "{host} {origin:?}");
        }
        assert!(!door.admits(&headers(&[])));
        assert!(!door.admits(&headers(&[("host", "localhost"), ("host", "localhost")])));
    }

    #[test]
    fn one_token_in_one_header() {
        assert_eq!(bearer(&headers(&[])), Bearer::None);
        assert_eq!(bearer(&headers(&[("authorization", "bearer abc")])), Bearer::Token("abc"));
        for bad in ["Basic abc", "Bearer", "Bearer ", "abc"] {
            assert_eq!(bearer(&headers(&[("authorization", bad)])), Bearer::Other, "{bad}");
        }
        assert_eq!(bearer(&headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")])), Bearer::Other);
    }
}
