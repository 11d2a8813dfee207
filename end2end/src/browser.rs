//! A small browser without JavaScript: cookies, redirects, pages, forms. It sends what real browsers send along with a form, and it
//! can fill in only what the page offers, so a field that a person would not find cannot be sent.

mod cookies;
mod form;
mod page;

pub use form::Form;
pub use page::Page;

use anyhow::{Context as _, Result, bail};
use cookies::Jar;
use reqwest::{
    Method,
    header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, REFERER, SET_COOKIE},
    redirect,
};
use url::Url;

/// As many as browsers follow at most.
const MOST_REDIRECTS: usize = 20;

/// Where a navigation ended.
#[derive(Debug)]
pub enum Arrived {
    /// On a page, whatever its status.
    Page(Page),
    /// At an address that a program of ours waits at: the browser would hand it over.
    Callback(Url),
}

impl Arrived {
    /// The page.
    ///
    /// # Errors
    /// When the navigation left for a callback.
    pub fn page(self) -> Result<Page> {
        match self {
            Self::Page(page) => Ok(page),
            Self::Callback(url) => bail!("expected a page, was sent back to {}", without_query(&url)),
        }
    }

    /// The callback's address with its query.
    ///
    /// # Errors
    /// When the navigation ended on a page.
    pub fn callback(self) -> Result<Url> {
        match self {
            Self::Callback(url) => Ok(url),
            Self::Page(page) => bail!("expected to be sent back to the client, but {}", page.summary()),
        }
    }
}

/// One person's browser profile.
#[derive(Debug)]
pub struct Browser {
    http: reqwest::Client,
    jar: Jar,
    callback: Option<String>,
}

struct Step {
    method: Method,
    url: Url,
    body: Option<String>,
    /// The page that the navigation started from; none when it was typed.
    from: Option<Url>,
    /// A redirect through another origin taints the rest, as in browsers.
    site: &'static str,
}

impl Browser {
    /// A fresh profile.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new() -> Result<Self> {
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).timeout(std::time::Duration::from_secs(30)).build()?;
        Ok(Self { http, jar: Jar::default(), callback: None })
    }

    /// Addresses that start so are handed to a program on this computer in place of being opened.
    pub fn hand_over(&mut self, callback: &str) {
        self.callback = Some(callback.to_owned());
    }

    /// Opens a typed address.
    ///
    /// # Errors
    /// When a server does not answer, or redirects for ever.
    pub async fn open(&mut self, url: &str) -> Result<Arrived> {
        let url = Url::parse(url).with_context(|| format!("{url} is not a URL"))?;
        self.go(Step { method: Method::GET, url, body: None, from: None, site: "none" }).await
    }

    /// Opens a page by its typed address.
    ///
    /// # Errors
    /// As [`Self::open`]; also when that leads to a callback.
    pub async fn page(&mut self, url: &str) -> Result<Page> {
        self.open(url).await?.page()
    }

    /// Follows the link with this text.
    ///
    /// # Errors
    /// When there is none.
    pub async fn follow(&mut self, page: &Page, text: &str) -> Result<Arrived> {
        let url = page.link(text)?;
        let site = relation(&page.url, &url);
        self.go(Step { method: Method::GET, url, body: None, from: Some(page.url.clone()), site }).await
    }

    /// Sends a filled form.
    ///
    /// # Errors
    /// When a server does not answer, or redirects for ever.
    pub async fn submit(&mut self, form: Form) -> Result<Arrived> {
        let (method, url, body, from) = form.into_request();
        let site = relation(&from, &url);
        self.go(Step { method, url, body, from: Some(from), site }).await
    }

    /// Downloads what a link or form leads to, as bytes.
    ///
    /// # Errors
    /// When the answer is not a success.
    pub async fn download(&mut self, form: Form) -> Result<Vec<u8>> {
        let (method, url, _, from) = form.into_request();
        let site = relation(&from, &url);
        let step = Step { method, url, body: None, from: Some(from), site };
        let response = self.send(&step).await?;
        let status = response.status();
        let bytes = response.bytes().await?.to_vec();
        if !status.is_success() {
            bail!("the download from {} answered {status}", without_query(&step.url));
        }
        Ok(bytes)
    }

    async fn go(&mut self, mut step: Step) -> Result<Arrived> {
        for _ in 0..=MOST_REDIRECTS {
            if self.callback.as_ref().is_some_and(|callback| step.url.as_str().starts_with(callback.as_str())) {
                return Ok(Arrived::Callback(step.url));
            }
            let response = self.send(&step).await?;
            let status = response.status();
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let Some(location) = location.filter(|_| status.is_redirection()) else {
                let (headers, html) = (response.headers().clone(), response.text().await?);
                return Ok(Arrived::Page(Page::new(step.url, status, headers, html)));
            };
            let next = step.url.join(&location).with_context(|| format!("a redirect to {location}, which is no URL"))?;
            let site = worse(step.site, if step.from.is_some() || step.site != "none" { relation(&step.url, &next) } else { "none" });
            // 307 and 308 keep the method; the others turn a POST into a GET, as browsers do.
            let keeps = matches!(status.as_u16(), 307 | 308);
            let (method, body) = if keeps { (step.method, step.body) } else { (Method::GET, None) };
            step = Step { method, url: next, body, from: step.from, site };
        }
        bail!("more than {MOST_REDIRECTS} redirects; the last to {}", without_query(&step.url))
    }

    async fn send(&mut self, step: &Step) -> Result<reqwest::Response> {
        let mut request = self
            .http
            .request(step.method.clone(), step.url.clone())
            .header(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("Sec-Fetch-Site", step.site)
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", "document");
        let cookies = self.jar.header(&step.url);
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        if let Some(from) = &step.from {
            request = request.header(REFERER, from.origin().ascii_serialization() + "/");
            if step.method == Method::POST {
                request = request.header(ORIGIN, from.origin().ascii_serialization());
            }
        }
        if let Some(body) = &step.body {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.clone());
        }
        let response = request.send().await.with_context(|| format!("opening {}", without_query(&step.url)))?;
        for set in response.headers().get_all(SET_COOKIE) {
            self.jar.set(&step.url, set.to_str().context("a cookie that is not text")?);
        }
        Ok(response)
    }
}

/// The `Sec-Fetch-Site` of a navigation between two addresses.
fn relation(from: &Url, to: &Url) -> &'static str {
    match (from.origin() == to.origin(), from.host() == to.host() && from.scheme() == to.scheme()) {
        (true, _) => "same-origin",
        (false, true) => "same-site",
        (false, false) => "cross-site",
    }
}

fn worse(one: &'static str, other: &'static str) -> &'static str {
    const ORDER: [&str; 4] = ["none", "same-origin", "same-site", "cross-site"];
    let rank = |site: &str| ORDER.iter().position(|known| *known == site);
    if rank(one) >= rank(other) { one } else { other }
}

/// The address as it may be shown: queries can hold codes.
fn without_query(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.to_string()
}
