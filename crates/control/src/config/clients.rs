//! OAuth clients: IDEs and apps.

use super::{ceiling, display_name, fingerprint};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use serde_json::json;
use std::collections::BTreeSet;
use store::{Class, Client, Json};
use url::Url;

/// Registers a public client: it proves itself by PKCE and an exact redirect URI.
pub struct RegisterClient {
    /// Display name.
    pub name: String,
    /// Redirect URIs.
    pub redirect_uris: Vec<String>,
    /// Its class.
    pub class: String,
    /// Its own, lower ceiling.
    pub ceiling: Option<BTreeSet<String>>,
}

/// Redirect URIs are compared letter for letter; on loopback any port will do (RFC 8252). A list of schemes is allowed, not forbidden:
/// no spelling of `javascript:` gets through.
///
/// # Errors
/// [`Error::Invalid`] for the field `redirect_uris`.
pub fn redirect_uris(given: &[String]) -> Result<Vec<String>> {
    let uris: Vec<String> = given.iter().map(|uri| uri.trim().to_owned()).filter(|uri| !uri.is_empty()).collect();
    if uris.is_empty() || uris.len() > 20 {
        return Err(Error::invalid("redirect_uris", "give between one and twenty redirect URIs, one on a line"));
    }
    for uri in &uris {
        let wrong = |reason: &str| Err(Error::invalid("redirect_uris", format!("{uri}: {reason}")));
        let Ok(url) = Url::parse(uri) else { return wrong("this is no URI") };
        match url.scheme() {
            "https" => {}
            // The hosts on which any port will do, so spelled.
            "http" if crate::oauth::is_loopback(uri) => {}
            "http" => return wrong("use https://; http:// is for 127.0.0.1, [::1] and localhost only"),
            _ => {
                return wrong(
                    "use https://, or http:// on loopback, as MCP says: any program on the person's computer can claim a scheme of its own",
                );
            }
        }
        if url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
            || uri.len() > 500
            || uri.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            return wrong("leave out fragment, credentials and white space");
        }
        if crate::oauth::form_target(uri).is_none() {
            return wrong("a host is letters, digits, dots, hyphens and underscores");
        }
        if !crate::oauth::matches(uri, uri) {
            return wrong("write what is no visible ASCII, and \" < > \\, as %…");
        }
    }
    Ok(uris)
}

async fn class(scene: &Scene<'_>, name: &str) -> Result<()> {
    match scene.db.get::<Class>(&format!("client/{name}")).await? {
        Some(_) => Ok(()),
        None => Err(Error::invalid("class", "there is no such class of clients")),
    }
}

impl UseCase for RegisterClient {
    type Out = String;
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<String>> {
        let name = display_name("name", &self.name)?;
        let uris = redirect_uris(&self.redirect_uris)?;
        class(scene, &self.class).await?;
        ceiling(scene, &self.ceiling).await?;
        let id = scene.id("cli");
        let details = json!({ "name": name, "redirect_uris": uris, "class": self.class, "ceiling": self.ceiling });
        let row = Client {
            id: id.clone(),
            name,
            redirect_uris: Json(uris),
            class: self.class.clone(),
            ceiling: Json(self.ceiling.clone()),
            created_ms: scene.cx.now_ms,
        };
        scene.db.insert(row).await?;
        // Only a ceiling of its own has to reach the gateways; the class is stamped into tokens.
        if self.ceiling.is_some() {
            scene.db.touch_draft().await?;
        }
        let event = Event::new("client.register").on(&id).details(details);
        Ok(Done::new(id, event))
    }
}

/// Changes a client.
pub struct EditClient {
    /// Which.
    pub id: String,
    /// [`client_version`] of what the editor saw.
    pub version: u64,
    /// What it is from now on.
    pub to: RegisterClient,
}

impl UseCase for EditClient {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let old = scene.db.get::<Client>(&self.id).await?.ok_or(Error::NotFound)?;
        if client_version(&old) != self.version {
            return Err(Error::Changed(format!("the client {} was changed by somebody else", old.name)));
        }
        let name = display_name("name", &self.to.name)?;
        let uris = redirect_uris(&self.to.redirect_uris)?;
        class(scene, &self.to.class).await?;
        ceiling(scene, &self.to.ceiling).await?;
        let narrowed = old.ceiling.0 != self.to.ceiling;
        let details = json!({ "name": name, "redirect_uris": uris, "class": self.to.class, "ceiling": self.to.ceiling });
        let row = Client { name, redirect_uris: Json(uris), class: self.to.class.clone(), ceiling: Json(self.to.ceiling.clone()), ..old };
        scene.db.update(row).await?;
        if narrowed {
            scene.db.touch_draft().await?;
        }
        Ok(Done::new((), Event::new("client.edit").on(&self.id).details(details)))
    }
}

/// Tells one state of a client's registration from another.
pub fn client_version(client: &Client) -> u64 {
    fingerprint(&json!([client.name, client.redirect_uris.0, client.class, client.ceiling.0]))
}
