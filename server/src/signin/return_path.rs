//! Where a person goes after signing in.

use url::Url;

/// Only a path of this tenant: never another site, never another tenant, never the way in again. What was asked for is read as a browser
/// will read it, dots and all; anything else leads home.
pub fn return_path(tenant: &str, asked: &str) -> String {
    let (below, home) = (format!("/t/{tenant}/"), format!("/t/{tenant}/home"));
    let inside = || {
        // Nobody's name: it only stands for the origin that we are reached at.
        let here = Url::parse("https://origin.invalid/").ok()?;
        let there = here.join(asked).ok().filter(|there| there.origin() == here.origin() && there.username().is_empty())?;
        let rest = there.path().strip_prefix(&below)?;
        let path = there.query().map_or_else(|| there.path().to_owned(), |query| format!("{}?{query}", there.path()));
        (asked.starts_with(&below) && !rest.starts_with("signin")).then_some(path)
    };
    inside().unwrap_or(home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_tenant_is_gone_back_to() {
        for (asked, path) in [
            ("/t/acme/requests?show=mine", "/t/acme/requests?show=mine"),
            ("/t/acme/authorize/h?again=1#x", "/t/acme/authorize/h?again=1"),
            ("/t/acme/a/../roles", "/t/acme/roles"),
            ("/t/acme/roles/s\u{f6}", "/t/acme/roles/s%C3%B6"),
            ("/t/acme/roles\0\r\n", "/t/acme/roles"),
            ("/t/acme/ro\0les", "/t/acme/ro%00les"),
            ("/t/acme/requests?reason=/signin", "/t/acme/requests?reason=/signin"),
        ] {
            assert_eq!(return_path("acme", asked), path, "{asked:?}");
        }
        for asked in [
            "",
            "/",
            "/t/acme",
            "/t/umbrella/home",
            "/t/acme/../umbrella/home",
            "/t/acme/%2e%2E/umbrella/home",
            "/t/acme/..\\umbrella/home",
            "/t/acme/\t../\n../t/umbrella/home",
            "//evil.example/t/acme/",
            "/\\evil.example/t/acme/",
            "https://evil.example/t/acme/home",
            "/t/acme/signin",
            "/t/acme/x/../signin/go",
        ] {
            assert_eq!(return_path("acme", asked), "/t/acme/home", "{asked:?}");
        }
    }
}
