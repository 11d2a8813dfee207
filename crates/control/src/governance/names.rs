//! Names for ids, each looked up once.

use crate::error::Result;
use std::collections::HashMap;
use store::{Agent, Client, Gateway, Reader, Server, User};

/// A thing and what people call it. The name is its id when the thing is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its name, which others may have chosen: untrusted.
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    User,
    Client,
    Agent,
    Server,
    Gateway,
}

/// Looks names up for one page.
pub(crate) struct Names<'r> {
    db: &'r Reader<'r>,
    known: HashMap<(Kind, String), String>,
}

impl<'r> Names<'r> {
    pub(crate) fn new(db: &'r Reader<'r>) -> Self {
        Self { db, known: HashMap::new() }
    }

    pub(crate) async fn user(&mut self, id: &str) -> Result<Named> {
        self.named(Kind::User, id).await
    }

    pub(crate) async fn client(&mut self, id: &str) -> Result<Named> {
        self.named(Kind::Client, id).await
    }

    pub(crate) async fn agent(&mut self, id: Option<&str>) -> Result<Option<Named>> {
        match id {
            Some(id) => Ok(Some(self.agent_named(id).await?)),
            None => Ok(None),
        }
    }

    pub(crate) async fn agent_named(&mut self, id: &str) -> Result<Named> {
        self.named(Kind::Agent, id).await
    }

    pub(crate) async fn gateway(&mut self, id: &str) -> Result<Named> {
        self.named(Kind::Gateway, id).await
    }

    pub(crate) async fn server(&mut self, id: &str) -> Result<Named> {
        self.named(Kind::Server, id).await
    }

    /// Whatever has an id; what has no name besides is called by its id.
    pub(crate) async fn of(&mut self, id: &str) -> Result<Named> {
        match id.split_once('_').map_or("", |(prefix, _)| prefix) {
            "usr" => self.user(id).await,
            "cli" => self.client(id).await,
            "agt" => self.agent_named(id).await,
            "srv" => self.server(id).await,
            "gw" => self.gateway(id).await,
            _ => Ok(Named { id: id.to_owned(), name: id.to_owned() }),
        }
    }

    pub(crate) async fn server_at(&mut self, resource: &str) -> Result<Named> {
        let key = (Kind::Server, resource.to_owned());
        if !self.known.contains_key(&key) {
            let name = self.db.server_at(resource).await?.map_or_else(|| resource.to_owned(), |server| server.name);
            self.known.insert(key.clone(), name);
        }
        Ok(Named { id: resource.to_owned(), name: self.known[&key].clone() })
    }

    async fn named(&mut self, kind: Kind, id: &str) -> Result<Named> {
        let key = (kind, id.to_owned());
        if !self.known.contains_key(&key) {
            let found = match kind {
                Kind::User => self.db.get::<User>(id).await?.map(|row| row.name),
                Kind::Client => self.db.get::<Client>(id).await?.map(|row| row.name),
                Kind::Agent => self.db.get::<Agent>(id).await?.map(|row| row.name),
                Kind::Gateway => self.db.get::<Gateway>(id).await?.map(|row| row.name),
                Kind::Server => self.db.get::<Server>(id).await?.map(|row| row.name),
            };
            self.known.insert(key.clone(), found.unwrap_or_else(|| id.to_owned()));
        }
        Ok(Named { id: id.to_owned(), name: self.known[&key].clone() })
    }
}
