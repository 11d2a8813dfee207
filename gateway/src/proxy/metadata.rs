//! Protected resource metadata (RFC 9728): where to sign in for a server, and with which scopes to begin.

use enforce::Active;
use serde_json::{Value, json};

/// The well-known path, before the resource's own.
pub(crate) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Where the metadata of `resource` lies: the well-known path goes between host and path.
pub(crate) fn metadata_url(public_url: &str, resource: &str) -> String {
    // The public URL may have a path of its own; resources begin with all of it.
    let host_end = public_url.find("://").map_or(0, |at| at + 3);
    let path_at = resource[host_end.min(resource.len())..].find('/').map_or(resource.len(), |at| at + host_end);
    format!("{}{WELL_KNOWN}{}", &resource[..path_at], &resource[path_at..])
}

/// The document; `None` if policy knows no such resource.
pub(crate) fn document(active: &Active, resource: &str) -> Option<Value> {
    let server = active.policy().servers.get(resource)?;
    let issuers: Vec<&str> = active.policy().issuers.iter().map(|issuer| issuer.issuer.as_str()).collect();
    Some(json!({
        "resource": resource,
        "authorization_servers": issuers,
        "scopes_supported": active.minimal_scopes(resource),
        "bearer_methods_supported": ["header"],
        "resource_name": server.name,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_part_goes_before_the_path() {
        for (public, resource, url) in [
            ("http://h:1", "http://h:1/mcp/a", "http://h:1/.well-known/oauth-protected-resource/mcp/a"),
            ("http://h:1", "http://h:1", "http://h:1/.well-known/oauth-protected-resource"),
            ("https://h/gw", "https://h/gw/mcp", "https://h/.well-known/oauth-protected-resource/gw/mcp"),
        ] {
            assert_eq!(metadata_url(public, resource), url);
        }
    }
}
