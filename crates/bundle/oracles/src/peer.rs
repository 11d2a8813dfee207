//! `tough`, the client of the Rust world.

use crate::scenario::Scenario;
use crate::words::NOT_FOUND;
use anyhow::{Context as _, Result, anyhow};
use futures::TryStreamExt as _;
use std::path::Path;
use tough::{ExpirationEnforcement, FilesystemTransport, Repository, RepositoryLoader, TargetName};
use url::Url;

/// Follows the states of a scenario with one datastore; the inner result is about the last.
pub async fn follow(scenario: &Scenario, folder: &Path) -> Result<Result<()>> {
    let datastore = tempfile::tempdir()?;
    let older = tempfile::tempdir()?;
    let last = scenario.states.len() - 1;
    for at in 0..last {
        load(folder, at, datastore.path(), false)
            .await
            .with_context(|| format!("{}: tough refuses the honest state {at}", scenario.name))?;
        if at == 0 {
            copy(datastore.path(), older.path())?;
        }
    }
    if let Some(spoil) = scenario.spoil {
        spoil.folder(datastore.path(), older.path())?;
    }
    Ok(load(folder, last, datastore.path(), scenario.about_time).await)
}

/// What kind of error it is, by `tough`'s name for it.
pub fn kind(error: &anyhow::Error) -> String {
    match error.downcast_ref::<tough::error::Error>() {
        Some(error) => format!("{error:?}").chars().take_while(char::is_ascii_alphanumeric).collect(),
        None => NOT_FOUND.to_owned(),
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

async fn load(folder: &Path, at: usize, datastore: &Path, by_the_clock: bool) -> Result<()> {
    let state = std::path::absolute(folder.join(at.to_string()))?;
    let url = |part: &str| Url::from_directory_path(state.join(part)).map_err(|()| anyhow!("no URL for {}", state.display()));
    // The pinned root is the first state's: what an enrolment gives.
    let root = std::fs::read(folder.join("0/metadata/1.root.json"))?;
    let enforcement = if by_the_clock { ExpirationEnforcement::Safe } else { ExpirationEnforcement::Unsafe };
    let loader = RepositoryLoader::new(&root, url("metadata")?, url("targets")?);
    let repository = loader.transport(FilesystemTransport).datastore(datastore).expiration_enforcement(enforcement).load().await?;
    for name in ["assignment/rings.json", "revocations/list.json"] {
        read(&repository, name).await?;
    }
    let newest =
        repository.targets().signed.targets.keys().filter(|name| name.raw().starts_with("policy/")).map(|name| name.raw().to_owned()).max();
    read(&repository, &newest.context("no policy is listed")?).await
}

async fn read(repository: &Repository, name: &str) -> Result<()> {
    let stream = repository.read_target(&TargetName::new(name)?).await?.with_context(|| format!("tough does not find {name}"))?;
    stream.try_for_each(|_| async { Ok(()) }).await?;
    Ok(())
}
