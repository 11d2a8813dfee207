//! Every setting of the configuration file: what is read, what is documented and what is suggested for a misspelt key is this one table.

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name with the sections before it; `*` stands for a resource URI.
    pub name: &'static str,
    /// What holds when it is absent.
    pub default: &'static str,
    /// What it does, for the operator.
    pub what: &'static str,
}

const fn setting(name: &'static str, default: &'static str, what: &'static str) -> Setting {
    Setting { name, default, what }
}

/// All of them, in the order in which they are documented.
pub const SETTINGS: &[Setting] = &[
    setting("data", "must be set", "Folder for the key, the identity, the verified state and the decision log. One gateway each."),
    setting(
        "control_plane",
        "must be set, or `repository`",
        "The tenant's address at the control plane, such as `https://writ.example.com/t/acme`.",
    ),
    setting(
        "repository.at",
        "none",
        "Instead of `control_plane`: where `writ export-repo` wrote the files, a directory or an http(s) address.",
    ),
    setting("repository.tenant", "none", "The tenant's slug, with `repository.at`."),
    setting("repository.root_sha256", "none", "Fingerprint of the tenant's first root, with `repository.at`: what all trust starts from."),
    setting("repository.every_seconds", "10", "How often the files are asked for, with `repository.at`."),
    setting("public_url", "`http://127.0.0.1:7500`", "How clients reach this gateway. The resource URIs of its MCP servers begin with it."),
    setting("listen", "`127.0.0.1:7500`", "Address and port for MCP clients."),
    setting("name", "`gw-1`", "Its name in the fleet: 1 to 64 of a-z, 0-9, `.`, `_`, `-`."),
    setting("labels", "none", "Table of labels that rings may go by, such as `{ env = \"test\" }`; at most 16."),
    setting("enrol_token_file", "none", "File with the enrolment token. Read at the first start only; may be gone afterwards."),
    setting("log", "`text`", "`text` or `json`: the form of log lines on standard error. `RUST_LOG` chooses what is logged."),
    setting("tls.cert", "no TLS", "PEM file with the certificate chain for `listen`. Read again when it changes."),
    setting("tls.key", "no TLS", "PEM file with its private key, readable by its owner only."),
    setting(
        "metrics.listen",
        "`127.0.0.1:7501`",
        "Listener for `/metrics`, `/healthz` and `/readyz`, or `off`. Not for clients: keep it inside.",
    ),
    setting("limits.connections", "8192", "Client connections at once, open streams included. More wait."),
    setting(
        "limits.connections_per_peer",
        "2048",
        "Of these from one address (IPv6: one /64). More are closed. 0: no limit, for a load balancer in front.",
    ),
    setting("limits.requests_per_caller", "256", "Requests of one subject through one client and agent at once. More get 429."),
    setting("limits.streams_per_caller", "32", "Open `GET` streams of one caller at once. More get 429."),
    setting("limits.body_bytes", "1048576", "Largest message, up to 16 MiB. Larger ones get 413."),
    setting("limits.head_bytes", "65536", "Largest head of a request (at least 8192); also the read buffer of a connection."),
    setting("limits.head_seconds", "30", "How long a client may take for TLS and for the head of a request, and idle between two."),
    setting("limits.body_seconds", "30", "How long a client may take to send a message."),
    setting("limits.write_seconds", "60", "How long a client may take no bytes of an answer that is there for it before it is cut off."),
    setting("limits.stop_seconds", "5", "How long calls may take to end when the gateway is told to stop."),
    setting(
        "decisions.disk_bytes",
        "1073741824",
        "Most that unsent decisions may take on disk (at least 1 MiB). Then the log counts as unavailable.",
    ),
    setting(
        "decisions.when_unavailable",
        "`deny_high_risk`",
        "What happens to calls that cannot be written down: `deny_high_risk` or `deny_all`. The rest is counted as lost.",
    ),
    setting(
        "drift.check_seconds",
        "300",
        "How often MCP servers are asked for their tools, to notice changed ones. 0: only when something asks.",
    ),
    setting(
        "upstreams.*.ca",
        "the system's",
        "PEM file with the authorities that may have signed this server's certificate; no others are believed.",
    ),
    setting("upstreams.*.mtls.cert", "none", "PEM file with the client certificate chain that the gateway shows this server."),
    setting("upstreams.*.mtls.key", "none", "PEM file with its private key, readable by its owner only."),
    setting(
        "upstreams.*.credential.header",
        "none",
        "Header that carries a credential of the gateway's to this server, such as `authorization` or `x-api-key`.",
    ),
    setting("upstreams.*.credential.file", "none", "File with the header's value, readable by its owner only. Read again when it changes."),
    setting("upstreams.*.connect_seconds", "5", "How long connecting to this server may take."),
    setting("upstreams.*.answer_seconds", "300", "How long it may take to begin its answer."),
    setting("upstreams.*.body_bytes", "`limits.body_bytes`", "Largest message to this server; less than for the others."),
];

/// The last part of every setting directly in `section` (`""`: at the top), and the names of the sections in it.
pub(super) fn keys_in(section: &str) -> Vec<&'static str> {
    let prefix = if section.is_empty() { String::new() } else { format!("{section}.") };
    let mut keys: Vec<&str> = SETTINGS.iter().filter_map(|setting| setting.name.strip_prefix(&prefix)?.split('.').next()).collect();
    keys.dedup();
    keys
}

/// The table of the documentation, in Markdown.
pub fn documented() -> String {
    let mut table = String::from("| setting | default | |\n| --- | --- | --- |\n");
    for Setting { name, default, what } in SETTINGS {
        table.push_str(&format!("| `{}` | {default} | {what} |\n", name.replace("upstreams.*", "upstreams.\"URI\"")));
    }
    table
}
