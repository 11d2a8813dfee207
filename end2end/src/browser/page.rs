//! A page as it came, and what a person reads in it.

use super::form::Form;
use anyhow::{Context as _, Result, anyhow, bail};
use reqwest::{StatusCode, header::HeaderMap};
use scraper::{ElementRef, Html, Selector};
use url::Url;

/// One answer, read as HTML where it is.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is, after all redirects.
    pub url: Url,
    /// How the server answered.
    pub status: StatusCode,
    /// With which headers.
    pub headers: HeaderMap,
    /// The body.
    pub html: String,
}

impl Page {
    pub(super) const fn new(url: Url, status: StatusCode, headers: HeaderMap, html: String) -> Self {
        Self { url, status, headers, html }
    }

    /// The same page when it is a success.
    ///
    /// # Errors
    /// With the page's own words when it is not.
    pub fn ok(self) -> Result<Self> {
        if self.status.is_success() { Ok(self) } else { bail!("{}", self.summary()) }
    }

    /// All text that can be read, white space made one.
    pub fn text(&self) -> String {
        self.text_of("body").into_iter().next().unwrap_or_default()
    }

    /// The text of what is announced to a person: alerts, flags, field errors.
    pub fn alerts(&self) -> Vec<String> {
        self.text_of(".flag, .error, [role=alert]")
    }

    /// The text of every element that fits a CSS selector.
    pub fn text_of(&self, css: &str) -> Vec<String> {
        let (document, wanted) = (Html::parse_document(&self.html), selector(css));
        document.select(&wanted).map(|found| words(&found)).collect()
    }

    /// Whether this can be read on the page.
    pub fn says(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// The first heading.
    pub fn heading(&self) -> String {
        self.text_of("h1").into_iter().next().unwrap_or_default()
    }

    /// The value of every definition or cell that stands beside this label.
    pub fn fact(&self, label: &str) -> Option<String> {
        let (document, terms) = (Html::parse_document(&self.html), selector("dt"));
        let label_at = document.select(&terms).find(|term| words(term) == label)?;
        let value = label_at.next_siblings().filter_map(ElementRef::wrap).find(|sibling| sibling.value().name() == "dd")?;
        Some(words(&value))
    }

    /// The text of each row of each table, newest first where the page lists so. Cells are parted by ` | `.
    pub fn rows(&self) -> Vec<String> {
        let (document, lines, cells) = (Html::parse_document(&self.html), selector("tbody tr"), selector("td, th"));
        let row = |row: ElementRef<'_>| row.select(&cells).map(|cell| words(&cell)).collect::<Vec<_>>().join(" | ");
        document.select(&lines).map(row).collect()
    }

    /// Where the link with this text leads.
    ///
    /// # Errors
    /// When there is none.
    pub fn link(&self, text: &str) -> Result<Url> {
        let href = self.links().into_iter().find(|(words, _)| words == text).map(|(_, href)| href);
        href.with_context(|| format!("no link `{text}`: {}", self.summary()))
    }

    /// Every link with its text.
    pub fn links(&self) -> Vec<(String, Url)> {
        let (document, anchors) = (Html::parse_document(&self.html), selector("a[href]"));
        let anchors = document.select(&anchors);
        anchors.filter_map(|anchor| Some((words(&anchor), self.url.join(anchor.value().attr("href")?).ok()?))).collect()
    }

    /// The links whose path starts so.
    pub fn links_below(&self, path: &str) -> Vec<(String, Url)> {
        self.links().into_iter().filter(|(_, url)| url.path().starts_with(path)).collect()
    }

    /// The form that is sent to a path with this end, ready to be filled in.
    ///
    /// # Errors
    /// When the page has none.
    pub fn form(&self, action: &str) -> Result<Form> {
        self.forms(action).into_iter().next().ok_or_else(|| anyhow!("no form to {action}: {}", self.summary()))
    }

    /// Every form that is sent to a path with this end.
    pub fn forms(&self, action: &str) -> Vec<Form> {
        let (document, forms) = (Html::parse_document(&self.html), selector("form"));
        let forms = document.select(&forms);
        forms.filter_map(|form| Form::read(&self.url, &form)).filter(|form| form.path().ends_with(action)).collect()
    }

    /// Address, status, heading and alerts: what to say when a page is not the expected one.
    pub fn summary(&self) -> String {
        let (heading, alerts) = (self.heading(), self.alerts().join(" / "));
        let said =
            if heading.is_empty() && alerts.is_empty() { self.text().chars().take(300).collect() } else { format!("{heading}; {alerts}") };
        format!("{} answered {}: {said}", self.url.path(), self.status)
    }
}

pub(super) fn selector(css: &str) -> Selector {
    Selector::parse(css).expect("the selectors of this module are constants that parse")
}

/// The text of an element as a person sees it: white space made one, and a gap where something other than running text begins.
pub(super) fn words(element: &ElementRef<'_>) -> String {
    const RUNNING: [&str; 6] = ["a", "bdi", "code", "em", "time", "wbr"];
    fn collect(element: &ElementRef<'_>, text: &mut String) {
        for child in element.children() {
            if let Some(own) = child.value().as_text() {
                text.push_str(own);
            } else if let Some(inner) = ElementRef::wrap(child)
                && !matches!(inner.value().name(), "script" | "style" | "svg" | "template")
            {
                let gap = if RUNNING.contains(&inner.value().name()) { "" } else { " " };
                text.push_str(gap);
                collect(&inner, text);
                text.push_str(gap);
            }
        }
    }
    let mut text = String::new();
    collect(element, &mut text);
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(" ,", ",")
}
