//! Roles and who gets them.

use super::Person;
use crate::browser::Page;
use anyhow::{Result, bail};

impl Person {
    /// Imports a role file. Returns what the preview said would change; empty when nothing would.
    ///
    /// # Errors
    /// When the file is refused.
    pub async fn import_roles(&mut self, yaml: &str) -> Result<Vec<String>> {
        let preview = self.preview_roles(yaml).await?.ok()?;
        let Ok(form) = preview.form("/roles/import/apply") else {
            if preview.says("nothing to save") {
                return Ok(Vec::new());
            }
            bail!("neither a form nor `nothing to save`: {}", preview.summary());
        };
        let changes = preview.text();
        let saved = self.send(form).await?;
        if !saved.url.path().ends_with("/roles") {
            bail!("saving roles led to {}", saved.summary());
        }
        Ok(vec![changes])
    }

    /// Sends a role file and returns the answer, preview or fault.
    ///
    /// # Errors
    /// When the console cannot be reached.
    pub async fn preview_roles(&mut self, yaml: &str) -> Result<Page> {
        let form = self.see("/roles/import").await?.form("/roles/import")?.fill("yaml", yaml)?;
        self.try_send(form).await
    }

    /// The scopes of a role as its page shows them; none when there is no such role.
    ///
    /// # Errors
    /// When the console cannot be reached.
    pub async fn role_scopes(&mut self, role: &str) -> Result<Option<Vec<String>>> {
        let page = self.visit(&format!("/roles/{role}")).await?;
        if !page.status.is_success() {
            return Ok(None);
        }
        let mut scopes: Vec<String> = page.rows().iter().filter_map(|row| row.split(" | ").next().map(str::to_owned)).collect();
        scopes.sort();
        Ok(Some(scopes))
    }

    /// Gives a group a role, unless it has it. Says whether it was new.
    ///
    /// # Errors
    /// When the form is refused.
    pub async fn assign(&mut self, group: &str, role: &str) -> Result<bool> {
        let page = self.see("/assignments").await?;
        if has_assignment(&page, group, role) {
            return Ok(false);
        }
        let form = page.form("/assignments")?.fill("group", group)?.choose("role", role)?;
        let saved = self.send(form).await?;
        if !has_assignment(&saved, group, role) {
            bail!("{group} was not assigned: {}", saved.summary());
        }
        Ok(true)
    }
}

fn has_assignment(page: &Page, group: &str, role: &str) -> bool {
    page.rows().iter().any(|row| row.starts_with(&format!("{group} | {role} |")))
}
