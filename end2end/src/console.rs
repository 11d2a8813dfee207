//! What people do in the console, by page and form as each page's module documents them (`app/src/pages`).

pub mod access;
pub mod clients;
pub mod delivery;
pub mod evidence;
pub mod governance;
pub mod servers;
pub mod signin;

use crate::{
    browser::{Browser, Form, Page},
    places::Places,
};
use anyhow::{Result, bail};
use reqwest::StatusCode;

/// One person at the console.
#[derive(Debug)]
pub struct Person {
    /// The name at the identity provider.
    pub username: &'static str,
    /// Their browser.
    pub browser: Browser,
    places: Places,
}

impl Person {
    /// Someone who has not signed in.
    ///
    /// # Errors
    /// When no browser can be made.
    pub fn new(username: &'static str, places: &Places) -> Result<Self> {
        Ok(Self { username, browser: Browser::new()?, places: places.clone() })
    }

    /// Opens a page of the console, whatever its status; signs in on the way if asked.
    ///
    /// # Errors
    /// When the console cannot be reached.
    pub async fn visit(&mut self, path: &str) -> Result<Page> {
        signin::through(&mut self.browser, self.places.at(path), self.username).await?.page()
    }

    /// Opens a page that must be there.
    ///
    /// # Errors
    /// With the page's words when it is not.
    pub async fn see(&mut self, path: &str) -> Result<Page> {
        self.visit(path).await?.ok()
    }

    /// Sends a form and returns the page that it led to, whatever its status.
    ///
    /// # Errors
    /// When the console cannot be reached.
    pub async fn try_send(&mut self, form: Form) -> Result<Page> {
        self.browser.submit(form).await?.page()
    }

    /// Sends a form that must be taken.
    ///
    /// # Errors
    /// With the page's words when it is not.
    pub async fn send(&mut self, form: Form) -> Result<Page> {
        let to = form.path().to_owned();
        let page = self.try_send(form).await?;
        if page.status != StatusCode::OK {
            bail!("the form to {to} was not taken: {}", page.summary());
        }
        Ok(page)
    }

    /// The path of the tenant's console, before what pages name.
    pub(crate) fn base(&self) -> String {
        format!("/t/{}", self.places.tenant)
    }

    /// Where everything is.
    pub fn places(&self) -> &Places {
        &self.places
    }
}

/// The last segment of a path.
pub(crate) fn last_segment(url: &url::Url) -> String {
    url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default().to_owned()
}
