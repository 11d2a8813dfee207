//! Scopes: what they let people do and how much harm they can do, judged by a person.

use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use policy::Risk;
use serde_json::json;
use store::Scope;

/// Changes what is said of a scope.
pub struct EditScope {
    /// Which.
    pub name: String,
    /// What it lets people do.
    pub sentence: String,
    /// Its risk.
    pub risk: Risk,
    /// The oldest sign-in that may use it, in seconds.
    pub max_auth_age: Option<i64>,
    /// The authentication class that it wants.
    pub acr: Option<String>,
    /// The version that the editor saw.
    pub version: i64,
}

impl UseCase for EditScope {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let old = scene.db.get::<Scope>(&self.name).await?.ok_or(Error::NotFound)?;
        if old.version != self.version {
            return Err(Error::Changed(format!("the scope {} was changed by somebody else", self.name)));
        }
        let sentence = self.sentence.trim();
        if sentence.is_empty() || sentence.chars().count() > 200 || sentence.chars().any(char::is_control) {
            return Err(Error::invalid("sentence", "say in one sentence of at most 200 characters what it lets people do"));
        }
        if self.max_auth_age.is_some_and(|age| !(60..=86_400).contains(&age)) {
            return Err(Error::invalid("max_auth_age", "choose between a minute and a day, in seconds"));
        }
        if self
            .acr
            .as_ref()
            .is_some_and(|acr| acr.is_empty() || acr.len() > 255 || acr.chars().any(|c| c.is_control() || c.is_whitespace()))
        {
            return Err(Error::invalid("acr", "give one authentication context class, without white space"));
        }
        let details =
            json!({ "from": { "sentence": old.sentence, "risk": old.risk }, "to": { "sentence": sentence, "risk": self.risk.as_str() } });
        let row = Scope {
            id: old.id,
            sentence: sentence.to_owned(),
            risk: self.risk.as_str().to_owned(),
            max_auth_age: self.max_auth_age,
            acr: self.acr.clone(),
            version: old.version + 1,
        };
        scene.db.update(row).await?;
        scene.db.touch_draft().await?;
        Ok(Done::new((), Event::new("scope.edit").on(&self.name).details(details)))
    }
}
