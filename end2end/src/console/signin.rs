//! Signing in at the identity provider, wherever a navigation asks for it.

use crate::browser::{Arrived, Browser, Page};
use anyhow::{Context as _, Result};

/// Opens an address and signs in on the way: the console's page that says so, if it shows one, then the provider's form.
///
/// # Errors
/// When a page on the way is not as it should be.
pub async fn through(browser: &mut Browser, url: String, username: &str) -> Result<Arrived> {
    let mut arrived = browser.open(&url).await?;
    // The console's own page, the provider's, and no more.
    for _ in 0..2 {
        let Arrived::Page(page) = &arrived else { break };
        if let Some(next) = start_link(page) {
            arrived = browser.open(next.as_str()).await?;
            continue;
        }
        // The consent page's form has the same end of path, but asks for no name.
        let asks = page.forms("/authorize").into_iter().find(|form| form.value("username").is_some());
        let Some(form) = asks else { break };
        let form = form.fill("username", username).context("the provider's form")?;
        arrived = browser.submit(form).await?;
    }
    Ok(arrived)
}

/// The link that leads to the provider, on the console's sign-in page.
fn start_link(page: &Page) -> Option<url::Url> {
    if !page.heading().starts_with("Sign in to ") {
        return None;
    }
    page.links().into_iter().find(|(text, _)| text.starts_with("Continue with")).map(|(_, url)| url)
}
