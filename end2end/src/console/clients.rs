//! Clients and agents.

use super::{Person, last_segment};
use anyhow::{Result, bail};

impl Person {
    /// Registers a client, unless one of this name is there. Returns its id.
    ///
    /// # Errors
    /// When that is refused.
    pub async fn register_client(&mut self, name: &str, redirect_uri: &str) -> Result<String> {
        let below = format!("{}/clients/cli_", self.base());
        let list = self.see("/clients").await?;
        if let Some((_, url)) = list.links_below(&below).into_iter().find(|(text, _)| text == name) {
            return Ok(last_segment(&url));
        }
        let form = self.see("/clients/new").await?.form("/clients")?;
        let page = self.send(form.fill("name", name)?.fill("redirect_uris", redirect_uri)?).await?;
        if !page.url.path().starts_with(&below) {
            bail!("registering {name} led to {}", page.summary());
        }
        Ok(last_segment(&page.url))
    }

    /// Registers an agent with its public keys. Returns its id.
    ///
    /// # Errors
    /// When that is refused, or nobody of that name can own it.
    pub async fn register_agent(&mut self, name: &str, owner: &str, jwks: &str, ceiling: &str) -> Result<String> {
        let form = self.see("/agents/new").await?.form("/agents")?;
        let form = form.fill("name", name)?.choose_labelled("owner", owner)?.fill("jwks", jwks)?.fill("ceiling", ceiling)?;
        let page = self.send(form).await?;
        if !page.url.path().starts_with(&format!("{}/agents/agt_", self.base())) {
            bail!("registering {name} led to {}", page.summary());
        }
        Ok(last_segment(&page.url))
    }
}
