//! MCP servers: registering by URL, and binding tools to scopes.

use super::{Person, last_segment};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;

/// A server as its page shows it.
#[derive(Clone, Debug)]
pub struct Server {
    /// `srv_…`.
    pub id: String,
    /// Each tool with the scope it is bound to.
    pub tools: BTreeMap<String, Option<String>>,
}

impl Person {
    /// Registers a server by its URL, unless it is there. Writ connects to it and reads its tools.
    ///
    /// # Errors
    /// When that is refused.
    pub async fn register_server(&mut self, name: &str, resource: &str, upstream: &str) -> Result<Server> {
        let list = self.see("/servers").await?;
        let below = format!("{}/servers/srv_", self.base());
        if let Some((_, url)) = list.links_below(&below).into_iter().find(|(text, _)| text == name) {
            return self.server(&last_segment(&url)).await;
        }
        let form = self.see("/servers/new").await?.form("/servers")?;
        let page = self.send(form.fill("name", name)?.fill("resource", resource)?.fill("upstream", upstream)?).await?;
        if !page.url.path().starts_with(&below) {
            bail!("registering {name} led to {}", page.summary());
        }
        self.server(&last_segment(&page.url)).await
    }

    /// Reads a server's page.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn server(&mut self, id: &str) -> Result<Server> {
        let page = self.see(&format!("/servers/{id}")).await?;
        let bind = format!("{}/servers/{id}/bind", self.base());
        let mut tools = BTreeMap::new();
        for (_, url) in page.links_below(&bind) {
            let Some((_, tool)) = url.query_pairs().find(|(name, _)| name == "tool") else { continue };
            let bound = page.text_of("li.tool").into_iter().find(|text| text.split_whitespace().next() == Some(&*tool));
            let scope = bound.and_then(|text| scope_in(&text));
            tools.insert(tool.into_owned(), scope);
        }
        Ok(Server { id: id.to_owned(), tools })
    }

    /// Binds a tool to a scope, or to none. Says whether that changed anything.
    ///
    /// # Errors
    /// When the scope is not offered, or the form is refused.
    pub async fn bind(&mut self, server: &Server, tool: &str, scope: Option<&str>) -> Result<bool> {
        let current = server.tools.get(tool).with_context(|| format!("the server has no tool {tool}, but {:?}", server.tools.keys()))?;
        if current.as_deref() == scope {
            return Ok(false);
        }
        let form = self.see(&format!("/servers/{}/bind?tool={tool}", server.id)).await?.form("/bind")?;
        self.send(form.choose("scope", scope.unwrap_or_default())?).await?;
        Ok(true)
    }
}

/// `Needs logs.read` on a tool's line.
fn scope_in(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    words.find(|word| word.ends_with("Needs"))?;
    words.next().map(str::to_owned)
}
