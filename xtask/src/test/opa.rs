//! The engine of the Open Policy Agent: a shared library out of a Python package, in a folder of its own below the build directory.

use super::prerequisites::Tools;
use crate::{process, tree};
use anyhow::{Context as _, Result};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Names the library to the tests. When it is set already, that library is used and none is installed.
pub const VARIABLE: &str = "WRIT_OPA_ENGINE";

/// What the library's file begins with; its ending differs between systems.
const LIBRARY: &str = "libopabridge.";

/// The tests that ask the engine: the generated Rego, and the page for users of an OPA.
const TESTS: &str = "(package(opa) & binary(rego)) + (package(end2end) & test(opa::page))";

/// Runs what compares the generated Rego with our own decision, in both engines.
pub fn run(tools: &Tools) -> Result<()> {
    let library = tools.opa_engine.as_ref().context("OPA's engine was installed a moment ago")?;
    let cargo = |words: &[&str]| {
        let mut command = process::cargo();
        command.args(words).current_dir(tree::root()).env(VARIABLE, library);
        process::run(&mut command)
    };
    if tools.nextest {
        return cargo(&["nextest", "run", "-E", TESTS]);
    }
    cargo(&["test", "--package", "opa", "--test", "rego"])?;
    cargo(&["test", "--package", "end2end", "--test", "failures", "opa::page"])
}

/// The Debian packages without which the engine cannot be installed.
pub fn missing_packages() -> Vec<&'static str> {
    if named().is_some() {
        return Vec::new();
    }
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

fn named() -> Option<PathBuf> {
    env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The library: the one that was named, the one that was installed before, or one that is installed now.
pub fn engine() -> Result<PathBuf> {
    if let Some(library) = named() {
        return Ok(library);
    }
    let list = tree::root().join("crates/opa/engines/oracle/requirements.txt");
    let wanted = fs::read_to_string(&list).with_context(|| format!("reading {}", list.display()))?;
    let folder = tree::target_dir().join("tools/opa-engine");
    // Written last: a folder without it is half made.
    let made_from = folder.join("made-from.txt");
    if fs::read_to_string(&made_from).is_ok_and(|held| held == wanted)
        && let Some(library) = library_below(&folder)
    {
        return Ok(library);
    }
    println!("installing OPA's engine, once (13 MB)");
    install(&folder, &list).context(format!(
        "OPA's engine could not be installed from PyPI; {VARIABLE} can name a {LIBRARY}so of yours, and --skip opa leaves out what needs it"
    ))?;
    let library = library_below(&folder).with_context(|| format!("there is no {LIBRARY}* below {}", folder.display()))?;
    fs::write(&made_from, wanted)?;
    Ok(library)
}

fn install(folder: &Path, list: &Path) -> Result<()> {
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    // The package asks for a newer Python than the library needs, of which alone anything is used.
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:"]);
    process::run(pip.args(["--ignore-requires-python", "--requirement"]).arg(list))
}

fn library_below(folder: &Path) -> Option<PathBuf> {
    let is_it = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(LIBRARY));
    tree::files_below(folder).ok()?.into_iter().find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_whatever_its_ending() -> Result<()> {
        let folder = tempfile::tempdir()?;
        assert_eq!(library_below(folder.path()), None);
        let package = folder.path().join("lib/python3.11/site-packages/opa_bindings");
        fs::create_dir_all(&package)?;
        fs::write(package.join("engine.py"), "")?;
        assert_eq!(library_below(folder.path()), None);
        fs::write(package.join("libopabridge.dylib"), "")?;
        assert_eq!(library_below(folder.path()), Some(package.join("libopabridge.dylib")));
        Ok(())
    }

    /// Everything that is installed is named with its digest, and with one version.
    #[test]
    fn the_list_pins_what_it_names() -> Result<()> {
        let list = fs::read_to_string(tree::root().join("crates/opa/engines/oracle/requirements.txt"))?;
        let joined = list.replace("\\\n", " ");
        let lines: Vec<&str> = joined.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("opa-golib-python-bindings==") && lines[0].matches("--hash=sha256:").count() == 3, "{}", lines[0]);
        Ok(())
    }
}
