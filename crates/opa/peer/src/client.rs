//! An OPA over real sockets: downloads, activates, reports, logs.

use crate::config::Config;
use crate::load::{self, SIZE_LIMIT};
use crate::poll::{Came, Poller};
use crate::store::Store;
use anyhow::{Context as _, Result};
use flate2::{Compression, write::GzEncoder};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version that it says to be.
const VERSION: &str = "1.20.2";

/// A running OPA.
pub struct Client {
    config: Config,
    http: reqwest::Client,
    pollers: BTreeMap<String, Poller>,
    refused: BTreeMap<String, String>,
    failed: BTreeMap<String, u16>,
    /// What is in force.
    pub store: Store,
}

/// One answer to a request for a bundle.
#[derive(Debug)]
pub struct Polled {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as it came over the wire.
    pub body: Vec<u8>,
    /// Why the bundle was refused, if it was.
    pub refused: Option<String>,
    /// How long an OPA would pause now.
    pub pause: Duration,
}

impl Client {
    /// Starts with what was kept, verified again. What does not verify is left out.
    ///
    /// # Errors
    /// When there is no HTTP client to be had.
    pub fn start(config: Config) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let pollers = config.bundles.iter().map(|(name, source)| {
            let seconds = |given: Option<u64>, default| Duration::from_secs(given.unwrap_or(default));
            let (min, max) = (seconds(source.polling.min_delay_seconds, 60), seconds(source.polling.max_delay_seconds, 120));
            (name.clone(), Poller::new(source.polling.long_polling_timeout_seconds, min, max))
        });
        let pollers = pollers.collect();
        let mut client = Self { config, http, pollers, refused: BTreeMap::new(), failed: BTreeMap::new(), store: Store::default() };
        let names: Vec<String> = client.config.bundles.keys().cloned().collect();
        for name in names {
            let Some(kept) = client.kept(&name).filter(|path| path.exists()) else { continue };
            let archive = std::fs::read(&kept).with_context(|| format!("reading {}", kept.display()))?;
            if let Err(why) = client.take(&name, &archive) {
                client.refused.insert(name, why);
            }
        }
        Ok(client)
    }

    /// Its configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Goes on with another configuration of the same sources, and with what is in force.
    pub fn reconfigure(&mut self, config: Config) {
        self.config = config;
    }

    /// Why what was last offered, or kept, under that name is not in force.
    pub fn refused(&self, bundle: &str) -> Option<&str> {
        self.refused.get(bundle).map(String::as_str)
    }

    /// Where a bundle is kept.
    pub fn kept(&self, bundle: &str) -> Option<PathBuf> {
        self.config.bundles.get(bundle).filter(|source| source.persist)?;
        let folder = Path::new(self.config.persistence_directory.as_deref()?);
        Some(folder.join("bundles").join(bundle).join("bundle.tar.gz"))
    }

    fn take(&mut self, name: &str, archive: &[u8]) -> Result<(), String> {
        let source = &self.config.bundles[name];
        let loaded = load::load(archive, self.config.verification(name).as_ref(), source.persist, SIZE_LIMIT);
        loaded.and_then(|bundle| self.store.activate(name, bundle)).map_err(|why| why.to_string())
    }

    /// Has the next request for a bundle say that nothing is in force, as after a start without a folder to keep things in.
    ///
    /// # Panics
    /// When there is no such bundle.
    pub fn forget(&mut self, bundle: &str) {
        let source = &self.config.bundles[bundle];
        let pause = |given: Option<u64>| Duration::from_secs(given.unwrap_or(60));
        let polling = &source.polling;
        let fresh = Poller::new(polling.long_polling_timeout_seconds, pause(polling.min_delay_seconds), pause(polling.max_delay_seconds));
        self.pollers.insert(bundle.to_owned(), fresh);
    }

    /// How the next request for a bundle is put.
    ///
    /// # Panics
    /// When there is no such bundle.
    pub fn poller(&self, bundle: &str) -> &Poller {
        &self.pollers[bundle]
    }

    fn token(&self, service: &str) -> Result<String> {
        let path = &self.config.services[service].credentials.bearer.token_path;
        Ok(std::fs::read_to_string(path).with_context(|| format!("reading {path}"))?.trim().to_owned())
    }

    /// One request for a bundle, and what an OPA makes of the answer.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn poll(&mut self, bundle: &str) -> Result<Polled> {
        let source = self.config.bundles.get(bundle).context("no such bundle")?.clone();
        let poller = self.pollers.get(bundle).context("no such bundle")?;
        let url = format!("{}/{}", self.config.services[&source.service].url.trim_end_matches('/'), source.resource);
        let request = self
            .http
            .get(url)
            .bearer_auth(self.token(&source.service)?)
            .header(IF_NONE_MATCH, poller.if_none_match())
            .header("Prefer", poller.prefer())
            .header("User-Agent", format!("Open Policy Agent/{VERSION} (linux, amd64)"));
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await?.to_vec();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut refused = None;
        let came = match status {
            StatusCode::OK => match self.take(bundle, &body) {
                Ok(()) => {
                    if let Some(kept) = self.kept(bundle) {
                        keep(&kept, &body)?;
                    }
                    self.refused.remove(bundle);
                    Came::Activated { etag: text(ETAG), content_type: text(CONTENT_TYPE) }
                }
                Err(why) => {
                    self.refused.insert(bundle.to_owned(), why.clone());
                    refused = Some(why);
                    Came::Refused
                }
            },
            StatusCode::NOT_MODIFIED => {
                // An OPA takes "nothing newer" as the end of whatever error there was.
                self.refused.remove(bundle);
                Came::NotModified { etag: headers.get(ETAG).and_then(|value| value.to_str().ok()) }
            }
            _ => Came::Failed,
        };
        match came {
            Came::Failed => drop(self.failed.insert(bundle.to_owned(), status.as_u16())),
            _ => drop(self.failed.remove(bundle)),
        }
        let pause = self.pollers.get_mut(bundle).context("no such bundle")?.after(&came);
        Ok(Polled { status, headers, body, refused, pause })
    }

    /// The report that it would send now.
    pub fn status(&self) -> Value {
        let standing = |name: &String| {
            let mut status = json!({ "name": name, "type": "snapshot", "size": 1, "last_request": "2026-11-23T09:00:00Z" });
            if let Some(active) = self.store.active(name) {
                status["active_revision"] = json!(active.manifest.revision);
            }
            if let Some(why) = self.refused.get(name) {
                (status["code"], status["message"]) = (json!("bundle_error"), json!(why));
            } else if let Some(code) = self.failed.get(name) {
                (status["code"], status["message"]) = (json!("bundle_error"), json!("server replied with an error"));
                status["http_code"] = json!(code.to_string());
            }
            (name.clone(), status)
        };
        let bundles: BTreeMap<String, Value> = self.config.bundles.keys().map(standing).collect();
        json!({ "labels": { "id": "5165999f-7a0f-4d1c-8a1e-4c2f0a8b7e0d", "version": VERSION }, "bundles": bundles, "plugins": { "bundle": { "state": "OK" } } })
    }

    /// Sends the report.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn report(&self) -> Result<StatusCode> {
        let reported = self.config.status.clone().context("no status is configured")?;
        let path = path("status", &reported.partition_name);
        Ok(self.post(&reported.service, &path, self.status().to_string().into_bytes(), false).await?.0)
    }

    /// Logs these events.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn log(&self, events: &[Value]) -> Result<(StatusCode, String)> {
        let logged = self.config.decision_logs.clone().context("no decision log is configured")?;
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(Value::from(events).to_string().as_bytes())?;
        self.post(&logged.service, &path("logs", &logged.partition_name), packed.finish()?, true).await
    }

    /// Sends a body as it is.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn post(&self, service: &str, path: &str, body: Vec<u8>, gzipped: bool) -> Result<(StatusCode, String)> {
        let url = format!("{}{path}", self.config.services[service].url.trim_end_matches('/'));
        let request = self.http.post(url).bearer_auth(self.token(service)?).header(CONTENT_TYPE, "application/json").body(body);
        let request = if gzipped { request.header(CONTENT_ENCODING, "gzip") } else { request };
        let response = request.send().await?;
        Ok((response.status(), response.text().await?))
    }

    /// The event of a decision that was just made, with the revisions in force.
    pub fn event(&self, decision_id: &str, timestamp: &str, input: &Value, result: &Value) -> Value {
        let revision = |name: &String| {
            let revision = self.store.active(name).map(|bundle| bundle.manifest.revision.clone());
            (name.clone(), json!({ "revision": revision.unwrap_or_default() }))
        };
        let bundles: BTreeMap<String, Value> = self.config.bundles.keys().map(revision).collect();
        json!({
            "labels": { "id": "5165999f-7a0f-4d1c-8a1e-4c2f0a8b7e0d", "version": VERSION }, "decision_id": decision_id, "bundles": bundles,
            "path": "writ/decision", "input": input, "result": result, "requested_by": "127.0.0.1:1", "timestamp": timestamp,
        })
    }
}

fn path(endpoint: &str, partition: &str) -> String {
    if partition.is_empty() { format!("/{endpoint}") } else { format!("/{endpoint}/{partition}") }
}

fn keep(path: &Path, archive: &[u8]) -> Result<()> {
    let folder = path.parent().context("a bundle is kept in a folder")?;
    std::fs::create_dir_all(folder)?;
    let new = folder.join("new");
    std::fs::write(&new, archive)?;
    Ok(std::fs::rename(new, path)?)
}
