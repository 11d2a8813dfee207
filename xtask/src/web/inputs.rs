//! What the browser half is made from, as one hash: when it is unchanged there is nothing to do.

use super::route::Choice;
use crate::{process, tree};
use anyhow::{Context as _, Result};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<PathBuf>,
}

/// A hash over every source of the browser half, the lock file, the recipe and the tools.
pub fn hash(optimizer: Option<&Path>, compiler: Option<Choice>) -> Result<String> {
    let root = tree::root();
    let mut folders = islands_and_what_they_use(&root)?;
    folders.extend(["app/web", "xtask/src/web", "xtask/web"].map(|folder| root.join(folder)));

    let mut hash = Sha256::new();
    for folder in &folders {
        for file in tree::files_below(folder)? {
            feed(&mut hash, &root, &file)?;
        }
    }
    for file in ["Cargo.lock", "Cargo.toml", ".cargo/config.toml"] {
        feed(&mut hash, &root, &root.join(file))?;
    }
    hash.update(process::output(Command::new("rustc").arg("-vV").current_dir(&root))?);
    hash.update(optimizer.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default());
    hash.update(format!("{compiler:?}"));
    Ok(format!("{:x}", hash.finalize()))
}

fn feed(hash: &mut Sha256, root: &Path, file: &Path) -> Result<()> {
    let content = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let name = file.strip_prefix(root).unwrap_or(file).to_string_lossy();
    for part in [name.as_bytes(), &content] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    Ok(())
}

/// The folders of `islands` and of the workspace packages that it is built from.
fn islands_and_what_they_use(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let said = process::output(process::cargo().args(["metadata", "--format-version=1", "--no-deps", "--offline"]).current_dir(root))?;
    let metadata: Metadata = serde_json::from_str(&said).context("reading cargo metadata")?;
    let mut waiting = vec!["islands".to_owned()];
    let mut folders = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        let package = metadata
            .packages
            .iter()
            .find(|package| package.name == name)
            .with_context(|| format!("the workspace has no package `{name}`"))?;
        let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
        if folders.insert(folder.to_path_buf()) {
            let used = package.dependencies.iter().filter(|it| it.path.is_some() && it.kind.as_deref() != Some("dev"));
            waiting.extend(used.map(|dependency| dependency.name.clone()));
        }
    }
    Ok(folders)
}
