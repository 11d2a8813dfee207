//! The engine of the Open Policy Agent: a shared library out of a Python package, in a folder of its own below the build directory.

use super::prerequisites::Tools;
use crate::{process, tree};
use anyhow::{Context as _, Result};
use std::{
    env,
    path::{Path, PathBuf},
};

/// Names the library to the tests. When it is set already, that library is used and none is installed.
pub const VARIABLE: &str = "WRIT_OPA_ENGINE";

/// What the library's file begins with; its ending differs between systems.
const LIBRARY: &str = "libopabridge.";

/// The tests that ask the engine: the generated Rego, and the page for users of an OPA. Run one after the other, since none of one kind would not be
/// noticed beside the other.
const TESTS: [&str; 2] = ["package(opa) & binary(rego)", "package(end2end) & test(opa::page)"];

/// Runs what compares the generated Rego with our own decision, in both engines.
pub fn run(tools: &Tools) -> Result<()> {
    let library = tools.opa_engine.as_ref().context("OPA's engine was installed a moment ago")?;
    let cargo = |words: &[&str]| {
        let mut command = process::cargo();
        command.args(words).current_dir(tree::root()).env(VARIABLE, library);
        process::run(&mut command)
    };
    if tools.nextest {
        return TESTS.iter().try_for_each(|tests| cargo(&["nextest", "run", "-E", tests]));
    }
    cargo(&["test", "--package", "opa", "--test", "rego"])?;
    cargo(&["test", "--package", "end2end", "--test", "failures", "opa::page"])
}

/// The Debian packages without which the engine cannot be installed.
pub fn missing_packages() -> Vec<&'static str> {
    if named().is_some() { Vec::new() } else { super::python::missing_packages() }
}

fn named() -> Option<PathBuf> {
    env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The library: the one that was named, the one that was installed before, or one that is installed now.
pub fn engine() -> Result<PathBuf> {
    if let Some(library) = named() {
        return Ok(library);
    }
    let advice = || format!("{VARIABLE} can name a {LIBRARY}so of yours, and --skip opa leaves out what needs it");
    // The package asks for a newer Python than the library needs, of which alone anything is used.
    let list = "crates/opa/engines/oracle/requirements.txt";
    let folder = super::python::environment("opa-engine", list, &["--ignore-requires-python"]).with_context(advice)?;
    library_below(&folder).with_context(|| format!("there is no {LIBRARY}* below {}", folder.display()))
}

fn library_below(folder: &Path) -> Option<PathBuf> {
    let is_it = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(LIBRARY));
    tree::files_below(folder).ok()?.into_iter().find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
}
