//! Static files: the stylesheet and the icon are part of the program, the browser half lies beside it.
//!
//! Pages work without the browser half, so a missing folder is no error.

use crate::app::App;
use crate::endpoint::{Access, Endpoint, get};
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use std::collections::HashMap;
use std::io;
use std::path::Path as FsPath;

const STYLE: &str = include_str!("../../style/writ.css");
const ICON: &str = include_str!("../../style/icon.svg");

/// All static files in memory, by the path they are served under.
#[derive(Debug, Default)]
pub struct Site {
    files: HashMap<String, (&'static str, Bytes)>,
    css: String,
    start_js: Option<String>,
}

impl Site {
    /// Reads the browser half from `folder`, if it is there: `manifest.json` names the files in `pkg`.
    ///
    /// # Errors
    /// When the folder is there but cannot be read, or its manifest is not one.
    pub fn load(folder: Option<&FsPath>) -> io::Result<Self> {
        let mut site = Self::default();
        let css = format!("writ-{}.css", &control::sha256_hex(STYLE)[..12]);
        site.css = format!("/pkg/{css}");
        site.files.insert(css, ("text/css; charset=utf-8", Bytes::from_static(STYLE.as_bytes())));
        site.files.insert("icon.svg".to_owned(), ("image/svg+xml", Bytes::from_static(ICON.as_bytes())));
        let Some(manifest) = folder.map(|folder| folder.join("manifest.json")).filter(|path| path.exists()) else { return Ok(site) };
        let names: HashMap<String, serde_json::Value> = serde_json::from_slice(&std::fs::read(&manifest)?)?;
        let pkg = manifest.with_file_name("pkg");
        for entry in std::fs::read_dir(&pkg)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = match name.rsplit('.').next() {
                Some("wasm") => "application/wasm",
                Some("js") => "text/javascript; charset=utf-8",
                _ => continue,
            };
            site.files.insert(name, (kind, Bytes::from(std::fs::read(entry.path())?)));
        }
        site.start_js = names.get("start.js").and_then(|name| name.as_str()).map(|name| format!("/pkg/{name}"));
        Ok(site)
    }

    /// The files as pages name them.
    pub fn assets(&self) -> app::page::Assets {
        app::page::Assets { css: self.css.clone(), icon: "/pkg/icon.svg".to_owned(), start_js: self.start_js.clone() }
    }
}

/// Static files, and whether the process is up.
pub fn endpoints() -> Vec<Endpoint> {
    vec![get("/pkg/{file}", Access::Public, file), get("/healthz", Access::Public, healthz), get("/", Access::Public, root)]
}

async fn file(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Problem> {
    let (kind, bytes) = app.site().files.get(&name).ok_or(control::Error::NotFound)?.clone();
    // All but the icon are named by their content.
    let keep = if name == "icon.svg" { "public, max-age=3600" } else { "public, max-age=31536000, immutable" };
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, keep)], bytes).into_response())
}

async fn healthz(State(app): State<App>) -> Result<&'static str, Problem> {
    app.control().tenants().await?;
    Ok("ok\n")
}

/// There is no list of tenants for strangers; where there is but one, its door is shown.
async fn root(State(app): State<App>) -> Result<Response, Problem> {
    match app.control().tenants().await?.as_slice() {
        [only] => Ok(axum::response::Redirect::to(&format!("/t/{only}/home")).into_response()),
        _ => Err(control::Error::NotFound.into()),
    }
}
