//! The admin signs in to the console through the identity provider.

use super::{Story, Telling};
use crate::browser::Browser;
use anyhow::Result;

pub(super) const TITLE: &str = "the IAM admin signs in to the console through the identity provider";

pub(super) async fn play(story: &mut Story, told: &mut Telling) -> Result<()> {
    let mut stranger = Browser::new()?;
    let page = stranger.page(&story.places.at("/home")).await?;
    let asked = page.heading().starts_with("Sign in to ") || page.url.as_str().starts_with(&story.places.idp);
    told.expect("a stranger who opens the console is asked to sign in", asked);

    let home = story.ada.see("/home").await?;
    told.expect("ada is back on the console's home after signing in", home.url.path() == format!("/t/{}/home", story.places.tenant));
    told.expect("the page names her: Ada (IAM admin)", home.says("Ada (IAM admin)"));
    told.expect("and the tenant: Acme", home.says("Acme"));
    told.expect("her group made her an owner of the tenant", home.says("Owner"));

    let csp = home.headers.get("content-security-policy").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    told.expect("the page's content security policy allows no inline script", csp.contains("script-src") && !csp.contains("unsafe-inline"));

    let elsewhere = stranger.page(&format!("{}/t/elsewhere/home", story.places.console)).await?;
    told.equal("another tenant's address", elsewhere.status.as_u16(), 404);
    Ok(())
}
