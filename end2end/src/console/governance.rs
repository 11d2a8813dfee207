//! Requests, decisions, grants, revocations.

use super::{Person, last_segment};
use crate::{browser::Page, wait};
use anyhow::{Context as _, Result, bail};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The server's id.
    pub server: &'a str,
    /// The scope.
    pub scope: &'a str,
    /// The client's id.
    pub client: &'a str,
    /// For how long, in seconds.
    pub duration_s: u32,
    /// Why.
    pub reason: &'a str,
}

impl Person {
    /// Asks for access. Returns the request's id.
    ///
    /// # Errors
    /// When the form does not offer it, or it is refused.
    pub async fn request(&mut self, ask: Ask<'_>) -> Result<String> {
        let form = self.see(&format!("/requests/new?server={}", ask.server)).await?.form("/requests")?;
        let form = form.choose("scope", ask.scope)?.choose("client", ask.client)?;
        let form = form.choose("duration_s", &ask.duration_s.to_string())?.fill("reason", ask.reason)?;
        let page = self.send(form).await?;
        if !page.url.path().starts_with(&format!("{}/requests/req_", self.base())) {
            bail!("asking led to {}", page.summary());
        }
        Ok(last_segment(&page.url))
    }

    /// Takes back what this person asked for and nobody has decided. Says how many there were.
    ///
    /// # Errors
    /// When the console cannot be reached.
    pub async fn withdraw_pending(&mut self) -> Result<usize> {
        let mine = self.see("/requests?show=mine").await?;
        let mut count = 0;
        for (_, url) in mine.links_below(&format!("{}/requests/req_", self.base())) {
            let page = self.see(&format!("/requests/{}", last_segment(&url))).await?;
            if let Ok(form) = page.form("/withdraw") {
                self.send(form).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Whether the request waits in this person's inbox.
    ///
    /// # Errors
    /// When the console cannot be reached.
    pub async fn has_to_decide(&mut self, request: &str) -> Result<bool> {
        let list = self.see("/requests?show=to_decide").await?;
        Ok(list.links_below(&format!("{}/requests/{request}", self.base())).len() == 1)
    }

    /// Decides on what the page shows, by the button with this value.
    ///
    /// # Errors
    /// When the page offers no decision.
    pub async fn try_decide(&mut self, request: &str, decision: &str, reason: &str) -> Result<Page> {
        let form = self.see(&format!("/requests/{request}")).await?.form("/decision")?;
        let form = form.press("decision", decision)?.fill("reason", reason)?;
        self.try_send(form).await
    }

    /// Approves. Returns the grant's id.
    ///
    /// # Errors
    /// When that is refused.
    pub async fn approve(&mut self, request: &str, reason: &str) -> Result<String> {
        let page = self.try_decide(request, "approve", reason).await?.ok()?;
        let grants = format!("{}/grants/grt_", self.base());
        let (_, url) = page.links_below(&grants).into_iter().next().with_context(|| format!("no grant came of it: {}", page.summary()))?;
        Ok(last_segment(&url))
    }

    /// Grants in force, by id, whose line names this person.
    ///
    /// # Errors
    /// When the console cannot be reached.
    pub async fn active_grants(&mut self) -> Result<Vec<String>> {
        let list = self.see("/grants?state=active").await?;
        let mut ids: Vec<String> =
            list.links_below(&format!("{}/grants/grt_", self.base())).iter().map(|(_, url)| last_segment(url)).collect();
        ids.dedup();
        Ok(ids)
    }

    /// Takes a grant back. Returns the revocation's sequence.
    ///
    /// # Errors
    /// When that is refused.
    pub async fn revoke(&mut self, grant: &str, reason: &str) -> Result<u64> {
        let form = self.see(&format!("/grants/{grant}/revoke")).await?.form("/revoke")?.fill("reason", reason)?;
        let page = self.send(form).await?;
        last_segment(&page.url).parse().with_context(|| format!("revoking led to {}", page.summary()))
    }

    /// Waits until this gateway's line of a receipt says that it denies, and returns that line.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn receipt(&mut self, seq: u64, gateway: &str) -> Result<String> {
        wait::until(&format!("{gateway} confirms revocation {seq}"), super::delivery::CONVERGES_WITHIN, async || {
            let rows = self.see(&format!("/revocations/{seq}")).await?.rows();
            Ok(rows.into_iter().find(|row| row.starts_with(&format!("{gateway} |")) && row.contains("Denies")))
        })
        .await
    }
}
