//! People who come by another name than the public one are sent to that: cookies and the way back from the identity provider belong to it alone.
//!
//! Only pages are redirected, which is what asks for HTML: programs know the public address from metadata. What a browser asked for is told
//! by `Host` where it talks to us directly, which is when the public URL is plain HTTP on loopback. Behind a TLS proxy, `Host` may be any name
//! that the proxy has for us, so that only `X-Forwarded-Host` counts; where the proxy sends none, nothing is redirected.

use crate::app::App;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::response::{IntoResponse, Redirect, Response};

/// The way to the public URL, for a browser that came by another name.
pub(crate) fn elsewhere(app: &App, request: &Request) -> Option<Response> {
    let is_page =
        request.method() == Method::GET && text(request.headers(), &header::ACCEPT).is_some_and(|kinds| kinds.contains("text/html"));
    let redirected = || {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        Redirect::temporary(&format!("{}{path}", app.public_url())).into_response()
    };
    (is_page && is_elsewhere(request.headers(), app.public_url())).then(redirected)
}

fn is_elsewhere(headers: &HeaderMap, public_url: &str) -> bool {
    let forwarded = text(headers, &HeaderName::from_static("x-forwarded-host"));
    let direct = text(headers, &header::HOST).filter(|_| public_url.starts_with("http://"));
    let public = public_url.split_once("://").map_or("", |(_, host)| host);
    // Several proxies append; the first one saw what the browser asked for.
    let asked = forwarded.map(|hosts| hosts.split(',').next().unwrap_or_default().trim()).or(direct);
    asked.is_some_and(|asked| !asked.eq_ignore_ascii_case(public))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::is_elsewhere;
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_what_a_browser_asked_for_is_compared() {
        let (loopback, public) = ("http://127.0.0.1:7400", "https://writ.example.com");
        for (sent, url, elsewhere) in [
            (&[("host", "127.0.0.1:7400")][..], loopback, false),
            (&[("host", "localhost:7400")], loopback, true),
            (&[], loopback, false),
            // A proxy's own name for us says nothing about the browser.
            (&[("host", "10.0.0.7:7400")], public, false),
            (&[("host", "10.0.0.7:7400"), ("x-forwarded-host", "Writ.example.com")], public, false),
            (&[("host", "10.0.0.7:7400"), ("x-forwarded-host", "writ.internal")], public, true),
            (&[("host", "x"), ("x-forwarded-host", "writ.example.com, inner.example")], public, false),
        ] {
            assert_eq!(is_elsewhere(&headers(sent), url), elsewhere, "{sent:?} at {url}");
        }
    }
}
