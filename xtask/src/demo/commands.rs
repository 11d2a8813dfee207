//! Every command line of the demo, in one place: what a person would type to set up and run the same by hand.

use super::places::{GATEWAY, Places, TENANT, local};
use crate::tree;
use std::{path::PathBuf, process::Command};

/// The binaries that must be built, as package and binary.
pub const BINARIES: [(&str, &str); 4] = [("server", "writ"), ("gateway", "writ-gateway"), ("demo", "demo-idp"), ("demo", "demo-mcp")];
/// The program that plays the story, as package and binary.
pub const WALK: (&str, &str) = ("end2end", "walk");
/// Who gets which of Writ's own admin roles: group at the identity provider, role.
const ADMIN_ROLES: [(&str, &str); 3] = [("iam-admins", "owner"), ("sre", "approver"), ("audit", "auditor")];

/// `writ serve`: the control plane.
pub fn serve(places: &Places) -> Command {
    let mut command = writ(places, &["serve"]);
    // The identity provider and the MCP servers of the demo are on this machine.
    command.args(["--listen", &local(places.ports.port).to_string(), "--allow-loopback"]);
    if let Some(site) = &places.site {
        command.arg("--site").arg(site);
    }
    command
}

/// `writ-gateway run`: the gateway. The token is for its first start only.
pub fn gateway(places: &Places) -> Command {
    let mut command = Command::new(tree::binary("writ-gateway"));
    command.arg("run").arg("--data").arg(places.data("gateway")).args(["--listen", &local(places.ports.gateway_port).to_string()]).args([
        "--public-url",
        &places.gateway(),
        "--control-plane",
        &places.issuer(),
        "--name",
        GATEWAY,
    ]);
    let token = enrolment_token(places);
    if token.is_file() {
        command.arg("--enrol-token-file").arg(token);
    }
    command
}

/// `demo-idp`: the identity provider.
pub fn idp(places: &Places) -> Command {
    let mut command = Command::new(tree::binary("demo-idp"));
    command
        .args(["--listen", &local(places.ports.idp_port).to_string(), "--issuer", &places.idp()])
        .arg("--config")
        .arg(idp_config(places))
        .arg("--data")
        .arg(places.data("idp"));
    command
}

/// `demo-mcp --kind incident`.
pub fn incident(places: &Places) -> Command {
    mcp("incident", places.ports.incident_port)
}

/// `demo-mcp --kind analytics`.
pub fn analytics(places: &Places) -> Command {
    mcp("analytics", places.ports.analytics_port)
}

fn mcp(kind: &str, port: u16) -> Command {
    let mut command = Command::new(tree::binary("demo-mcp"));
    command.args(["--kind", kind, "--listen", &local(port).to_string(), "--log-identity"]);
    command
}

/// What is typed once, before the first start: the tenant, its identity provider, who administers it.
pub fn first_run(places: &Places) -> Vec<Command> {
    let mut commands = vec![writ(places, &["admin", "create-tenant", TENANT, "--name", "Acme"])];
    let mut idp = writ(
        places,
        &["admin", "set-idp", "--tenant", TENANT, "--issuer", &places.idp(), "--client-id", CLIENT_ID, "--groups-claim", "groups"],
    );
    idp.arg("--client-secret-file").arg(client_secret(places));
    commands.push(idp);
    for (group, role) in ADMIN_ROLES {
        commands.push(writ(places, &["admin", "grant", "--tenant", TENANT, "--group", group, "--role", role]));
    }
    commands
}

/// Prints a one-time enrolment token for the gateway.
pub fn enrol_gateway(places: &Places) -> Command {
    writ(places, &["admin", "enrol-gateway", "--tenant", TENANT, "--name", GATEWAY])
}

/// The walk.
pub fn walk(places: &Places) -> Command {
    let mut command = Command::new(tree::binary(WALK.1));
    for (name, value) in environment(places) {
        command.env(name, value);
    }
    command
}

/// How the walk and the browser tests learn where everything is.
pub fn environment(places: &Places) -> Vec<(&'static str, String)> {
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    vec![
        ("WRIT_DEMO_CONSOLE", places.console()),
        ("WRIT_DEMO_TENANT", TENANT.to_owned()),
        ("WRIT_DEMO_GATEWAY", places.gateway()),
        ("WRIT_DEMO_GATEWAY_NAME", GATEWAY.to_owned()),
        ("WRIT_DEMO_IDP", places.idp()),
        ("WRIT_DEMO_INCIDENT", places.incident()),
        ("WRIT_DEMO_ANALYTICS", places.analytics()),
        ("WRIT_DEMO_DATA", path(places.data.clone())),
        ("WRIT_DEMO_WRIT", path(tree::binary("writ"))),
        ("WRIT_DEMO_CONTROL", path(places.control_socket.clone())),
    ]
}

fn writ(places: &Places, words: &[&str]) -> Command {
    let mut command = Command::new(tree::binary("writ"));
    command.args(words).arg("--data").arg(places.data("writ")).args(["--public-url", &places.console()]);
    command
}

/// The name that Writ has at the demo identity provider.
pub const CLIENT_ID: &str = "writ";

/// The file with Writ's secret at the identity provider.
pub fn client_secret(places: &Places) -> PathBuf {
    places.data("idp-client-secret")
}

/// The identity provider's list of relying parties.
pub fn idp_config(places: &Places) -> PathBuf {
    places.data("idp.json")
}

/// The file with the gateway's enrolment token, there until the gateway has used it.
pub fn enrolment_token(places: &Places) -> PathBuf {
    places.data("gateway-enrolment-token")
}
