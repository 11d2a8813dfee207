//! A running system with a developer who has a token.

use anyhow::{Context as _, Result};
use end2end::console::Person;
use end2end::mcp::{Connection, Identity};
use end2end::places::Places;
use end2end::walk::ROLE_FILE;

/// Everything that is measured against.
pub struct World {
    pub places: Places,
    pub ada: Person,
    pub dev: Person,
    pub client: String,
    pub resource: String,
    pub token: String,
}

impl World {
    /// Sets the demo up by its console, as a person would, and connects a client.
    pub async fn prepare(places: Places) -> Result<Self> {
        let (mut ada, mut dev) = (Person::new("ada", &places)?, Person::new("dev", &places)?);
        ada.import_roles(ROLE_FILE).await?;
        for (group, role) in [("engineering", "developer"), ("sre", "sre")] {
            ada.assign(group, role).await?;
        }
        let resource = places.resource("incident");
        let incident = ada.register_server("incident", &resource, &places.incident).await?;
        for tool in ["logs.read", "logs.debug.write", "incidents.trigger"] {
            ada.bind(&incident, tool, Some(tool)).await?;
        }
        let client = ada.register_client("Bench IDE", "http://127.0.0.1/callback").await?;
        ada.publish("for measuring").await?;
        ada.converged(&places.gateway_name).await?;
        let token = connect(&resource, &client, &mut dev).await?.token().await?;
        Ok(Self { client, resource, token, places, ada, dev })
    }
}

/// Another connection of the same person and client.
pub async fn connect(resource: &str, client: &str, person: &mut Person) -> Result<Connection> {
    let identity = Identity { client_id: client.to_owned(), redirect_uri: "http://127.0.0.1:33418/callback".to_owned() };
    let (connection, _) =
        Connection::open(resource, &identity, &mut person.browser, person.username).await.context("connecting the developer's client")?;
    Ok(connection)
}
