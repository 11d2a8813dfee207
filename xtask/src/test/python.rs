//! Python packages for the tests: pinned by digest, each list in a virtual environment of its own below the build directory.

use crate::{process, tree};
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The Debian packages without which no environment can be made.
pub fn missing_packages() -> Vec<&'static str> {
    let python = |words: &[&str]| {
        let mut command = Command::new("python3");
        command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    match (python(&["--version"]), python(&["-c", "import ensurepip, venv"])) {
        (false, _) => vec!["python3", "python3-venv"],
        (true, false) => vec!["python3-venv"],
        (true, true) => Vec::new(),
    }
}

/// An environment with what the list `requirements` (below the repository's root) names: the one that was made before, or one that is made
/// now. `options` are pip's.
pub fn environment(name: &str, requirements: &str, options: &[&str]) -> Result<PathBuf> {
    let list = tree::root().join(requirements);
    let wanted = fs::read_to_string(&list).with_context(|| format!("reading {}", list.display()))?;
    let folder = tree::target_dir().join("tools").join(name);
    // Written last: a folder without it is half made.
    let made_from = folder.join("made-from.txt");
    if fs::read_to_string(&made_from).is_ok_and(|held| held == wanted) {
        return Ok(folder);
    }
    println!("installing {name} from PyPI, once");
    install(&folder, &list, options).with_context(|| format!("{name} could not be installed from PyPI"))?;
    fs::write(&made_from, wanted)?;
    Ok(folder)
}

fn install(folder: &Path, list: &Path, options: &[&str]) -> Result<()> {
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:"]);
    process::run(pip.args(options).arg("--requirement").arg(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that is installed is named with its digest, and with one version.
    #[test]
    fn the_lists_pin_what_they_name() -> Result<()> {
        for (list, packages) in [("crates/opa/engines/oracle/requirements.txt", 1), ("crates/bundle/oracles/requirements.txt", 6)] {
            let list = fs::read_to_string(tree::root().join(list))?;
            let joined = list.replace("\\\n", " ");
            let lines: Vec<&str> = joined.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
            assert_eq!(lines.len(), packages, "{lines:?}");
            assert!(lines.iter().all(|line| line.contains("==") && line.contains("--hash=sha256:")), "{lines:?}");
        }
        Ok(())
    }
}
