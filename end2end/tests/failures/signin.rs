//! An identity provider that is away, or says what it should not: a page that says which and what to do, and nobody signed in.

use super::rig::{Part, Rig};
use anyhow::{Context as _, Result};
use end2end::{
    browser::{Browser, Page},
    console::signin,
};

/// Signs in and expects the page that says why not.
async fn refused(rig: &Rig, username: &str) -> Result<Page> {
    let mut browser = Browser::new()?;
    let page = signin::through(&mut browser, rig.places.at("/home"), username).await?.page()?;
    not_signed_in(rig, &mut browser).await?;
    Ok(page)
}

async fn not_signed_in(rig: &Rig, browser: &mut Browser) -> Result<()> {
    let again = browser.page(&rig.places.at("/home")).await?;
    assert!(!again.url.path().ends_with("/home"), "somebody is signed in: {}", again.summary());
    Ok(())
}

fn says_what_to_do(page: &Page, code: &str) {
    assert!(page.status.is_client_error() || page.status.is_server_error(), "{}", page.summary());
    assert!(page.says("You are not signed in."), "{}", page.summary());
    assert_eq!(page.fact("Code").as_deref(), Some(code), "{}", page.summary());
    assert!(page.says("What to do"), "{}", page.text());
    assert!(page.fact("Reference").is_some_and(|reference| !reference.is_empty()), "{}", page.text());
}

#[tokio::test]
async fn a_wrong_id_token_signs_nobody_in_and_the_page_says_which_fault_it_has() -> Result<()> {
    let rig = Rig::start().await?;
    for (username, code) in [
        ("mallory-issuer", "wrong_issuer"),
        ("mallory-nonce", "wrong_nonce"),
        ("mallory-audience", "wrong_audience"),
        ("mallory-expired", "expired"),
        ("mallory-sig", "bad_signature"),
        ("nogroups", "no_groups"),
        ("unverified", "email_unverified"),
    ] {
        let page = refused(&rig, username).await.with_context(|| username.to_owned())?;
        says_what_to_do(&page, code);
    }
    // After all that, an honest sign-in works.
    rig.person("ada")?.see("/home").await?;
    Ok(())
}

#[tokio::test]
async fn an_unreachable_identity_provider_is_named_before_and_after_the_sign_in() -> Result<()> {
    let mut rig = Rig::prepared().await?;
    rig.start_part(Part::Writ).await?;
    // It was never there.
    let page = refused(&rig, "ada").await?;
    says_what_to_do(&page, "idp_unreachable");

    // It goes away between the person's answer and the exchange of the code.
    rig.start_part(Part::Idp).await?;
    let mut browser = Browser::new()?;
    browser.hand_over(&rig.places.at("/signin/callback"));
    let callback = signin::through(&mut browser, rig.places.at("/home"), "ada").await?.callback()?;
    rig.kill(Part::Idp)?;
    browser.hand_over("http://nowhere.invalid/");
    let page = browser.page(callback.as_str()).await?;
    says_what_to_do(&page, "idp_unreachable");
    not_signed_in(&rig, &mut browser).await?;

    // And comes back.
    rig.start_part(Part::Idp).await?;
    rig.person("ada")?.see("/home").await?;
    Ok(())
}

#[tokio::test]
async fn a_callback_that_another_browser_began_signs_nobody_in() -> Result<()> {
    let rig = Rig::start().await?;
    let mut attacker = Browser::new()?;
    attacker.hand_over(&rig.places.at("/signin/callback"));
    let callback = signin::through(&mut attacker, rig.places.at("/home"), "ada").await?.callback()?;
    let mut victim = Browser::new()?;
    let page = victim.page(callback.as_str()).await?;
    assert!(page.status.is_client_error(), "{}", page.summary());
    not_signed_in(&rig, &mut victim).await?;
    Ok(())
}
