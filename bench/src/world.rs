//! A running system with a developer who has a token.

use anyhow::{Context as _, Result, ensure};
use control::{Actor, Control, Ctx};
use end2end::browser::Arrived;
use end2end::console::{Person, signin};
use end2end::mcp::{Connection, Identity};
use end2end::oauth;
use end2end::places::Places;
use end2end::walk::ROLE_FILE;
use std::process::Command;
use writ::compose::{self, DataArgs};
use writ::key_service::KeyServiceArgs;

/// Where the client's answers go; nobody listens there.
const CALLBACK: &str = "http://127.0.0.1:33418/callback";

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

    /// A one-time token for a gateway of this name, from the host's shell.
    pub fn enrolment_token(&self, name: &str) -> Result<String> {
        let data = self.places.data.join("writ");
        let output = Command::new(&self.places.writ)
            .args([
                "admin",
                "enrol-gateway",
                "--tenant",
                &self.places.tenant,
                "--name",
                name,
                "--public-url",
                &self.places.console,
                "--data",
            ])
            .arg(data)
            .output()
            .context("running writ admin enrol-gateway")?;
        ensure!(output.status.success(), "enrolling {name}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// The use cases themselves, over the data of the running control plane, as the host's shell has them.
    pub async fn host(&self) -> Result<(Control, Ctx)> {
        let args = DataArgs {
            data: self.places.data.join("writ"),
            database_url: None,
            master_key_file: None,
            public_url: self.places.console.clone(),
            key_service: KeyServiceArgs::default(),
        };
        let control = compose::control(&args).await?;
        let cx = control.ctx(&self.places.tenant, Actor::Host, "benchmark").await?;
        Ok((control, cx))
    }

    /// What the token endpoint answers to an authorization code with PKCE, which the developer's browser got. `acr_values`, if any, has the
    /// developer sign in so.
    pub async fn authorized(&mut self, resource: &str, scope: &str, acr_values: Option<&str>) -> Result<oauth::Answer> {
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", self.client.as_str()),
            ("redirect_uri", CALLBACK),
            ("scope", scope),
            ("state", "bench"),
            ("code_challenge", oauth::CHALLENGE),
            ("code_challenge_method", "S256"),
            ("resource", resource),
        ];
        parameters.extend(acr_values.map(|values| ("acr_values", values)));
        self.dev.browser.hand_over("http://127.0.0.1:33418/");
        let url = oauth::authorize_url(&self.places, &parameters)?;
        let mut arrived = signin::through(&mut self.dev.browser, url, self.dev.username).await?;
        if let Arrived::Page(page) = arrived {
            arrived = self.dev.browser.submit(page.form("/authorize")?.press("decision", "allow")?).await?;
        }
        let callback = arrived.callback()?;
        let code = callback.query_pairs().find(|(name, _)| name == "code").context("no code")?.1.into_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", self.client.as_str()),
            ("redirect_uri", CALLBACK),
            ("code", code.as_str()),
            ("code_verifier", oauth::VERIFIER),
            ("resource", resource),
        ];
        oauth::token(&self.places, &form).await
    }
}

/// Another connection of the same person and client.
pub async fn connect(resource: &str, client: &str, person: &mut Person) -> Result<Connection> {
    let identity = Identity { client_id: client.to_owned(), redirect_uri: CALLBACK.to_owned() };
    let (connection, _) =
        Connection::open(resource, &identity, &mut person.browser, person.username).await.context("connecting the developer's client")?;
    Ok(connection)
}
