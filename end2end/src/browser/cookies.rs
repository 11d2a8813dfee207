//! Cookies, as much of RFC 6265 as servers of ours need. As in real browsers, a port does not part two servers on one host.

use std::collections::BTreeMap;
use url::Url;

/// By host, then by name.
#[derive(Debug, Default)]
pub(super) struct Jar(BTreeMap<(String, String), Cookie>);

#[derive(Debug)]
struct Cookie {
    value: String,
    path: String,
}

impl Jar {
    /// Keeps or removes what a `Set-Cookie` says.
    pub(super) fn set(&mut self, url: &Url, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let (mut path, mut ended) = ("/".to_owned(), value.is_empty());
        for attribute in parts {
            let (key, given) = attribute.split_once('=').unwrap_or((attribute, ""));
            if key.eq_ignore_ascii_case("path") {
                path = given.to_owned();
            }
            // A date of removal always comes with `Max-Age` from the servers that are tried here.
            ended |= key.eq_ignore_ascii_case("max-age") && given.parse::<i64>().is_ok_and(|seconds| seconds <= 0);
        }
        let key = (host(url), name.to_owned());
        if ended {
            self.0.remove(&key);
        } else {
            self.0.insert(key, Cookie { value: value.to_owned(), path });
        }
    }

    /// The `Cookie` header for an address; empty when there is none.
    pub(super) fn header(&self, url: &Url) -> String {
        let host = host(url);
        let fits = |cookie: &Cookie| {
            let rest = url.path().strip_prefix(cookie.path.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let own = self.0.iter().filter(|((of, _), cookie)| *of == host && fits(cookie));
        own.map(|((_, name), cookie)| format!("{name}={}", cookie.value)).collect::<Vec<_>>().join("; ")
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_go_back_where_they_belong() {
        let mut jar = Jar::default();
        let url = Url::parse("http://127.0.0.1:7400/t/acme/home").expect("a URL");
        jar.set(&url, "a=1; Path=/t/acme; HttpOnly");
        jar.set(&url, "b=2; Path=/t/acme/roles");
        assert_eq!(jar.header(&url), "a=1");
        assert_eq!(jar.header(&Url::parse("http://127.0.0.1:9/t/acme").expect("a URL")), "a=1");
        assert_eq!(jar.header(&Url::parse("http://127.0.0.1:7400/t/acmex").expect("a URL")), "");
        jar.set(&url, "a=; Path=/t/acme; Max-Age=0");
        assert_eq!(jar.header(&url), "");
    }
}
