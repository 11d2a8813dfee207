//! The site's folder: files named by their content, so that browsers may keep them for ever, and the map of the names.

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// What the site is put together from.
pub struct Parts {
    /// The folder with `islands.js` and `islands_bg.wasm`.
    pub bindings: PathBuf,
    /// The script that starts the islands; imports `./islands.js` and fetches `./islands_bg.wasm`.
    pub start: PathBuf,
}

/// Whether the folder holds what these inputs make.
pub fn is_current(site: &Path, inputs: &str) -> bool {
    fs::read_to_string(site.join("inputs")).is_ok_and(|made_from| made_from == inputs) && site.join("manifest.json").is_file()
}

/// Writes the folder anew; returns each file with its size. The old folder stays until the new one is complete.
pub fn write(site: &Path, parts: &Parts, inputs: &str) -> Result<Vec<(String, usize)>> {
    let next = site.with_extension("next");
    if next.exists() {
        fs::remove_dir_all(&next)?;
    }
    let mut package = Package { folder: next.join("pkg"), manifest: BTreeMap::new(), sizes: Vec::new() };
    fs::create_dir_all(&package.folder)?;

    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
    let wasm_path = parts.bindings.join("islands_bg.wasm");
    let wasm = package.add("islands.wasm", &fs::read(&wasm_path).with_context(|| format!("reading {}", wasm_path.display()))?)?;
    let bindings = read(&parts.bindings.join("islands.js"))?;
    let islands = package.add("islands.js", bindings.as_bytes())?;
    // The start script names the files that it loads, so it gets its own name last.
    let start = renamed(&read(&parts.start)?, "./islands.js", &format!("./{islands}"))?;
    let start = renamed(&start, "./islands_bg.wasm", &format!("./{wasm}"))?;
    package.add("start.js", start.as_bytes())?;
    // Scripts that crates bring along would be loaded from a folder that the server does not serve.
    ensure!(!parts.bindings.join("snippets").exists(), "a crate used by `islands` brings its own JavaScript files, which are not served");

    fs::write(next.join("manifest.json"), serde_json::to_string_pretty(&package.manifest)?)?;
    fs::write(next.join("islands.json"), serde_json::to_string_pretty(&exported_functions(&bindings))?)?;
    fs::write(next.join("inputs"), inputs)?;
    if site.exists() {
        fs::remove_dir_all(site)?;
    }
    fs::rename(&next, site).with_context(|| format!("moving the site to {}", site.display()))?;
    Ok(package.sizes)
}

struct Package {
    folder: PathBuf,
    manifest: BTreeMap<String, String>,
    sizes: Vec<(String, usize)>,
}

impl Package {
    /// Writes a file under its hashed name, which is returned.
    fn add(&mut self, logical: &str, content: &[u8]) -> Result<String> {
        let (stem, extension) = logical.rsplit_once('.').context("a logical name has an ending")?;
        let hash = format!("{:x}", Sha256::digest(content));
        let name = format!("{stem}-{}.{extension}", &hash[..16]);
        fs::write(self.folder.join(&name), content).with_context(|| format!("writing {name}"))?;
        self.manifest.insert(logical.to_owned(), name.clone());
        self.sizes.push((name.clone(), content.len()));
        Ok(name)
    }
}

/// What the bindings export by name: the islands, as a page calls them in `data-component`, and `hydrate`.
fn exported_functions(bindings: &str) -> Vec<&str> {
    bindings.lines().filter_map(|line| line.strip_prefix("export function ")?.split('(').next()).collect()
}

fn renamed(script: &str, from: &str, to: &str) -> Result<String> {
    ensure!(script.contains(from), "the script was to load `{from}`, but does not mention it");
    Ok(script.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_script_loads_the_hashed_names() -> Result<()> {
        let scratch = tempfile::tempdir()?;
        let bindings = scratch.path().join("bindings");
        fs::create_dir_all(&bindings)?;
        fs::write(bindings.join("islands_bg.wasm"), b"\0asm")?;
        fs::write(bindings.join("islands.js"), "export function Fleet_17(el) {\n}\nexport function hydrate() {\n}\n")?;
        let start = scratch.path().join("start.js");
        fs::write(&start, "import init from './islands.js'; init('./islands_bg.wasm')")?;
        let site = scratch.path().join("site");
        write(&site, &Parts { bindings, start }, "inputs")?;

        let manifest: BTreeMap<String, String> = serde_json::from_str(&fs::read_to_string(site.join("manifest.json"))?)?;
        let text = |logical: &str| fs::read_to_string(site.join("pkg").join(&manifest[logical]));
        assert!(text("start.js")?.contains(&manifest["islands.js"]));
        assert!(text("start.js")?.contains(&manifest["islands.wasm"]));
        let islands: Vec<String> = serde_json::from_str(&fs::read_to_string(site.join("islands.json"))?)?;
        assert_eq!(islands, ["Fleet_17", "hydrate"]);
        assert!(is_current(&site, "inputs") && !is_current(&site, "others"));
        Ok(())
    }
}
