//! Where things are: the repository, the build directory, and the files below a folder.

use anyhow::{Context as _, Result};
use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// The repository's root: the folder above this package.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map(Path::to_path_buf).unwrap_or(package)
}

/// Cargo's build directory for everything that runs on this machine.
pub fn target_dir() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

static PROFILE: OnceLock<String> = OnceLock::new();

/// From now on, [`binary`] means the build of this profile. Only the first call counts.
pub fn use_profile(profile: &str) {
    PROFILE.get_or_init(|| profile.to_owned());
}

/// Where cargo puts the binary `name`.
pub fn binary(name: &str) -> PathBuf {
    let profile = PROFILE.get().map_or("debug", String::as_str);
    target_dir().join(profile).join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

/// Every file below `dir`, sorted by path, so that a hash over them is stable. A folder that is missing has no files.
pub fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(dir, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if !dir.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target" && name != "node_modules") {
                collect(&path, found)?;
            }
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// The first of `names` that is a file in one of the folders of `PATH`.
pub fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|candidate| candidate.is_file())
}
