//! Redirect URIs: compared as strings, never parsed into agreement.

use url::Url;

/// The loopback hosts whose port a program chooses at run time (RFC 8252 section 7.3; `localhost` too, which MCP clients register).
const LOOPBACK: [&str; 3] = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
/// Schemes that run or read something in the browser.
const DANGEROUS: [&str; 7] = ["javascript", "data", "vbscript", "file", "blob", "about", "view-source"];

/// Whether `given` is the registered URI: character by character, but for the port on a loopback host.
pub fn matches(registered: &str, given: &str) -> bool {
    usable(given) && (registered == given || without_port(registered).is_some_and(|both| without_port(given) == Some(both)))
}

/// Whether a browser may be sent there at all. What an administrator registered was checked then; this is the last line.
fn usable(uri: &str) -> bool {
    let plain = uri.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'));
    plain
        && Url::parse(uri).is_ok_and(|url| {
            url.fragment().is_none()
                && form_target(uri).is_some()
                && !DANGEROUS.contains(&url.scheme())
                && url.username().is_empty()
                && url.password().is_none()
        })
}

/// A loopback URI as its host and what follows the port; `None` for all others.
fn without_port(uri: &str) -> Option<(&'static str, &str)> {
    LOOPBACK.into_iter().find_map(|host| {
        let rest = uri.strip_prefix(host)?;
        let path = match rest.strip_prefix(':') {
            Some(rest) => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                let (port, path) = rest.split_at(digits);
                port.parse::<u16>().ok().filter(|port| *port > 0)?;
                path
            }
            None => rest,
        };
        // Nothing may stand between host or port and the path: `http://127.0.0.1.evil.example`, `http://localhost:1@evil.example`.
        (path.is_empty() || path.starts_with(['/', '?'])).then_some((host, path))
    })
}

/// Whether the answer stays on the person's own machine.
pub fn is_loopback(uri: &str) -> bool {
    without_port(uri).is_some()
}

/// What a content security policy has to list so that a form may lead there: an origin, or the scheme of an app's own URI. None for a host
/// that URLs allow and policies read as something else: `,` and `;` would begin another rule.
pub fn form_target(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    let target = match url.origin() {
        origin @ url::Origin::Tuple(..) => origin.ascii_serialization(),
        url::Origin::Opaque(_) => format!("{}:", url.scheme()),
    };
    target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_+:/[]".contains(&byte)).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_or_nothing() {
        let registered = "https://ide.example/cb";
        assert!(matches(registered, registered));
        for other in [
            "https://ide.example/cb/",
            "https://ide.example/cb?x=1",
            "https://ide.example/cb#x",
            "https://IDE.example/cb",
            "https://ide.example:443/cb",
            "https://ide.example/x/../cb",
            "https://ide.example/..;/cb",
            "https://ide.example@evil.example/cb",
            "https://ide.example.evil.example/cb",
            "http://ide.example/cb",
            "https://ide.example\\@evil.example/cb",
            "",
        ] {
            assert!(!matches(registered, other), "{other}");
        }
    }

    #[test]
    fn the_port_is_free_on_loopback_only() {
        let registered = "http://127.0.0.1/callback";
        for same in [registered, "http://127.0.0.1:33418/callback", "http://127.0.0.1:1/callback"] {
            assert!(matches(registered, same), "{same}");
        }
        assert!(matches("http://localhost:8080/cb?a=1", "http://localhost:9/cb?a=1"));
        assert!(matches("http://[::1]/cb", "http://[::1]:7/cb"));
        for other in [
            "http://localhost:33418/callback",
            "http://127.0.0.1:33418/callback/",
            "http://127.0.0.1:33418/other",
            "https://127.0.0.1:33418/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:99999/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1@evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.10/callback",
        ] {
            assert!(!matches(registered, other), "{other}");
        }
        assert!(!matches("https://ide.example/cb", "https://ide.example:8443/cb"));
    }

    #[test]
    fn nothing_that_runs_is_a_target_even_if_registered() {
        for uri in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://user@ide.example/",
            "https://ide.example/#f",
            // Hosts that URLs allow, and that would be more than a host in a content security policy.
            "https://ide.example,x/cb",
            "https://a;sandbox/cb",
        ] {
            assert!(!matches(uri, uri), "{uri}");
        }
        assert!(matches("com.example.ide:/cb", "com.example.ide:/cb"));
        assert_eq!(form_target("com.example.ide:/cb").as_deref(), Some("com.example.ide:"));
        assert_eq!(form_target("http://127.0.0.1:33418/cb").as_deref(), Some("http://127.0.0.1:33418"));
        assert!(is_loopback("http://localhost:1/") && !is_loopback("https://localhost/") && !is_loopback("http://localhost.example/"));
    }
}
