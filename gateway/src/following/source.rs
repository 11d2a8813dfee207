//! Where the tenant's repository lies.

use crate::link::{Link, LinkError, Patience, read, unreachable};
use follow::News;
use reqwest::StatusCode;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::timeout;

/// Where it is followed.
#[derive(Debug)]
pub enum Source {
    /// At the control plane, which tells of news and hears what is in force.
    ControlPlane(Link),
    /// Somewhere that only holds the files, as `writ export-repo` writes them.
    Files {
        /// Where they lie.
        files: Files,
        /// How often to ask for them.
        every: Duration,
        /// How long one may take.
        patience: Patience,
    },
}

/// Files without a control plane.
#[derive(Debug)]
pub enum Files {
    /// Below this URL.
    Web(reqwest::Client, String),
    /// In this directory.
    Directory(PathBuf),
}

impl Source {
    /// What the state machine has to know of it.
    pub const fn kind(&self) -> follow::Source {
        match self {
            Self::ControlPlane(_) => follow::Source::ControlPlane,
            Self::Files { every, .. } => follow::Source::Files { every_ms: every.as_secs().cast_signed() * 1000 },
        }
    }

    /// Waits for news of a timestamp newer than `known`.
    ///
    /// # Errors
    /// [`LinkError`]; files alone never have news.
    pub async fn watch(&self, known: u64) -> Result<News, LinkError> {
        match self {
            Self::ControlPlane(link) => link.watch(known).await.map(News::from),
            Self::Files { .. } => Err(LinkError::Unreadable("watch")),
        }
    }

    /// A file of the repository, at most one byte more of it than `max_len`; `None` if there is none.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn fetch(&self, path: &str, max_len: u64) -> Result<Option<Vec<u8>>, LinkError> {
        match self {
            Self::ControlPlane(link) => link.fetch(path, max_len).await,
            Self::Files { files: Files::Web(http, base), patience, .. } => {
                let response = http.get(format!("{base}/{path}")).timeout(patience.request).send().await.map_err(unreachable)?;
                match response.status() {
                    // Some object stores answer 403 for what is not there, to those who may not list it.
                    StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => Ok(None),
                    status if status.is_success() => read(response, max_len).await.map(Some),
                    status => Err(LinkError::Refused { status: status.as_u16(), what: "fetch", detail: String::new(), wait_ms: 0 }),
                }
            }
            Self::Files { files: Files::Directory(directory), patience, .. } => {
                // The path was made by us from a role and a number, or from a digest: it cannot lead out of the directory.
                let file = directory.join(path);
                let reading = tokio::task::spawn_blocking(move || read_file(&file, max_len));
                // A file system over a network may stall; then the thread stays behind, and following goes on.
                let read = timeout(patience.request, reading).await.map_err(io::Error::other);
                let read = read.and_then(|read| read.map_err(io::Error::other)).and_then(|read| read);
                read.map_err(|error| LinkError::Unreachable(error.to_string()))
            }
        }
    }
}

/// At most one byte more of a file than `max_len`; `None` if there is none.
fn read_file(path: &Path, max_len: u64) -> io::Result<Option<Vec<u8>>> {
    match std::fs::metadata(path) {
        // A pipe would be waited for without end.
        Ok(about) if !about.is_file() => return Err(io::Error::other(format!("{} is no plain file", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        about => about.map(drop)?,
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(max_len.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
