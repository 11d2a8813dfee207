//! What to put into paths, queries and forms.

use crate::world::Ids;

/// The path with a sample id in the place of each parameter.
///
/// # Panics
/// When there is none for a parameter: add it here and to [`Ids`].
pub fn path(template: &str, tenant: &str, ids: &Ids) -> String {
    let mut before = "";
    let mut out = String::new();
    for part in template.split('/').skip(1) {
        out.push('/');
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            None => out.push_str(part),
            Some("tenant") => out.push_str(tenant),
            Some(parameter) => out.push_str(
                sample(before, parameter, ids).unwrap_or_else(|| panic!("no sample for {{{parameter}}} after /{before} in {template}")),
            ),
        }
        before = part;
    }
    out
}

fn sample<'i>(before: &str, parameter: &str, ids: &'i Ids) -> Option<&'i str> {
    Some(match (before, parameter) {
        ("roles", "role") => &ids.role,
        ("scopes", "scope") => &ids.scope,
        ("servers", "server") => &ids.server,
        ("clients", "client") => &ids.client,
        ("opa", "client") => &ids.opa,
        ("status" | "logs", "partition") => "eu-1",
        ("agents", "agent") => &ids.agent,
        ("people", "person") => &ids.person,
        ("requests", "id") => &ids.request,
        ("grants", "id") => &ids.grant,
        ("revocations", "seq") => &ids.seq,
        ("audit", "id") => &ids.event,
        ("bundles", "version") => &ids.rolled_out,
        ("fleet", "gateway") => &ids.gateway,
        ("candidates", "candidate") => &ids.candidate,
        ("authorize", "handle") => "a-handle-that-was-never-given",
        ("tuf", "*path") => "metadata/timestamp.json",
        ("pkg", "file") => "icon.svg",
        _ => return None,
    })
}

/// What a page wants to be asked, where it shows nothing without.
pub fn query(template: &str, ids: &Ids) -> String {
    let pairs: Vec<(&str, &str)> = match template.trim_start_matches("/t/{tenant}") {
        "/assignments/remove" => vec![("group", &ids.group), ("role", &ids.role)],
        "/servers/{server}/bind" | "/servers/{server}/limits" => vec![("tool", &ids.tool)],
        "/admin-roles/remove" => vec![("person", &ids.operator), ("role", "operator")],
        "/bundles/compare" => vec![("from", "1"), ("to", &ids.rolled_out)],
        "/take-back" => vec![("kind", "subject"), ("subject", &ids.person)],
        "/block" => vec![("kind", "client"), ("subject", &ids.client)],
        "/block/lift" => vec![("kind", "agent"), ("subject", &ids.agent)],
        "/simulator" => {
            vec![
                ("person", &ids.person),
                ("client", &ids.client),
                ("agent", ""),
                ("server", &ids.server),
                ("tool", &ids.tool),
                ("policy", "live"),
            ]
        }
        _ => return String::new(),
    };
    format!("?{}", encoded(&pairs))
}

/// A form that somebody who may send it would send.
///
/// # Panics
/// When the form is not known: add it here.
pub fn form<'i>(template: &str, ids: &'i Ids) -> Vec<(&'static str, &'i str)> {
    const KEY: &str =
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    match template.trim_start_matches("/t/{tenant}") {
        "/fleet/opa" => vec![("name", "opa-new")],
        "/fleet/opa/{client}/token" => vec![("at_once", "yes")],
        "/fleet/opa/{client}/config" | "/fleet/opa/{client}/remove" => vec![],
        "/roles" => vec![("name", "a-new-role"), ("scope", &ids.scope), ("more_scopes", "a.new.scope\n")],
        "/roles/import" => vec![("yaml", "roles:\n  another: [b.new.scope]\n")],
        "/roles/import/apply" => vec![("yaml", &ids.role_file), ("digest", &ids.import_digest)],
        "/roles/{role}" => vec![("version", &ids.role_version), ("scope", &ids.scope), ("more_scopes", "another.scope")],
        "/roles/{role}/delete" => vec![("version", &ids.role_version)],
        "/scopes/{scope}" => {
            vec![("version", "1"), ("sentence", "Read what the logs say"), ("risk", "low"), ("max_grant_s", "60"), ("token_life_s", "60")]
        }
        "/assignments" => vec![("group", "a-new-group"), ("role", &ids.role)],
        "/assignments/remove" => vec![("group", &ids.group), ("role", &ids.role)],
        "/servers" => vec![("name", "another"), ("resource", "http://127.0.0.1:7500/mcp/another"), ("upstream", "http://127.0.0.1:9/mcp")],
        "/servers/{server}" => vec![("version", &ids.server_version), ("name", "another"), ("upstream", "http://127.0.0.1:9/mcp")],
        "/servers/{server}/remove" => vec![("version", &ids.removal)],
        "/servers/{server}/bind" => vec![("tool", &ids.tool), ("scope", ""), ("definition", &ids.definition)],
        "/servers/{server}/limits" => {
            vec![("tool", &ids.tool), ("version", &ids.tool_version), ("arguments", "any"), ("schema", ""), ("per_minute", "60")]
        }
        "/limits" => vec![("version", &ids.limits), ("subject", "600"), ("client", ""), ("agent", "")],
        "/servers/{server}/refresh" | "/idp/check" | "/requests/{id}/withdraw" => vec![],
        "/clients" => vec![("name", "Another"), ("redirect_uris", "http://127.0.0.1/cb"), ("class", "ide"), ("ceiling", "")],
        "/clients/{client}" => vec![
            ("version", &ids.client_version),
            ("name", "Another"),
            ("redirect_uris", "http://127.0.0.1/cb"),
            ("class", "ide"),
            ("ceiling", &ids.scope),
        ],
        "/agents" => vec![("name", "Another"), ("owner", &ids.person), ("class", "assistant"), ("ceiling", ""), ("jwks", KEY)],
        "/agents/{agent}" => vec![
            ("version", &ids.agent_version),
            ("name", "Another"),
            ("owner", &ids.person),
            ("class", "assistant"),
            ("ceiling", ""),
            ("jwks", KEY),
        ],
        "/idp" => vec![
            ("version", "1"),
            ("issuer", "https://idp.invalid"),
            ("client_id", "writ"),
            ("client_secret", ""),
            ("groups_claim", "groups"),
        ],
        "/admin-roles" => vec![("person", &ids.person), ("role", "auditor")],
        "/admin-roles/remove" => vec![("person", &ids.operator), ("role", "operator")],
        "/draft/candidate/signature" => vec![("signature", &ids.signature)],
        "/draft/candidate/withdraw" => vec![("candidate", &ids.candidate)],
        "/draft/publish" => vec![("digest", &ids.draft), ("note", "walked")],
        "/draft/settle" => vec![("digest", &ids.draft)],
        "/rings" => vec![("digest", &ids.rings), ("rings", "canary: stage=canary\nearly: 10 %\n")],
        "/rings/rule" => vec![("version", "0"), ("promotes", "yes"), ("soak", "5"), ("most_rise", "2.5"), ("least_calls", "10")],
        "/bundles/{version}/promote" => vec![("reached", "1")],
        "/bundles/{version}/halt" | "/bundles/{version}/revert" => vec![("reason", "to see")],
        "/bundles/{version}/resume" | "/fleet/{gateway}/unpin" | "/fleet/{gateway}/remove" => vec![],
        "/fleet/{gateway}/pin" => vec![("version", "1"), ("until", "2026-11-30"), ("reason", "to see")],
        "/fleet/enrol" => vec![("name", "gw-another")],
        "/requests" => vec![
            ("server", &ids.server),
            ("scope", &ids.asked),
            ("client", &ids.client),
            ("agent", ""),
            ("duration_s", "60"),
            ("reason", "to see"),
        ],
        "/requests/{id}/decision" => {
            vec![("digest", &ids.request_digest), ("decision", "deny"), ("duration_s", "60"), ("reason", "not now")]
        }
        "/grants/{id}/revoke" => vec![("reason", "no longer needed")],
        "/take-back" => vec![("kind", "subject"), ("subject", &ids.person), ("reason", "to see")],
        "/block" => vec![("kind", "client"), ("subject", &ids.client), ("reason", "to see")],
        "/block/lift" => vec![("kind", "agent"), ("subject", &ids.agent), ("reason", "to see")],
        "/signout" | "/authorize" => vec![],
        _ => panic!("no sample form for POST {template}"),
    }
}

/// Pairs as queries and forms hold them.
pub fn encoded(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
